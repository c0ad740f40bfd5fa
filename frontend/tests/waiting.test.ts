import { describe, expect, it } from "vitest";
import { waiting } from "../src/lib/waiting.svelte";

/** An answer that comes when the test says so. */
function promised<T>() {
  let give!: (found: T) => void;
  let refuse!: (why: unknown) => void;
  const answer = new Promise<T>((yes, no) => ([give, refuse] = [yes, no]));
  return { answer, give, refuse };
}
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

describe("what is under way", () => {
  it("is over when the answer is here, or refused", async () => {
    for (const end of ["give", "refuse"] as const) {
      const { answer, [end]: finish } = promised<string>();
      const held = waiting.during(answer).catch(() => "refused");
      expect(waiting.quiet).toBe(false);
      await pause(60);
      expect(waiting.quiet).toBe(false);
      finish("found");
      expect(await held).toBe(end === "give" ? "found" : "refused");
      expect(await waiting.settled()).toBe(true);
      expect(waiting.quiet).toBe(true);
    }
  });

  it("goes on with the question that follows from an answer", async () => {
    const [one, two] = [promised<number>(), promised<number>()];
    void waiting.during(one.answer).then(() => setTimeout(() => void waiting.during(two.answer)));
    let settled = false;
    void waiting.settled().then((whole) => (settled = whole));
    one.give(1);
    await pause(150);
    expect(settled).toBe(false);
    two.give(2);
    await waiting.settled();
    await pause(60);
    expect(settled).toBe(true);
  });

  it("holds a pause that ends in a question, and not one that was called off", async () => {
    let done = 0;
    waiting.later(() => done++, 80);
    const stop = waiting.later(() => (done += 100), 10_000);
    expect(waiting.quiet).toBe(false);
    stop();
    stop();
    await waiting.settled();
    expect(done).toBe(1);
  });

  it("need not be waited for", async () => {
    const end = waiting.begin();
    expect(await waiting.settled(() => true)).toBe(false);
    end();
    end();
    expect(await waiting.settled()).toBe(true);
  });
});
