import { at, clock, inHundred, number } from "./format";
import { markOf } from "./marks";
import type { RoleName } from "./role.svelte";
import type { Curves } from "./types";

/** Where the detached feeling begins to count, and from where it is marked: points of CADSS (0 to 92). */
export const NOTICED = 4;
export const MARKED = 20;
const points = (x: number) => number(x, 2, "points");

/** The detached feeling at a moment, from its curve: what it is, and whether it rises, fades, has passed or never came. */
export function feeling(c: Curves, t: number): string {
  const curve = c.curves.cadss?.typical;
  const now = at(c.time, curve, t);
  const last = [...c.doses_h].reverse().find((d) => d <= t + 1e-9) ?? 0;
  let peak = 0;
  let when = last;
  for (let i = 0; i < c.time.length; i++) {
    const next = c.doses_h.find((d) => d > last + 1e-9) ?? Infinity;
    if (curve && c.time[i] >= last - 1e-9 && c.time[i] < next && curve[i] > peak) [peak, when] = [curve[i], c.time[i]];
  }
  if (!(peak >= NOTICED)) return "the detached feeling is hardly noticed";
  const size = now >= MARKED ? "marked" : now >= NOTICED ? "slight" : "";
  const scale = `(CADSS ${points(now)} of 92)`;
  if (t < when - 0.02)
    return size ? `the detached feeling is ${size} and rising ${scale}` : `the detached feeling has not begun`;
  if (!size) return "the detached feeling has passed";
  return t <= when + 0.05
    ? `the detached feeling is ${size}, at its peak ${scale}`
    : `the detached feeling is ${size} and fading ${scale}`;
}

/** One sentence per moment, from the typical person's numbers alone; the words are the reader's, the numbers the same.
 *  alone: effect of the drug if nobody could tell it from placebo, where it is known. silent: no benefit may be stated. */
export function sentence(c: Curves, t: number, role: RoleName = "learn", alone?: Curves, silent = ""): string {
  const y = (name: string, when = t) => at(c.time, c.curves[name]?.typical, when);
  const summary = c.summary;
  const block = y("nmda.occupancy");
  const change = y("madrs.change");
  const spines = y("spines");
  const effect = y("madrs.effect");
  const own = alone ? at(alone.time, alone.curves["madrs.effect"]?.typical, t) : NaN;
  const drug = c.ledger.length && (summary.peaks?.["nmda.occupancy"]?.typical ?? 0) > 0.02;
  const doses = c.doses_h.filter((d) => d <= t + 1e-9).length;
  const nth = c.doses_h.length > 1 && doses > 0 ? ` (dose ${doses} of ${c.doses_h.length})` : "";
  const when = `${clock(t)}${nth}`;
  const split = Number.isFinite(own)
    ? `${points(-own)} by the drug itself, ${points(-(effect - own))} by noticing it, ${points(-(change - effect))} with placebo too`
    : `${points(-(change - effect))} of them with placebo too`;
  if (role === "research") {
    const levels = `NMDA occupancy ${inHundred(block)} %, CADSS ${points(y("cadss"))}, spines ${inHundred(spines)} % of the lost share`;
    const mood = silent
      ? `MADRS withheld: ${silent}`
      : `MADRS change ${points(change)}; beyond placebo ${points(effect)}${Number.isFinite(own) ? `, of which drug ${points(own)}, noticing it ${points(effect - own)}` : ""}`;
    return `t = ${when}: ${levels}; ${mood}.`;
  }
  if (t < 1e-6)
    return "The dose begins. Nothing has changed yet: blood, receptors, synapses and mood stand where they stood.";
  const mood = silent
    ? "what it does to mood is not known"
    : Math.abs(change) < 1
      ? "mood has hardly moved yet"
      : `the depression score is ${points(Math.abs(change))} points ${change < 0 ? "lower" : "higher"} than at the start` +
        (change < 0 ? `: ${split}` : "");
  if (!drug)
    return `At ${when}, ${mood}; no drug holds an NMDA channel. What moves is expectation, attention and time.`;
  if (role === "clinic" && t <= 4) {
    const rise = y("sbp") - y("sbp", 0);
    const off = `${points(Math.abs(rise))} mmHg ${rise > 0 ? "above" : "below"} rest`;
    const pressure = `systolic pressure ${Math.abs(rise) < 0.5 ? "at rest" : off}`;
    const awake = `wakefulness ${number(y("sedation"))} of 5 (MOAA/S)`;
    return `At ${when}: ${feeling(c, t)}, ${pressure}, ${awake}; ${mood}.`;
  }
  if (t <= 4)
    return `At ${when}, about ${inHundred(block)} in 100 NMDA channels in the brain are held shut (${markOf("nmda.occupancy") || "computed"}); ${feeling(c, t)}, and ${mood}.`;
  const gone =
    block < 0.02 ? "The drug itself has left the channels" : `Some drug is left (${inHundred(block)} in 100 channels)`;
  if (t <= 30)
    return `At ${when}: ${gone[0].toLowerCase()}${gone.slice(1)}; new synapses stand for ${inHundred(spines)} in 100 of those lost in depression, and ${mood}.`;
  return `${gone}. At ${when}, ${inHundred(spines)} in 100 of the lost synapses have regrown, and ${mood}.`;
}
