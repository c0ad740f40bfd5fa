import { describe, expect, it } from "vitest";
import { at, clock, exact, inHundred, interval, measured, number, quantity, unit } from "../src/lib/format";
import { armLooks, line, present } from "../src/lib/lines";
import { asCli, asPython, Asked, quote } from "../src/lib/scenario.svelte";
import { stopsUntil, toHours, toPosition } from "../src/lib/time";
import type { Catalogue, Curves } from "../src/lib/types";

describe("numbers in words", () => {
  it.each([
    [0.5, "0.50"],
    [77.4, "77"],
    [143.2, "143"],
    [-0.0123, "−0.012"],
    [0.0002, "<0.001"],
    [-0.0002, ">−0.001"],
    [0, "0"],
    [NaN, "–"],
    [null, "–"],
  ])("%s is %s", (x, words) => expect(number(x)).toBe(words));

  it("a missing spread is not made up", () => {
    expect(interval(77, 59, 143)).toBe("77 (59 to 143)");
    expect(interval(77, null, 143)).toBe("77");
  });

  it("says a share in percent, and an end that was never reached in words", () => {
    expect(measured(0.784, 0.39, 0.95, "share")).toBe("78 % (39 to 95)");
    expect(measured(0.5, null, null, "share")).toBe("50 %");
    expect(measured(4.5, 4.5, null, "d")).toBe("4.5 (4.5 to beyond the end of the run) d");
    expect(measured(-6.7, -11, -2.9, "points")).toBe("−6.7 (−11 to −2.9) points");
    expect(measured(null, null, null, "d")).toBe("– d");
  });

  it("gives points and mmHg one decimal at most, whatever their size", () => {
    expect(interval(-0.055, -0.16, -0.018, 2, "points")).toBe("−0.1 (−0.2 to 0)");
    expect(number(0.91, 2, "points")).toBe("0.9");
    expect(number(-12.3, 2, "MADRS points")).toBe("−12");
    expect(number(0.0058, 2, "mmHg")).toBe("0");
    expect(number(0.0058, 2, "share")).toBe("0.0058");
  });

  it("says in nanomoles what would be nothing in micromoles", () => {
    expect(quantity(0.0003, "umol/L")).toBe("0.300 nmol/L");
    expect(quantity(0.25, "umol/L")).toBe("0.250 umol/L");
    expect(quantity(0, "umol/L")).toBe("0 umol/L");
    expect(quantity(2, "dimensionless")).toBe("2.00");
    expect(exact(undefined)).toBe("");
  });

  it("shares and units", () => {
    expect(inHundred(0.004)).toBe("under 1");
    expect(inHundred(0.44)).toBe("44");
    expect([unit("1"), unit("ng/mL")]).toEqual(["", "ng/mL"]);
  });

  it.each([
    [0, "0 min"],
    [2 / 3, "40 min"],
    [4, "4 h"],
    [72, "3 d"],
  ])("%s h is %s", (hours, words) => expect(clock(hours)).toBe(words));

  it("reads between points on straight lines, and holds the ends", () => {
    const time = [0, 1, 3];
    const y = [0, 10, 30];
    expect([at(time, y, -1), at(time, y, 0.5), at(time, y, 2), at(time, y, 9)]).toEqual([0, 5, 20, 30]);
    expect(at(time, undefined, 1)).toBeNaN();
  });
});

describe("the scrubber", () => {
  it("goes there and back", () => {
    const stops = stopsUntil(672);
    for (let position = 0; position <= 1; position += 0.01)
      expect(toPosition(toHours(position, stops), stops)).toBeCloseTo(position, 9);
    expect(stopsUntil(48)).toEqual([0, 1 / 6, 2 / 3, 2, 4, 24, 48]);
  });
});

