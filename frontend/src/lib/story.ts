import { at, clock, inHundred, number } from "./format";
import type { RoleName } from "./role.svelte";
import type { Curves } from "./types";

/** One sentence per moment, from the typical person's numbers alone; the words are the reader's, the numbers the same. */
export function sentence(c: Curves, t: number, role: RoleName = "learn"): string {
  const y = (name: string, when = t) => at(c.time, c.curves[name]?.typical, when);
  const summary = c.summary;
  const block = y("nmda.occupancy");
  const change = y("madrs.change");
  const felt = y("cadss");
  const spines = y("spines");
  const peak = summary.peaks?.["nmda.occupancy"]?.time_h ?? Infinity;
  const effect = y("madrs.effect");
  const drug = c.ledger.length && (summary.peaks?.["nmda.occupancy"]?.typical ?? 0) > 0.02;
  const doses = c.doses_h.filter((d) => d <= t + 1e-9).length;
  const nth = c.doses_h.length > 1 && doses > 0 ? ` (dose ${doses} of ${c.doses_h.length})` : "";
  const when = `${clock(t)}${nth}`;
  if (role === "research") {
    const levels = `NMDA occupancy ${inHundred(block)} %, CADSS ${number(felt)}, spines ${inHundred(spines)} % of the lost share`;
    return `t = ${when}: ${levels}; MADRS change ${number(change)}, of which ${number(effect)} beyond placebo.`;
  }
  if (t < 1e-6)
    return "The dose begins. Nothing has changed yet: blood, receptors, synapses and mood stand where they stood.";
  const mood =
    Math.abs(change) < 1
      ? "mood has hardly moved yet"
      : `the MADRS score stands ${number(Math.abs(change))} points ${change < 0 ? "lower" : "higher"} than at the start, ` +
        `${number(Math.abs(effect))} of it beyond placebo`;
  if (!drug)
    return `At ${when}, ${mood}; no drug holds an NMDA channel. What moves is hope, care and the passing of time.`;
  if (role === "clinic" && t <= 4) {
    const rise = y("sbp") - y("sbp", 0);
    const off = `${number(Math.abs(rise))} mmHg ${rise > 0 ? "above" : "below"} rest`;
    const pressure = `systolic pressure ${Math.abs(rise) < 0.5 ? "at rest" : off}`;
    const awake = `wakefulness ${number(y("sedation"))} of 5 (MOAA/S)`;
    return `At ${when}: dissociation ${number(felt)} of 92 points (CADSS), ${pressure}, ${awake}; ${mood}.`;
  }
  if (t <= 4) {
    const held = `about ${inHundred(block)} in 100 NMDA channels in the brain are held shut`;
    const feeling =
      felt >= 4
        ? `the detached feeling is ${t < peak + 0.05 ? "strong" : "fading"} (CADSS ${number(felt)})`
        : "the detached feeling has passed";
    return `At ${when}, ${held}; ${feeling}, and ${mood}.`;
  }
  const gone =
    block < 0.02 ? "The drug itself has left the channels" : `Some drug is left (${inHundred(block)} in 100 channels)`;
  if (t <= 30)
    return `At ${when}: ${gone[0].toLowerCase()}${gone.slice(1)}; new synapses stand for ${inHundred(spines)} in 100 of those lost in depression, and ${mood}.`;
  return `${gone}. At ${when}, ${inHundred(spines)} in 100 of the lost synapses have regrown, and ${mood}.`;
}
