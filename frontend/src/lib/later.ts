import { alive } from "./alive.svelte";
import { waiting } from "./waiting.svelte";

const LOST_MS = 700;

/** A part of the page that is fetched once, when it is first wanted. A program that is gone is looked for until it is back, as for any question. */
export function later<T>(fetch: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  async function bring(): Promise<T> {
    for (;;) {
      try {
        const part = await fetch();
        alive.lost = false;
        return part;
      } catch {
        alive.lost = true;
        await new Promise((done) => setTimeout(done, LOST_MS));
      }
    }
  }
  return () => (found ??= waiting.during(bring()));
}
