import type { Curves, Line } from "./types";

/** One look per quantity, the same in every view: colour and dash. */
const LOOK: Record<string, { label: string; colour: string; dash: number[]; width: number }> = {
  "plasma.s_ketamine": { label: "S-ketamine", colour: "--s", dash: [], width: 2 },
  "plasma.r_ketamine": { label: "R-ketamine", colour: "--r", dash: [8, 4], width: 2 },
  "plasma.ketamine": { label: "ketamine", colour: "--s", dash: [], width: 2 },
  "plasma.norketamine": { label: "norketamine", colour: "--nk", dash: [8, 3, 2, 3], width: 1.6 },
  "plasma.hnk": { label: "HNK", colour: "--hnk", dash: [2, 3], width: 2 },
  "plasma.naltrexone": { label: "naltrexone", colour: "--co", dash: [5, 2], width: 1.6 },
  glutamate: { label: "glutamate", colour: "--outcome", dash: [], width: 2.2 },
  bdnf: { label: "BDNF", colour: "--quiet", dash: [6, 3], width: 2 },
};
const PLAIN = { colour: "--outcome", dash: [], width: 2.2 };

export function line(curves: Curves | undefined, name: string, label?: string, more: Partial<Line> = {}): Line[] {
  const curve = curves?.curves[name];
  if (!curves || !curve) return [];
  const look = LOOK[name] ?? { ...PLAIN, label: curve.label };
  return [{ key: name, ...look, label: label ?? look.label, curve, time: curves.time, ...more }];
}

/** Lines that do anything at all: a drug that is not there draws no line. */
export const present = (lines: Line[]) => lines.filter((l) => l.curve.typical.some((y) => Math.abs(y) > 1e-9));

/** Looks of arms in a comparison: a drug's own where it has one, no two alike. */
export function armLooks(words: string[]) {
  const own: Record<string, number> = { esketamine: 0, arketamine: 1, hnk: 3, placebo: 5 };
  const looks = [
    { colour: "--s", dash: [], width: 2 },
    { colour: "--r", dash: [8, 4], width: 2 },
    { colour: "--nk", dash: [8, 3, 2, 3], width: 1.8 },
    { colour: "--hnk", dash: [2, 3], width: 2.2 },
    { colour: "--co", dash: [5, 2], width: 2 },
    { colour: "--placebo", dash: [], width: 1.3 },
  ];
  const taken = new Map<number, number>();
  words.forEach((w, i) => {
    const mine = own[w.split(" ")[0]];
    if (mine !== undefined && ![...taken.values()].includes(mine)) taken.set(i, mine);
  });
  const spare = [4, 2, 3, 1, 0, 5];
  words.forEach((_, i) => {
    if (!taken.has(i))
      taken.set(
        i,
        spare.find((k) => ![...taken.values()].includes(k))!,
      );
  });
  return words.map((_, i) => looks[taken.get(i)!]);
}
