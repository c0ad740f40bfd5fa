import { waiting } from "./waiting.svelte";

/** Which question is asked next, and which answer may still be shown. No drawing, no fetching: those are handed in. */

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

export const AT_ONCE = 2; // quick questions under way: the next is worked on while the last one is drawn
export const DRAGGED_MS = 140; // moves closer together than this are a drag
export const PAUSE_MS = 70; // of a drag, before the whole answer is worth its time
export const SOON_MS = 120; // a single move asks for the whole answer at once if the last one took no longer

/** What the slider's answers come from, and the clock they run by. */
export interface Parts<Q, A> {
  quick: (question: Q, stale: () => boolean) => Promise<A>;
  whole: (question: Q, stale: () => boolean) => Promise<A>;
  show: (answer: A, complete: boolean) => void;
  fail: (problem: unknown) => void;
  now?: () => number;
  later?: (work: () => void, ms: number) => void;
}

/** One move of the slider: its turn counts up, so that an answer knows whether a newer question was asked. */
interface Move<Q> {
  question: Q;
  turn: number;
  dragged: boolean;
}

/**
 * A slider's answers. A single move gets the whole answer at once if the machine was quick enough the last time; in a drag every move that
 * can be kept up with gets a quick one, and the whole one comes when the slider rests. An older answer is never shown after a newer one.
 */
export class Live<Q, A> {
  private newest = 0; // turn of the last question
  private drawn = 0; // turn of the answer on the screen
  private underWay = 0; // quick questions
  private settling = false; // a whole answer is under way
  private again = false; // and another one was wanted meanwhile
  private queued: Move<Q> | undefined; // waits for a quick answer
  private last: Move<Q> | undefined;
  private moved = -Infinity;
  private took = 0; // the last whole answer, ms
  private readonly now: () => number;
  private readonly later: (work: () => void, ms: number) => void;

  constructor(private readonly parts: Parts<Q, A>) {
    this.now = parts.now ?? (() => performance.now());
    this.later = parts.later ?? ((work, ms) => void setTimeout(work, ms));
  }

  /** The slider has moved. */
  async ask(question: Q): Promise<void> {
    const now = this.now();
    this.last = { question, turn: ++this.newest, dragged: now - this.moved < DRAGGED_MS };
    this.moved = now;
    if (!this.last.dragged && !this.underWay && !this.settling && this.took < SOON_MS) return this.settle();
    this.queued = this.last;
    if (this.underWay < AT_ONCE) await this.follow();
  }

  /** Quick answers, as long as a question waits. */
  private async follow(): Promise<void> {
    this.underWay++;
    while (this.queued) {
      const mine = this.queued;
      this.queued = undefined;
      try {
        const answer = await this.parts.quick(mine.question, () => mine.turn !== this.newest);
        if (mine.turn > this.drawn) this.draw(mine, answer, false);
        if (mine.turn === this.newest) this.rest(mine);
      } catch (problem) {
        if (mine.turn === this.newest) this.parts.fail(problem);
      }
    }
    this.underWay--;
  }

  /** The whole answer when the slider rests: at once after a single move, after a pause in a drag. */
  private rest(mine: Move<Q>): void {
    if (!mine.dragged) void this.settle();
    else this.later(() => mine.turn === this.newest && void this.settle(), PAUSE_MS);
  }

  /** The whole answer of the last question; asked again if a newer one came and nobody else works on it. */
  private async settle(): Promise<void> {
    if (this.settling || !this.last) {
      this.again = true;
      return;
    }
    this.again = false;
    const mine = this.last;
    this.settling = true;
    const begun = this.now();
    try {
      const answer = await this.parts.whole(mine.question, () => mine.turn !== this.newest);
      this.took = this.now() - begun;
      if (mine.turn === this.newest) this.draw(mine, answer, true);
    } catch (problem) {
      if (mine.turn === this.newest) this.parts.fail(problem);
    }
    this.settling = false;
    if (this.again && mine.turn !== this.newest) void this.settle();
  }

  private draw(mine: Move<Q>, answer: A, complete: boolean): void {
    this.drawn = mine.turn;
    this.parts.show(answer, complete);
  }
}

/** The slider's answers as one function to call on every move. */
export function live<Q, A>(
  quick: Parts<Q, A>["quick"],
  whole: Parts<Q, A>["whole"],
  show: Parts<Q, A>["show"],
  fail: Parts<Q, A>["fail"],
): (question: Q) => Promise<void> {
  const machine = new Live<Q, A>({ quick, whole, show, fail, later: (work, ms) => void waiting.later(work, ms) });
  return (question) => machine.ask(question);
}
