import type { Catalogue, Drug, Route } from "./types";

/** Two kinds of uncertainty, never mixed: between people, and of the model about the typical person. */
export const BANDS = [
  { key: "both", label: "people, and the model" },
  { key: "people", label: "people only" },
  { key: "model", label: "the model only" },
] as const;
export type Bands = (typeof BANDS)[number]["key"];
const KEYS = [
  ...["drug", "route", "amount", "unit", "minutes", "repeat", "with", "setting"],
  ...["people", "days", "seed", "bands", "hypothesis", "mechanism", "role"],
];
const LISTS = ["with", "mechanism"]; // may stand more than once
const MOST_LETTERS = 200;
const MOST_WITH = 8;
export const LIMITS = { people: [0, 1000], days: [1, 120], seed: [0, 2147483647] } as const;

/** What is asked for, as the controls hold it; `words` and the rest are the command line's. */
export class Asked {
  drug = $state("ketamine");
  route = $state("iv");
  amount = $state(0.5);
  unit = $state("mg/kg");
  minutes = $state<number | null>(40);
  repeat = $state("");
  with = $state<string[]>([]);
  setting = $state("saline");
  people = $state(100);
  days = $state(28);
  seed = $state(1);
  bands = $state<Bands>("both");
  hypothesis = $state("");
  mechanisms = $state<string[]>([]); // of one's own, beside those of the explanation
  own = $state(false); // the setting was chosen by the reader, and no longer follows the route
  notes = $state<string[]>([]);

  words = $derived(
    this.drug === "placebo"
      ? `placebo ${this.route}`
      : `${this.drug} ${this.route} ${Number(this.amount.toPrecision(6))} ${this.unit}${this.minutes ? ` over ${this.minutes} min` : ""}`,
  );
  body = $derived({
    scenario: this.words,
    repeat: this.repeat,
    with: [...this.with],
    setting: this.setting,
    people: this.people,
    days: this.days,
    seed: this.seed,
    ...(this.hypothesis ? { hypothesis: this.hypothesis } : {}),
    ...(this.mechanisms.length ? { mechanisms: [...this.mechanisms] } : {}),
  });

  find(facts: Catalogue): { drug: Drug; route: Route } {
    const drug = facts.drugs.find((d) => d.name === this.drug) ?? facts.drugs[0];
    return { drug, route: drug.routes.find((r) => r.name === this.route) ?? drug.routes[0] };
  }

  /** Another drug or route: a dose in the middle of what was studied. */
  choose(facts: Catalogue, drugName: string, routeName?: string) {
    const drug = facts.drugs.find((d) => d.name === drugName);
    if (!drug) return;
    const route = drug.routes.find((r) => r.name === (routeName ?? this.route)) ?? drug.routes[0];
    this.drug = drug.name;
    this.route = route.name;
    const [unit, ends] = Object.entries(route.studied)[0] ?? ["mg/kg", [0.5, 0.5]];
    this.unit = unit;
    this.amount = facts.start[`${drug.name} ${route.name}`] ?? Number(((ends[0] + ends[1]) / 2).toPrecision(2));
    this.minutes = route.forms.includes("infusion") && drug.name !== "placebo" ? 40 : null;
    if (!this.own) this.setting = route.name === "nasal" ? "nasal-placebo" : "saline"; // a spray is compared with a spray
  }

  /** The other unit: the same dose, at the weight of the typical person. */
  convert(unit: string, weight: number) {
    if (unit === this.unit) return;
    this.amount = Number((unit === "mg" ? this.amount * weight : this.amount / weight).toPrecision(4));
    this.unit = unit;
  }

  query(): URLSearchParams {
    const q = new URLSearchParams({ drug: this.drug, route: this.route, amount: String(this.amount), unit: this.unit });
    if (this.minutes) q.set("minutes", String(this.minutes));
    if (this.repeat) q.set("repeat", this.repeat);
    for (const item of this.with) q.append("with", item);
    for (const key of ["setting", "people", "days", "seed"] as const) q.set(key, String(this[key]));
    if (this.bands !== "both") q.set("bands", this.bands);
    if (this.hypothesis) q.set("hypothesis", this.hypothesis);
    for (const item of this.mechanisms) q.append("mechanism", item);
    return q;
  }

