import { json } from "./api";
import type { GlossaryTerm, Matters } from "./types";

let words: Promise<GlossaryTerm[]> | undefined;
export const glossary = () => (words ??= json<GlossaryTerm[]>("/api/glossary").catch(() => []));

let numbers: Promise<Matters> | undefined;
export const matters = () =>
  (numbers ??= json<Matters>("/api/matters").catch((e) => {
    numbers = undefined;
    throw e;
  }));

const plain = (text: string) => ` ${text.toLowerCase().replace(/[^\p{L}\p{N}()/,.-]+/gu, " ")} `;

/** The terms that stand in a text, as whole words, in the order of the glossary. */
export function termsIn(text: string, all: GlossaryTerm[]): GlossaryTerm[] {
  const said = plain(text)
    .replace(/[,;:.)]+ /g, " ")
    .replace(/ \(/g, " ");
  return all.filter((t) => [t.word, ...t.also].some((form) => said.includes(` ${form.toLowerCase()} `)));
}
