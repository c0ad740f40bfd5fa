import { clock, number } from "./format";
import type { Observed, Point } from "./types";

const APART = 0.008; // of the width of the chart, between points of one time

/** Published points of one output as dots: the treatment filled, its comparator hollow; those of one time stand side by side. */
export function pointsOf(
  all: Observed[],
  output: string,
  colour = "--ink",
  sides: string[] = ["drug", "control"],
): Point[] {
  const mine = all.filter((o) => o.output === output && sides.includes(o.side));
  const turn = new Map<number, number>();
  return mine.map((o) => {
    const k = turn.get(o.time_h) ?? 0;
    turn.set(o.time_h, k + 1);
    return {
      time: o.time_h,
      value: o.value,
      low: o.low,
      high: o.high,
      colour,
      hollow: o.side === "control",
      study: o.study,
      says: saysOf(o),
      shift: APART * Math.ceil(k / 2) * (k % 2 ? 1 : -1),
    };
  });
}

/** A point in words: study, arm, time, number, interval, people, and what the number is. */
export function saysOf(o: Observed): string {
  const bar = o.low === null ? `, ${o.bar}` : ` (${number(o.low)} to ${number(o.high)}; ${o.bar})`;
  const who = o.n === null ? "" : `, ${Math.round(o.n)} people`;
  const print = o.provenance === "seen" ? "" : `, ${o.provenance.replace("_", " ")}`;
  return `${o.study}, ${o.arm.replace(/_/g, " ")}, ${clock(o.time_h)}: ${number(o.value)} ${o.unit}${bar}${who}; ${o.how}${print}`;
}
