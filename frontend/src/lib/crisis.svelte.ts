import type { Crisis } from "./types";

/** The country whose line on help is shown: the browser's own until the reader chooses; nothing is asked of any other machine. */
class Country {
  code = $state("");
  constructor() {
    const found = /^[a-z]{2,3}[-_](?:[A-Za-z]{4}[-_])?([A-Za-z]{2})\b/.exec(navigator.language ?? "");
    this.code = found ? found[1].toUpperCase() : "";
  }
}
export const country = new Country();

/** The line that stands wherever mood is shown: the general words, and the numbers of the place where they are known. */
export function crisisText(crisis: Crisis | undefined, code: string): string {
  if (!crisis) return "In a crisis: call the emergency number of the place where you are.";
  const here = crisis.lines.filter((line) => line.countries.includes(code));
  return [crisis.general, ...here.map((line) => line.text)].join(" ");
}
