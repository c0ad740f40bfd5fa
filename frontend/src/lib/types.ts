export interface Problem {
  what: string;
  where: string;
  allowed: string;
  try: string;
}
export interface Approval {
  jurisdiction: string;
  status: string;
  use: string;
}
export interface Route {
  name: string;
  forms: string[];
  duration_h: number | null;
  data: string;
  studied: Record<string, [number, number]>;
  studied_in: string;
  approval: Approval[];
  monitoring: string;
  note: string;
}
export interface Drug {
  name: string;
  label: string;
  role: string;
  source: string;
  place: string;
  note: string;
  routes: Route[];
}
export interface Output {
  name: string;
  unit: string;
  label: string;
  stage: string;
  needs: string[];
  note: string;
}
export interface Link {
  from: string;
  to: string;
  stage: string;
  grade: string;
  words: string;
  counts: Record<string, number>;
  assumed: number;
  weakest: boolean;
}
export interface ExperimentCard {
  name: string;
  title: string;
  asks: string;
  records: string[];
  shown: string[];
  assumption: string;
  says: string[];
  arms: string[];
}
export interface Catalogue {
  version: string;
  notice: string;
  drugs: Drug[];
  outputs: Output[];
  links: Link[];
  settings: { name: string; label: string }[];
  experiments: ExperimentCard[];
  has: Record<string, boolean>;
  numbers: number;
  traced: number;
}
export interface SpreadOf {
  kind: string;
  sd: number;
  low: number | null;
  high: number | null;
}
export interface ValueEntry {
  name: string;
  stage: string;
  label: string;
  symbol: string;
  value: number;
  unit: string;
  printed: string;
  basis: string;
  grade: string;
  grade_words: string;
  source: string;
  place: string;
  citation: string;
  doi: string;
  url: string;
  kind: string;
  records: string[];
  between: SpreadOf | null;
  uncertain: SpreadOf | null;
  bounds: [number, number] | null;
  note: string;
}
export interface Spread {
  typical?: number | null;
  median: number | null;
  low: number | null;
  high: number | null;
  unit?: string;
  time_h?: number | null;
}
export interface CurveOutput {
  unit: string;
  time_h: number[];
  typical: (number | null)[];
  low: number[] | null;
  high: number[] | null;
  model_low: number[] | null;
  model_high: number[] | null;
}
/* eslint-disable-next-line */
export type Summary = Record<string, any>;
export interface RunJson {
  scenario: Record<string, unknown>;
  seed: number;
  version: string;
  model: string;
  people: number;
  ledger: { time_h: number; drug: string; route: string; asked_mg: number; given_mg: number }[];
  status: { ok: number; failed: { person: number; time_h: number | null; reason: string }[] };
  outputs: Record<string, CurveOutput>;
  summary: Summary;
}
export interface Curve {
  name: string;
  unit: string;
  label: string;
  typical: Float32Array;
  low?: Float32Array;
  high?: Float32Array;
  model_low?: Float32Array;
  model_high?: Float32Array;
}
export interface Curves extends Omit<RunJson, "outputs"> {
  time: Float32Array;
  doses_h: number[];
  curves: Record<string, Curve>;
}
export interface Line {
  key: string;
  label: string;
  colour: string;
  dash: number[];
  width: number;
  curve: Curve;
  time: Float32Array;
  faded?: boolean;
  tint?: number;
  band?: string;
}
