import type { Fan } from "./fan";

/** What `ketasim forecast --json` prints, as far as the page shows it. */
export interface Shares {
  rule: string;
  day: number;
  probability: number;
  placebo: number | null;
  low_hypothesis: number | null;
  high_hypothesis: number | null;
}
export interface Spread3 {
  median: number;
  low: number;
  high: number;
}
export interface Course extends Fan {
  days: number[];
  time_h: number[];
}
export interface Harm {
  sessions: number;
  total_mg: number;
  days: number;
  long_use: boolean;
  dissociation?: Spread3 & { share_above: number; threshold: number; minutes_above: Spread3 };
  sbp?: { limit: number; resting: string; largest_rise: Spread3; peak: Spread3 };
  dbp?: { limit: number };
  pressure_above_limits?: { first_session: number; any_session: number; note: string };
  sedation?: Spread3;
  nausea?: number;
  dizziness?: number;
}
export interface Option {
  words: string;
  not_known: string;
  outputs: { madrs: Course; "madrs.placebo"?: Course };
  response: Shares;
  remission: Shares;
  relapse: { rule: string; probability: number | null; of: number | null; why?: string };
  harm: Harm;
}
export interface Learnt {
  observation: string;
  line: number;
  kind: string;
  shift_points: number | null;
  width80_factor: number | null;
  chance: number | null;
}
export interface Help {
  facts: { label: string; auc: number; explained: number; low: number; high: number; answer: string }[];
  first_score?: { label: string; auc: number; explained: number };
  yardstick_auc: number;
  yardstick: string;
}
export interface Forecast {
  options: Option[];
  learned: Learnt[];
  changed_little?: boolean;
  pareto_k: number | null;
  status: {
    ok: boolean;
    method: string;
    reason: string;
    pool_pareto_k: number | null;
    members: number;
    effective_members: number;
    failed_rows: number;
  };
  hypotheses?: { id: string; before: number; after: number }[];
  would_help?: Help;
  start_day: number;
  days: number[];
  setting: string;
  notes: string[];
  suspected: string[];
  version: string;
  notice: string;
  crisis: string;
}
export interface Step extends Fan {
  observation: string;
  line: number;
  day: number | null;
  pareto_k: number | null;
  reason: string;
}
export interface Scored {
  observation: string;
  scale: string;
  day: number;
  total: number;
  madrs: number;
  expected: { low80: number; median: number; high80: number } | null;
  inside: boolean | null;
}
export interface Believed {
  days: number[];
  start_day: number;
  steps: Step[];
  scores: Scored[];
  baseline: number | null;
  doses: number[];
  interval: string;
}
export interface Answer {
  forecast: Forecast;
  course: Believed;
}

/** Several lines of a person file, to be put behind what is there. */
export const scoreLines = (scale: string, day: string, total: string) =>
  `\n[[score]]\nscale = "${scale}"\nday = ${day}\ntotal = ${total}\n`;
export const doseLines = (day: string, words: string) => `\n[[dose]]\nday = ${day}\nwords = "${words}"\n`;
export const grown = (text: string, lines: string) =>
  `${text.replace(/\s+$/, "")}${text.trim() ? "\n" : ""}${lines}`.replace(/^\n+/, "");

/** A share as people of a hundred, in words. */
export const people = (x: number | null | undefined) =>
  x === null || x === undefined ? "–" : x > 0 && x < 0.005 ? "under 1 in 100" : `${Math.round(100 * x)} in 100`;
