import type { Catalogue } from "./types";

/** What must stand beside an output wherever it is shown, by its name: that it was computed and never measured, say. Filled from the catalogue. */
const known = new Map<string, string>();
export function learn(facts: Catalogue) {
  for (const o of facts.outputs) if (o.caveat) known.set(o.name, o.caveat);
}
export const markOf = (name: string) => known.get(name) ?? "";

/** The marks of several outputs in one line: "BDNF: ..." only where they differ. */
export function marksOf(named: { name: string; label: string }[]): string {
  const marks = named.map((x) => ({ ...x, mark: markOf(x.name) }));
  const all = [...new Set(marks.map((x) => x.mark))];
  if (all.length === 1) return all[0];
  return [...new Map(marks.filter((x) => x.mark).map((x) => [x.name, `${x.label}: ${x.mark}`])).values()].join("; ");
}

/** What every picture and table that leaves the page carries: the line on research and teaching, and where help is in a crisis. */
let notice = "";
let crisis = "";
export function carry(research: string, help: string) {
  [notice, crisis] = [research, help];
}
/** The two lines, the first only where the caption does not have it already. */
export const carried = (caption = "") =>
  [notice && !caption.includes(notice) ? notice : "", crisis].filter(Boolean).join(" ");
