import { alive, PAGE } from "./alive.svelte";
import type { Catalogue, Curve, Curves, Problem } from "./types";
import { waiting } from "./waiting.svelte";

/** A refusal of the server, in the form of every message: what, where, allowed, try. */
export class Refused extends Error {
  constructor(
    public problem: Problem,
    public status: number,
  ) {
    super(problem.what);
  }
}

const PATIENCE_MS = 350;
const PATIENCE_IN_ALL_MS = 90_000;
const LOST_MS = 700;
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

type Busy = (busy: boolean) => void;

/** Asks until there is an answer: a busy machine is asked again, one that is gone (killed, started anew) is looked for until it is back. */
async function ask(
  path: string,
  body?: unknown,
  onBusy?: Busy,
  stale?: () => boolean,
  method = body === undefined ? "GET" : "POST",
): Promise<Response> {
  const headers: Record<string, string> = { "x-ketasim-page": PAGE };
  if (body !== undefined) headers["content-type"] = "application/json";
  const until = performance.now() + PATIENCE_IN_ALL_MS;
  let told = false;
  const busy = (yes: boolean) => {
    if (onBusy) onBusy(yes);
    else if (yes !== told) alive.waiting += yes ? 1 : -1;
    told = yes;
  };
  const newer = () => new Refused({ what: "A newer question took its place.", where: "", allowed: "", try: "" }, 429);
  try {
    for (;;) {
      let answer: Response;
      try {
        answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
      } catch {
        alive.lost = true;
        if (stale?.()) throw newer();
        await wait(LOST_MS);
        if (stale?.()) throw newer();
        continue;
      }
      alive.lost = false;
      if (answer.ok) return answer;
      if (answer.status === 429 && performance.now() < until && !stale?.()) {
        busy(true);
        await wait(PATIENCE_MS * (1 + Math.random()));
        if (stale?.()) throw newer();
        continue;
      }
      const problem = await answer
        .json()
        .catch(() => ({ what: `The server answered ${answer.status}.`, where: "", allowed: "", try: "" }));
      throw new Refused(problem, answer.status);
    }
  } finally {
    busy(false);
  }
}

export function json<T>(path: string, body?: unknown, onBusy?: Busy): Promise<T> {
  return waiting.during(ask(path, body, onBusy).then((answer) => answer.json()));
}

/** Another verb than asking or posting: calling off a task. */
export function call<T>(method: string, path: string): Promise<T> {
  return waiting.during(ask(path, undefined, undefined, undefined, method).then((answer) => answer.json()));
}

/** The slider's answer: length of the header, header, times, then per output its curves as 32-bit numbers. */
export function curves(body: unknown, onBusy?: Busy, stale?: () => boolean): Promise<Curves> {
  const answer = ask("/api/curves", body, onBusy, stale);
  return waiting.during(answer.then(async (packed) => unpack(await packed.arrayBuffer())));
}

/** The course that the page begins with, as stored when the package was made; nothing where the model has changed since. */
let stored: Promise<Curves | undefined> | undefined;
export const first = () =>
  (stored ??= waiting.during(
    ask("/api/first").then(async (answer) => (answer.status === 200 ? unpack(await answer.arrayBuffer()) : undefined)),
  ));

function unpack(bytes: ArrayBuffer): Curves {
  const size = new DataView(bytes).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, size)));
  let at = 4 + size;
  const next = () => {
    const found = new Float32Array(bytes, at, head.times);
    at += 4 * head.times;
    return found;
  };
  const time = next();
  const table: Record<string, Curve> = {};
  for (const { name, unit, label } of head.outputs) {
    const curve: Record<string, unknown> = { name, unit, label };
    for (const kind of head.curves) curve[kind] = next();
    table[name] = curve as unknown as Curve;
  }
  return { ...head, time, curves: table };
}

let known: Promise<Catalogue> | undefined;
export const catalogue = () => (known ??= json<Catalogue>("/api/catalogue"));
