import { number } from "./format";
import { scaleOf } from "./svg";

/** A course with its intervals, on days from the first dose; null where nothing may be said. */
export interface Fan {
  low: number[];
  low80: number[];
  median: number[];
  high80: number[];
  high: number[];
}
export interface Dot {
  day: number;
  value: number;
  label: string;
}
export interface Drawing {
  title: string;
  unit: string;
  days: number[];
  fan: Fan | null;
  ghost?: { label: string; days: number[]; fan: Fan } | null;
  beside?: { label: string; days: number[]; median: number[] } | null;
  dots: Dot[];
  doses: number[];
  start: number | null;
  unknown: string;
  caption: string;
}

export const MOST = 60; // MADRS
const FRAME = { left: 40, right: 12, top: 12, bottom: 34 };

export const box = (d: Drawing, width: number, height: number) => {
  const last = Math.max(...d.days, ...(d.ghost?.days ?? []), 1);
  const first = Math.min(0, ...d.days, ...d.dots.map((dot) => dot.day));
  const x = (day: number) => FRAME.left + ((day - first) / (last - first || 1)) * (width - FRAME.left - FRAME.right);
  const y = (v: number) => height - FRAME.bottom - (v / MOST) * (height - FRAME.top - FRAME.bottom);
  return { x, y, first, last, ...FRAME };
};

/** Round days for the axis. */
export function ticks(first: number, last: number, wanted = 6): number[] {
  const step = Math.max(scaleOf(first, last, wanted).step, 1);
  const found: number[] = [];
  for (let t = Math.ceil(first / step) * step; t <= last + 1e-9; t += step) found.push(Math.round(t * 1e6) / 1e6);
  return found;
}

const points = (days: number[], v: number[], x: (d: number) => number, y: (v: number) => number) =>
  days.map((d, i) => `${x(d).toFixed(1)},${y(v[i]).toFixed(1)}`);
export const trace = (days: number[], v: number[], x: (d: number) => number, y: (v: number) => number) =>
  points(days, v, x, y).join(" ");
export const area = (
  days: number[],
  low: number[],
  high: number[],
  x: (d: number) => number,
  y: (v: number) => number,
) => [...points(days, high, x, y), ...points(days, low, x, y).reverse()].join(" ");

/** Linear between the days that are known. */
export function on(days: number[], v: number[], day: number): number {
  if (day <= days[0]) return v[0];
  for (let i = 1; i < days.length; i++)
    if (day <= days[i]) return v[i - 1] + ((v[i] - v[i - 1]) * (day - days[i - 1])) / (days[i] - days[i - 1] || 1);
  return v[v.length - 1];
}

export const says = (d: Drawing, day: number) =>
  d.fan
    ? `day ${number(day)}: ${number(on(d.days, d.fan.median, day))} ${d.unit}, 80 % ${number(on(d.days, d.fan.low80, day))} to ${number(on(d.days, d.fan.high80, day))}, 90 % ${number(on(d.days, d.fan.low, day))} to ${number(on(d.days, d.fan.high, day))}${d.beside ? `; ${d.beside.label} ${number(on(d.beside.days, d.beside.median, day))}` : ""}`
    : d.unknown;

/** What the drawing shows, in sentences. */
export function told(d: Drawing): string {
  const seen = d.dots.map((dot) => dot.label).join("; ");
  const last = d.days[d.days.length - 1];
  return [d.fan ? `${says(d, d.start ?? d.days[0])}. ${says(d, last)}.` : d.unknown, seen ? `Observed: ${seen}.` : ""]
    .filter(Boolean)
    .join(" ");
}

export function table(d: Drawing): string {
  const rows = [`# ${d.title}. ${d.caption}`, "day,median,low80,high80,low90,high90" + (d.beside ? ",placebo" : "")];
  if (d.fan)
    d.days.forEach((day, i) =>
      rows.push(
        [
          day,
          d.fan!.median[i],
          d.fan!.low80[i],
          d.fan!.high80[i],
          d.fan!.low[i],
          d.fan!.high[i],
          ...(d.beside ? [on(d.beside.days, d.beside.median, day)] : []),
        ]
          .map((v) => Number(v.toPrecision(6)))
          .join(","),
      ),
    );
  return rows.join("\n");
}
