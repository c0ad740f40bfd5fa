import { describe, expect, it } from "vitest";
import { DRAGGED_MS, Live, newestOnly, PAUSE_MS, SOON_MS } from "../src/lib/live";

/** A slider with a clock of its own and answers that come when the test says so. */
function bench() {
  let clock = 0;
  const shown: string[] = [];
  const failed: unknown[] = [];
  const timers: { work: () => void; at: number }[] = [];
  const open: { kind: string; question: number; give: (text: string) => void; refuse: (why: string) => void }[] = [];
  const ask = (kind: string) => (question: number) =>
    new Promise<string>((give, refuse) => open.push({ kind, question, give, refuse }));
  const machine = new Live<number, string>({
    quick: ask("quick"),
    whole: ask("whole"),
    show: (answer, complete) => shown.push(`${answer}${complete ? "!" : ""}`),
    fail: (why) => failed.push(why),
    now: () => clock,
    later: (work, ms) => timers.push({ work, at: clock + ms }),
  });
  const settle = async () => {
    for (let turn = 0; turn < 12; turn++) await Promise.resolve(); // every step that needs no answer
  };
  return {
    shown,
    failed,
    waiting: () => open.map((q) => `${q.kind} ${q.question}`),
    async move(question: number, after: number) {
      clock += after;
      void machine.ask(question);
      await settle();
    },
    async answer(kind: string, question: number, after = 0) {
      clock += after;
      const i = open.findIndex((q) => q.kind === kind && q.question === question);
      expect(i, `${kind} ${question} among ${open.map((q) => `${q.kind} ${q.question}`)}`).toBeGreaterThanOrEqual(0);
      open.splice(i, 1)[0].give(`${kind} ${question}`);
      await settle();
    },
    async refuse(kind: string, question: number) {
      const i = open.findIndex((q) => q.kind === kind && q.question === question);
      open.splice(i, 1)[0].refuse(`no ${question}`);
      await settle();
    },
    async wait(ms: number) {
      clock += ms;
      for (const due of timers.splice(0).filter((t) => t.at <= clock || !timers.push(t))) due.work();
      await settle();
    },
  };
}

describe("a slider", () => {
  it("gets the whole answer for a single move", async () => {
    const b = bench();
    await b.move(1, 1000);
    expect(b.waiting()).toEqual(["whole 1"]);
    await b.answer("whole", 1);
    expect(b.shown).toEqual(["whole 1!"]);
  });

  it("gets a quick answer first where the whole one took too long the last time", async () => {
    const b = bench();
    await b.move(1, 1000);
    await b.answer("whole", 1, SOON_MS + 1);
    await b.move(2, 1000);
    expect(b.waiting()).toEqual(["quick 2"]);
    await b.answer("quick", 2);
    expect(b.waiting()).toEqual(["whole 2"]); // a single move: no pause
    await b.answer("whole", 2);
    expect(b.shown).toEqual(["whole 1!", "quick 2", "whole 2!"]);
  });

  it("answers a drag quickly, two at a time, and skips what cannot be kept up with", async () => {
    const b = bench();
    await b.move(1, 1000);
    for (const q of [2, 3, 4, 5]) await b.move(q, 20);
    expect(b.waiting()).toEqual(["whole 1", "quick 2", "quick 3"]);
    await b.answer("quick", 2);
    expect(b.waiting()).toEqual(["whole 1", "quick 3", "quick 5"]); // 4 is skipped
    await b.answer("quick", 3);
    await b.answer("quick", 5);
    expect(b.shown).toEqual(["quick 2", "quick 3", "quick 5"]);
  });

  it("asks for the whole answer when a drag rests, and only then", async () => {
    const b = bench();
    await b.move(1, 1000);
    await b.answer("whole", 1, SOON_MS + 1);
    await b.move(2, DRAGGED_MS - SOON_MS - 2);
    await b.answer("quick", 2);
    expect(b.waiting()).toEqual([]);
    await b.wait(PAUSE_MS);
    expect(b.waiting()).toEqual(["whole 2"]);
    await b.answer("whole", 2);
    expect(b.shown.at(-1)).toBe("whole 2!");
  });

  it("never shows an older answer after a newer one", async () => {
    const b = bench();
    await b.move(1, 1000);
    await b.move(2, 20);
    await b.move(3, 20);
    await b.answer("quick", 3);
    await b.answer("quick", 2); // late
    await b.answer("whole", 1); // later still
    expect(b.shown).toEqual(["quick 3"]);
  });

  it("ends on the whole answer of the last question, in whatever order answers come", async () => {
    for (let seed = 1; seed <= 200; seed++) {
      let state = seed;
      const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
      const b = bench();
      let asked = 0;
      while (asked < 12 || b.waiting().length) {
        if (asked < 12 && random() < 0.5) await b.move(++asked, random() < 0.5 ? 20 : 400);
        else if (b.waiting().length) {
          const [kind, question] = b.waiting()[Math.floor(random() * b.waiting().length)].split(" ");
          await b.answer(kind, Number(question), 200 * random());
        }
        await b.wait(random() < 0.3 || asked === 12 ? PAUSE_MS : 1);
      }
      const numbers = b.shown.map((s) => Number(s.replace(/\D/g, "")));
      expect(numbers, `seed ${seed}`).toEqual([...numbers].sort((x, y) => x - y));
      expect(b.shown.at(-1), `seed ${seed}`).toBe("whole 12!");
    }
  });

  it("tells a failure of the last question and swallows that of an older one", async () => {
    const b = bench();
    await b.move(1, 1000);
    await b.move(2, 20);
    await b.refuse("whole", 1);
    expect(b.failed).toEqual([]);
    await b.refuse("quick", 2);
    expect(b.failed).toEqual(["no 2"]);
    await b.move(3, 1000); // and goes on
    expect(b.waiting().length).toBe(1);
  });
});

describe("newest only", () => {
  it("skips the questions between", async () => {
    const done: number[] = [];
    let give: () => void = () => undefined;
    const ask = newestOnly<number>(async (q, stale) => {
      await new Promise<void>((go) => (give = go));
      if (!stale()) done.push(q);
    });
    void ask(1);
    void ask(2);
    void ask(3);
    give();
    await new Promise((go) => setTimeout(go, 0));
    give();
    await new Promise((go) => setTimeout(go, 0));
    expect(done).toEqual([3]);
  });
});
