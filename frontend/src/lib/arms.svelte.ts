import { Asked, quote } from "./scenario.svelte";
import type { Catalogue } from "./types";

const FORM = /^(\S+) (\S+?)(?: ([\d.]+) (mg\/kg|mg))?(?: over ([\d.]+) min)?$/;

/** One arm of a comparison: held by the same controls as the first view, or as words where they say more than the controls can. */
export class Arm {
  static count = 0;
  readonly key = ++Arm.count;
  asked = new Asked();
  text = $state<string | null>(null); // as words; null: by the controls
  /** The setting of the arm; in words mode nothing means that of the route. */
  setting = $state("");

  words = $derived(this.text ?? this.asked.words);
  question = $derived({
    scenario: this.words.trim(),
    repeat: this.asked.repeat,
    with: [...this.asked.with],
    setting: this.text === null ? this.asked.setting : this.setting, // empty: by route
  });

  /** From the words of an address: "ketamine iv 0.5 mg/kg over 40 min; repeat twice weekly x 6; setting open". What cannot be held is told. */
  constructor(
    facts: Catalogue,
    words: string,
    public notes: string[] = [],
  ) {
    const [main, ...more] = words.split(";").map((part) => part.trim());
    if (!this.hold(facts, main)) this.text = main;
    for (const part of more.filter(Boolean)) {
      const [key, ...rest] = part.split(" ");
      const value = rest.join(" ");
      if (key === "repeat") this.asked.repeat = value;
      else if (key === "with") this.asked.with = [...this.asked.with, value];
      else if (key === "setting" && facts.settings.some((s) => s.name === value)) this.choose(value);
      else if (key === "setting")
        notes.push(
          `setting ${value.slice(0, 40)} is not known; allowed: ${facts.settings.map((s) => s.name).join(", ")}`,
        );
      else notes.push(`${key.slice(0, 40)} means nothing in an arm; allowed: repeat, with, setting`);
    }
  }

  choose(setting: string) {
    this.setting = setting;
    [this.asked.setting, this.asked.own] = [setting, true];
  }

  /** True if the controls can say the same as these words. */
  hold(facts: Catalogue, words: string): boolean {
    const found = FORM.exec(words);
    const drug = found && facts.drugs.find((d) => d.name === found[1] && d.role !== "co-medication");
    if (!found || !drug || !drug.routes.some((r) => r.name === found[2])) return false;
    const next = this.asked;
    next.choose(facts, drug.name, found[2]);
    if (drug.name !== "placebo") {
      if (!found[3]) return false;
      [next.amount, next.unit] = [Number(found[3]), found[4]];
      next.minutes = found[5] ? Number(found[5]) : null;
    }
    if (next.words !== words) return false;
    this.text = null;
    return true;
  }

  /** For the address: the words, and what differs from what goes without saying. */
  address(): string {
    const q = this.question;
    const own = this.text === null ? this.asked.own : !!this.setting;
    return [
      this.words.trim(),
      q.repeat && `repeat ${q.repeat}`,
      ...q.with.map((w) => `with ${w}`),
      own && q.setting ? `setting ${q.setting}` : "",
    ]
      .filter(Boolean)
      .join("; ");
  }

  /** One line for people. */
  get title(): string {
    const q = this.question;
    return [q.scenario, q.repeat, q.with.length ? `with ${q.with.join(", ")}` : ""].filter(Boolean).join(", ");
  }
}

type Question = Arm["question"];
const own = (q: Question) =>
  q.setting && q.setting !== (/\bnasal\b/.test(q.scenario) ? "nasal-placebo" : "saline") ? q.setting : "";

/** The line of the command line; nothing where it cannot say it, because there the arms share schedule, co-medication and setting. */
export function asCli(arms: Question[], people: number, days: number): string {
  const [first] = arms;
  const shared = arms.every(
    (q) => q.repeat === first.repeat && q.with.join() === first.with.join() && own(q) === own(first),
  );
  if (!shared) return "";
  const more = [
    first.repeat ? `--repeat ${quote(first.repeat)}` : "",
    ...first.with.map((w) => `--with ${quote(w)}`),
    own(first) ? `--setting ${own(first)}` : "",
  ].filter(Boolean);
  return `ketasim compare ${arms.map((q) => quote(q.scenario)).join(" \\\n  ")} \\\n  ${[`--people ${people} --days ${days}`, ...more].join(" ")}`;
}

/** The same in Python, arm by arm. */
export function asPython(arms: Question[], people: number, days: number): string {
  const text = (x: string) => JSON.stringify(x);
  const lines = arms.map((q) => {
    const more = [
      q.repeat ? `repeat=${text(q.repeat)}` : "",
      q.with.length ? `with_=[${q.with.map(text).join(", ")}]` : "",
      q.setting ? `setting=${text(q.setting)}` : "",
      "**who",
    ].filter(Boolean);
    return `    ketasim.scenario(${[text(q.scenario), ...more].join(", ")}),`;
  });
  return `import ketasim\n\nwho = {"people": ${people}, "days": ${days}}\nfound = ketasim.compare(\n${lines.join("\n")}\n)\nprint(found.to_json())`;
}