describe("lines", () => {
  const curves = {
    time: new Float32Array([0, 1]),
    curves: {
      "plasma.ketamine": { name: "plasma.ketamine", unit: "ng/mL", label: "x", typical: new Float32Array([0, 2]) },
      "plasma.hnk": { name: "plasma.hnk", unit: "ng/mL", label: "y", typical: new Float32Array([0, 0]) },
    },
  } as unknown as Curves;

  it("draws what is there", () => {
    expect(line(curves, "cadss")).toEqual([]);
    const all = [...line(curves, "plasma.ketamine"), ...line(curves, "plasma.hnk")];
    expect(present(all).map((l) => l.key)).toEqual(["plasma.ketamine"]);
  });

  it("no two arms look alike", () => {
    const looks = armLooks([
      "esketamine nasal 84 mg",
      "esketamine iv 0.4 mg/kg",
      "hnk iv 1 mg/kg",
      "placebo iv",
      "x",
      "y",
    ]);
    expect(new Set(looks.map((l) => l.colour + l.dash)).size).toBe(6);
    expect(looks[0].colour).toBe("--s");
    expect(looks[3].colour).toBe("--placebo");
  });
});

describe("what is asked", () => {
  const route = { name: "iv", forms: ["infusion"], studied: { "mg/kg": [0.1, 1] } };
  const facts = {
    drugs: [
      {
        name: "ketamine",
        role: "main",
        routes: [route, { name: "oral", forms: ["single"], studied: { mg: [50, 150] } }],
      },
      { name: "naltrexone", role: "co-medication", routes: [route] },
    ],
    settings: [{ name: "saline" }, { name: "open" }],
    start: { "ketamine iv": 0.5 },
  } as unknown as Catalogue;

  it("starts from the served dose, and from the middle of what was studied where none is", () => {
    const asked = new Asked();
    asked.choose(facts, "ketamine", "oral");
    expect([asked.words, asked.minutes]).toEqual(["ketamine oral 100 mg", null]);
    asked.choose(facts, "ketamine", "iv");
    expect(asked.words).toBe("ketamine iv 0.5 mg/kg over 40 min");
  });

  it("comes back from its own address", () => {
    const asked = new Asked();
    asked.choose(facts, "ketamine", "iv");
    Object.assign(asked, { amount: 0.75, repeat: "twice weekly x 8", setting: "open", people: 200, days: 56, seed: 9 });
    asked.with = ["naltrexone oral 50 mg at -45 min"];
    const again = new Asked();
    again.read(asked.query(), facts);
    expect(again.body).toEqual(asked.body);
    expect(again.notes).toEqual([]);
  });

  it("names what it cannot read, with what is allowed", () => {
    const asked = new Asked();
    asked.read(new URLSearchParams("drug=aspirin&people=1e9&seed=1.5&setting=nowhere&bands=none&amount=x"), facts);
    expect(asked.notes.length).toBe(6);
    expect(asked.notes.every((note) => note.includes("allowed:"))).toBe(true);
    expect([asked.people, asked.seed, asked.setting]).toEqual([100, 1, "saline"]);
  });

  it("says of a shared link what it did not use, whatever is wrong with it", () => {
    const asked = new Asked();
    const link = "drug=ketamine&route=iv&amount=1e9&unit=mg%2Fkg&minutes=-5&setting=saline&people=20&days=7&seed=1";
    asked.read(new URLSearchParams(link), facts);
    expect(asked.notes.map((note) => note.split(" ")[0])).toEqual(["amount=1e9", "minutes=-5"]);
    expect([asked.people, asked.days, asked.seed]).toEqual([20, 7, 1]);
    const wrong: [string, string][] = [
      ["dose=5", "dose"],
      [`repeat=${"x".repeat(201)}`, "repeat"],
      [`with=${"x".repeat(201)}`, "with"],
      [Array.from({ length: 9 }, (_, i) => `with=rapamycin oral ${i + 1} mg`).join("&"), "only"],
      ["days=", "days="],
      ["route=rectal&drug=ketamine", "route=rectal"],
    ];
    for (const [query, named] of wrong) {
      const other = new Asked();
      other.read(new URLSearchParams(query), facts);
      expect(other.notes.length, query).toBe(1);
      expect(other.notes[0].startsWith(named), other.notes[0]).toBe(true);
    }
    const good = new Asked();
    good.read(new URLSearchParams("drug=ketamine&route=iv&role=doctor"), facts);
    expect(good.notes).toEqual([]);
  });

  it("writes the same question for the command line and for Python", () => {
    const asked = new Asked();
    asked.with = ['a "b" $c'];
    expect(asCli(asked.body, "24 h")).toContain(quote('a "b" $c'));
    expect(quote('"$`\\')).toBe('"\\"\\$\\`\\\\"');
    expect(asPython(asked.body, "")).toContain('with_=["a \\"b\\" $c"],');
  });
});