  /** From the address. What cannot be read is named, with what is allowed, and the usual stands instead. */
  read(query: URLSearchParams, facts: Catalogue) {
    const notes: string[] = [];
    const drug = query.get("drug");
    const mains = facts.drugs.filter((d) => d.role !== "co-medication").map((d) => d.name);
    if (drug && mains.includes(drug)) this.choose(facts, drug, query.get("route") ?? undefined);
    else if (drug) notes.push(`drug=${drug} is not known here; allowed: ${mains.join(", ")}`);
    const { route } = this.find(facts);
    const asked = query.get("route");
    if (asked && asked !== route.name)
      notes.push(
        `route=${asked} is not a route of ${this.drug}; allowed: ${this.find(facts)
          .drug.routes.map((r) => r.name)
          .join(", ")}`,
      );
    const unit = query.get("unit");
    if (unit && ["mg", "mg/kg"].includes(unit)) this.unit = unit;
    else if (unit) notes.push(`unit=${unit} is not allowed; allowed: mg, mg/kg`);
    const numeric = (key: string, low: number, high: number, whole: boolean, set: (x: number) => void) => {
      const text = query.get(key);
      if (text === null) return;
      const x = Number(text);
      if (text.trim() && Number.isFinite(x) && x >= low && x <= high && (!whole || Number.isInteger(x))) set(x);
      else
        notes.push(
          `${key}=${text} cannot be used; allowed: ${whole ? "a whole number" : "a number"} from ${low} to ${high}`,
        );
    };
    numeric("amount", 0.001, 2000, false, (x) => (this.amount = x));
    numeric("minutes", 1, 1440, false, (x) => (this.minutes = x));
    if (query.has("drug") && !query.has("minutes")) this.minutes = null;
    numeric("people", LIMITS.people[0], LIMITS.people[1], true, (x) => (this.people = x));
    numeric("days", LIMITS.days[0], LIMITS.days[1], false, (x) => (this.days = x));
    numeric("seed", LIMITS.seed[0], LIMITS.seed[1], true, (x) => (this.seed = x));
    const setting = query.get("setting");
    if (setting && facts.settings.some((s) => s.name === setting)) {
      this.setting = setting;
      this.own = true;
    } else if (setting)
      notes.push(`setting=${setting} is not known; allowed: ${facts.settings.map((s) => s.name).join(", ")}`);
    const bands = query.get("bands");
    if (bands && BANDS.some((b) => b.key === bands)) this.bands = bands as Bands;
    else if (bands)
      notes.push(`bands=${bands.slice(0, 40)} is not known; allowed: ${BANDS.map((b) => b.key).join(", ")}`);
    const explanation = query.get("hypothesis");
    if (explanation && facts.hypotheses.some((h) => h.name === explanation)) this.hypothesis = explanation;
    else if (explanation)
      notes.push(
        `hypothesis=${explanation.slice(0, 40)} is not known; allowed: ${facts.hypotheses.map((h) => h.name).join(", ")}`,
      );
    if (query.has("mechanism")) {
      const mine = facts.own.filter((part) => part.kind === "stages").map((part) => part.name);
      const asked = query.getAll("mechanism");
      this.mechanisms = mine.filter((name) => asked.includes(name));
      const missing = asked.filter((name) => !mine.includes(name));
      if (missing.length)
        notes.push(
          `mechanism=${missing[0].slice(0, 40)} is not known; allowed: ${mine.join(", ") || "none here: the program was started without parts of one's own (ketasim serve --parts FOLDER)"}`,
        );
    }
    const words = (key: string) => {
      const fit = query.getAll(key).filter((text) => text.length <= MOST_LETTERS);
      if (fit.length < query.getAll(key).length)
        notes.push(`${key} is too long and was not used; allowed: up to ${MOST_LETTERS} letters`);
      return fit;
    };
    const [repeat] = words("repeat");
    if (repeat !== undefined) this.repeat = repeat;
    const beside = words("with");
    if (beside.length > MOST_WITH)
      notes.push(`only the first ${MOST_WITH} of ${beside.length} with= were used; allowed: up to ${MOST_WITH}`);
    if (query.has("with")) this.with = beside.slice(0, MOST_WITH);
    for (const key of KEYS)
      if (!LISTS.includes(key) && query.getAll(key).length > 1)
        notes.push(`${key} stands ${query.getAll(key).length} times; the first was used`);
    for (const key of new Set(query.keys()))
      if (!KEYS.includes(key)) notes.push(`${key.slice(0, 40)} means nothing here; allowed: ${KEYS.join(", ")}`);
    this.notes = notes;
  }
}

/** The setting that the command line takes by itself: it follows the route. */
export const usual = (words: string) => (/\bnasal\b/.test(words) ? "nasal-placebo" : "saline");

export const quote = (text: string) => `"${text.replace(/(["\\$`])/g, "\\$1")}"`;

/** Stage -> mechanisms, as the answer tells them. */
type Variants = Record<string, string[]>;

/** The line that gives the same numbers on the command line. */
export function asCli(body: Asked["body"], at: string, variants: Variants = {}, verb = "run"): string {
  const parts = [`ketasim ${verb} ${quote(body.scenario)}`];
  if (body.repeat) parts.push(`--repeat ${quote(body.repeat)}`);
  for (const item of body.with) parts.push(`--with ${quote(item)}`);
  if (body.setting !== usual(body.scenario)) parts.push(`--setting ${body.setting}`);
  if (body.hypothesis) parts.push(`--hypothesis ${body.hypothesis}`);
  for (const [stage, names] of Object.entries(variants)) parts.push(`--variant ${stage}=${names.join(",")}`);
  parts.push(`--people ${body.people} --days ${body.days} --seed ${body.seed}`);
  if (at) parts.push(`--at "${at}"`);
  return parts.join(" \\\n  ");
}

/** The same in Python. */
export function asPython(body: Asked["body"], at: string, variants: Variants = {}): string {
  const q = (text: string) => JSON.stringify(text);
  const lines = [`    ${q(body.scenario)},`];
  if (body.repeat) lines.push(`    repeat=${q(body.repeat)},`);
  if (body.with.length) lines.push(`    with_=[${body.with.map(q).join(", ")}],`);
  if (body.setting !== usual(body.scenario)) lines.push(`    setting=${q(body.setting)},`);
  if (body.hypothesis) lines.push(`    hypothesis=${q(body.hypothesis)},`);
  if (Object.keys(variants).length) lines.push(`    variants=${JSON.stringify(variants)},`);
  lines.push(`    people=${body.people}, days=${body.days}, seed=${body.seed},`);
  if (at) lines.push(`    at=${q(at)},`);
  return `import ketasim\n\nresult = ketasim.run(\n${lines.join("\n")}\n)\nprint(result["madrs.change"].typical)`;
}
