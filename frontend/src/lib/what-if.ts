import { number, unit } from "./format";
import { scaleOf } from "./svg";
import type { WhatIf } from "./types";

/** Axes that stay the same for every number, so that what hardly matters looks as if it hardly matters. */
export const AXES: Record<string, [number, number]> = {
  effect_24h: [-15, 0],
  effect_7d: [-15, 0],
  dissociation: [0, 40],
};

export const KNOWN = {
  posterior: "what the fit to published studies leaves possible",
  prior: "what was thought possible beforehand; no study was fitted to it",
} as const;

type Headline = WhatIf["headline"][number];

/** The axis of a headline: the fixed one, wider only where a number leaves it. */
export function axisOf(h: Headline): [number, number] {
  const [low, high] = AXES[h.key] ?? [0, 1];
  const all = [...h.curve, h.shipped, h.changed, h.model_low, h.model_high].filter(
    (x): x is number => typeof x === "number" && Number.isFinite(x),
  );
  const scale = scaleOf(Math.min(low, ...all), Math.max(high, ...all));
  return [scale.low, scale.high];
}

/** A number with its unit; nothing after it where it has none. */
export const withUnit = (x: number, u: string) => `${number(x, 3)} ${unit(u)}`.trim();

/** Scores to a tenth: more cannot be measured. */
export const tenth = (x: number) => (Math.abs(x) < 0.05 ? "0.0" : x.toFixed(1).replace("-", "−"));

/** A label inside a sentence: "Mood beyond" loses its capital, "CADSS" and "Ki" keep theirs. */
const inside = (label: string) => (/^[A-Z][a-z]{2}/.test(label) ? label[0].toLowerCase() + label.slice(1) : label);

/** How a headline changes, in words. */
export function says(h: Headline): string {
  if (h.shipped === null || h.changed === null) return `${inside(h.label)} is not known`;
  if (Math.abs(h.changed - h.shipped) < 0.05)
    return `${inside(h.label)} stays at ${tenth(h.shipped)} ${unit(h.unit)}`.trim();
  return `${inside(h.label)} would be ${tenth(h.changed)} in place of ${tenth(h.shipped)} ${unit(h.unit)}`.trim();
}

/** The whole answer in a few words, for the eye and for those who listen. */
export function summaryOf(found: WhatIf): string {
  const label = found.label || found.key;
  if (Math.abs(found.to - found.value) < 1e-9 * Math.max(1e-9, Math.abs(found.value)))
    return `${label}: ${withUnit(found.value, found.unit)}, as it ships. Move the slider to see what hangs on it.`;
  const heads = found.headline.filter((h) => h.shipped !== null && h.changed !== null);
  const begin = `${label}: ${number(found.to, 3)} in place of ${withUnit(found.value, found.unit)}.`;
  if (!heads.some((h) => Math.abs(h.changed! - h.shipped!) >= 0.05))
    return `${begin} Then none of these numbers moves by a tenth of a point: they do not hang on it.`;
  return `${begin} Then ${heads.map(says).join("; ")}.`;
}

/** Where a number stands in a histogram: the share of what is known that lies below it. */
export function shareBelow(found: WhatIf, x: number): number {
  const { edges, shares } = found.known;
  const whole = shares.reduce((a, b) => a + b, 0) || 1;
  let sum = 0;
  shares.forEach((share, i) => {
    const part = (x - edges[i]) / (edges[i + 1] - edges[i] || 1);
    sum += share * Math.min(Math.max(part, 0), 1);
  });
  return sum / whole;
}
