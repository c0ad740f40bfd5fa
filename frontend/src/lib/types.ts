import type { components } from "./api-types";

/** What the server answers: generated from its own description (`npm run types`), so that page and server cannot part. */
type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Approval = Schemas["Approval"];
export type Route = Schemas["Route"];
export type Drug = Schemas["Drug"];
export type Output = Schemas["Output"];
export type Link = Schemas["Link"];
export type ExperimentCard = Schemas["ExperimentCard"];
export type Catalogue = Schemas["Catalogue"];
export type SpreadOf = Schemas["SpreadOf"];
export type ValueEntry = Schemas["ValueEntry"];
export type CurveOutput = Schemas["CurveOutput"];
export type Guide = Schemas["Guide"];
export type GuidePart = Schemas["GuidePart"];
export type GuideNumber = Schemas["GuideNumber"];
export type GuideRest = Schemas["GuideRest"];
export type DesignFile = Schemas["DesignFile"];
export type Task = Schemas["Task"];
export type DesignRead = Schemas["DesignRead"];
export type DesignWords = Schemas["DesignWords"];
export type Care = Schemas["Care"];
export type Crisis = Schemas["Crisis"];
export type WhatIf = Schemas["WhatIf"];
export type Uncertain = Schemas["Uncertain"];
export type Matters = Schemas["Matters"];
export type GlossaryTerm = Schemas["GlossaryTerm"];
export type StudyHead = Schemas["StudyHead"];
export interface Spread {
  typical?: number | null;
  median: number | null;
  low: number | null;
  high: number | null;
  unit?: string;
  time_h?: number | null;
}
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
/** A published point on a chart. shift: to the side, as a share of the width, so that points of one time do not hide each other. */
export interface Point {
  time: number;
  value: number;
  low: number | null;
  high: number | null;
  colour: string;
  hollow: boolean;
  study: string;
  says: string;
  shift?: number;
}
export type Observed = Schemas["Observed"];
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
