/** Who reads: changes words and how much stands open at first, never a number. It is part of the address. */
export const ROLES = [
  { key: "learn", label: "Learn" },
  { key: "research", label: "Research" },
  { key: "clinic", label: "Clinic-education" },
] as const;
export type RoleName = (typeof ROLES)[number]["key"];

class Role {
  name = $state<RoleName>("learn");

  /** From the address; what is not known is named. */
  read(query: URLSearchParams): string {
    const asked = query.get("role");
    const known = ROLES.find((r) => r.key === asked);
    this.name = known?.key ?? "learn";
    return asked !== null && !known
      ? `role=${asked.slice(0, 40)} is not known; allowed: ${ROLES.map((r) => r.key).join(", ")}`
      : "";
  }
  /** The end of a link that keeps the role. */
  get suffix() {
    return this.name === "learn" ? "" : `?role=${this.name}`;
  }
}
export const role = new Role();

/** Writes what a view shows into the address; no entry in the history per move of a slider. */
export function remember(view: string, query: URLSearchParams) {
  if (role.name !== "learn") query.set("role", role.name);
  const wanted = `#/${view}${query.size ? `?${query}` : ""}`;
  if (location.hash !== wanted) history.replaceState(null, "", wanted);
}
