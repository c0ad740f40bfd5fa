import type { Catalogue, Curve, Curves, Problem } from "./types";

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
const MOST_TRIES = 12;
const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

async function ask(
  path: string,
  body?: unknown,
  onBusy?: (busy: boolean) => void,
  stale?: () => boolean,
): Promise<Response> {
  for (let attempt = 0; ; attempt++) {
    let answer: Response;
    try {
      answer = await fetch(
        path,
        body === undefined
          ? {}
          : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
      );
    } catch {
      throw new Refused(
        { what: "The program behind this page does not answer.", where: "", allowed: "", try: "ketasim serve" },
        0,
      );
    }
    if (answer.ok) {
      onBusy?.(false);
      return answer;
    }
    if (answer.status === 429 && attempt < MOST_TRIES && !stale?.()) {
      onBusy?.(true);
      await wait(PATIENCE_MS * (1 + Math.random()));
      if (stale?.())
        throw new Refused({ what: "A newer question took its place.", where: "", allowed: "", try: "" }, 429);
      continue;
    }
    onBusy?.(false);
    const problem = await answer
      .json()
      .catch(() => ({ what: `The server answered ${answer.status}.`, where: "", allowed: "", try: "" }));
    throw new Refused(problem, answer.status);
  }
}

export async function json<T>(path: string, body?: unknown, onBusy?: (busy: boolean) => void): Promise<T> {
  return (await ask(path, body, onBusy)).json();
}

/** The slider's answer: length of the header, header, times, then per output its curves as 32-bit numbers. */
export async function curves(body: unknown, onBusy?: (busy: boolean) => void, stale?: () => boolean): Promise<Curves> {
  const bytes = await (await ask("/api/curves", body, onBusy, stale)).arrayBuffer();
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

/** Runs the newest question only: while one is under way, the ones between are skipped. */
export function newestOnly<Q>(work: (question: Q, stale: () => boolean) => Promise<void>) {
  let pending: { question: Q } | undefined;
  let running = false;
  return async (question: Q) => {
    pending = { question };
    if (running) return;
    running = true;
    while (pending) {
      const { question: mine } = pending;
      pending = undefined;
      await work(mine, () => pending !== undefined);
    }
    running = false;
  };
}

const AT_ONCE = 2; // quick questions under way: the next is worked on while the last one is drawn
const DRAGGED_MS = 140; // moves closer together than this are a drag
const PAUSE_MS = 70; // of a drag, before the whole answer is worth its time
const SOON_MS = 120; // a single move asks for the whole answer at once if the last one took no longer

/** A slider's answers: the whole one for a single move on a machine that is quick enough; in a drag a quick one for every move that can be kept
up with, the whole one when the slider rests; never an older after a newer one. */
export function live<Q, A>(
  quick: (question: Q, stale: () => boolean) => Promise<A>,
  whole: (question: Q, stale: () => boolean) => Promise<A>,
  show: (answer: A, complete: boolean) => void,
  fail: (problem: unknown) => void,
) {
  let newest = 0;
  let drawn = 0;
  let underWay = 0;
  let resting = false; // a whole answer is under way
  let last: { question: Q; turn: number } | undefined;
  let waiting = false;
  let moved = -Infinity;
  let took = 0; // the last whole answer, ms

  async function settle() {
    if (resting || !last) return;
    const { question, turn } = last;
    resting = true;
    const begun = performance.now();
    try {
      const answer = await whole(question, () => turn !== newest);
      took = performance.now() - begun;
      if (turn === newest) {
        drawn = turn;
        show(answer, true);
      }
    } catch (e) {
      if (turn === newest) fail(e);
    }
    resting = false;
    if (turn !== newest && drawn === newest && !underWay) void settle();
  }
  return async (question: Q) => {
    const now = performance.now();
    const pause = now - moved < DRAGGED_MS ? PAUSE_MS : 0;
    moved = now;
    last = { question, turn: ++newest };
    if (!pause && !underWay && !resting && took < SOON_MS) return settle();
    waiting = true;
    if (underWay >= AT_ONCE) return;
    underWay++;
    while (waiting) {
      const mine = last;
      waiting = false;
      try {
        const answer = await quick(mine.question, () => mine.turn !== newest);
        if (mine.turn > drawn) {
          drawn = mine.turn;
          show(answer, false);
        }
        if (mine.turn === newest) {
          if (pause) setTimeout(() => mine.turn === newest && void settle(), PAUSE_MS);
          else void settle();
        }
      } catch (e) {
        if (mine.turn === newest) fail(e);
      }
    }
    underWay--;
  };
}
