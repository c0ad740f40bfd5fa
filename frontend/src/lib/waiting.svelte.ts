import { tick } from "svelte";

/**
 * What the page has asked for and not drawn yet: questions to the server, and pauses that end in one.
 * Whoever keeps a view as a file waits for it, so that the file never holds half an answer.
 */
class Waiting {
  private open = 0;
  private turn = 0;
  /** Nothing is under way, and nothing followed from the last answer. */
  quiet = $state(true);

  /** Something is under way until the function that comes back is called (once counts). */
  begin(): () => void {
    this.open++;
    this.turn++;
    this.quiet = false;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      if (!--this.open) void this.rest(this.turn);
    };
  }

  /** As long as an answer is under way. */
  async during<T>(answer: Promise<T>): Promise<T> {
    const end = this.begin();
    try {
      return await answer;
    } finally {
      end();
    }
  }

  /** Something is done after a pause, unless the function that comes back is called before. */
  later(work: () => void, ms: number): () => void {
    const end = this.begin();
    const timer = setTimeout(() => {
      work();
      end();
    }, ms);
    return () => {
      clearTimeout(timer);
      end();
    };
  }

  /** An answer may be what the next question follows from: quiet is when it is drawn and nothing was asked since. */
  private async rest(turn: number): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await new Promise((done) => setTimeout(done));
      await tick();
      if (turn !== this.turn) return;
    }
    this.quiet = true;
  }

  /** Comes back when all is quiet; false if it was called off before. */
  async settled(calledOff: () => boolean = () => false): Promise<boolean> {
    while (!this.quiet) {
      if (calledOff()) return false;
      await new Promise((done) => setTimeout(done, 40));
    }
    return !calledOff();
  }
}

export const waiting = new Waiting();
