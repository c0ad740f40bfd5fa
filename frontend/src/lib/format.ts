const LEAST = 0.001; // below this a share or a level is told, not spelled out

const COARSE = /^(MADRS )?points?$|^mmHg$/; // nobody can rate or read a hundredth of these

/** Two significant digits; three for scores and pressures above 100; of points and mmHg one decimal at most. "-" where there is no number. */
export function number(x: number | null | undefined, digits = 2, of = ""): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return "–";
  const size = Math.abs(x);
  if (size < 1e-12) return "0";
  const coarse = COARSE.test(of);
  if (coarse && size < 0.05) return "0";
  if (size < LEAST) return `${x < 0 ? ">−" : "<"}${LEAST}`;
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  const rounded = size >= 100 ? Math.round(x).toString() : x.toFixed(Math.min(places, coarse ? 1 : 6));
  return (Number(rounded) === 0 ? "0" : rounded).replace("-", "−");
}

export const exact = (x: number | null | undefined) =>
  x === null || x === undefined || !Number.isFinite(x) ? "" : Number(x.toPrecision(6)).toString();

/** "77 (59 to 143)": typical, and 5th to 95th percentile between people. */
export const interval = (x?: number | null, low?: number | null, high?: number | null, digits = 2, of = "") =>
  low === null || low === undefined || !Number.isFinite(low)
    ? number(x, digits, of)
    : `${number(x, digits, of)} (${number(low, digits, of)} to ${number(high, digits, of)})`;

/** A prediction with its interval as the command line says it: a share in percent, and an end that the run never reached in words. */
export function measured(x: number | null, low: number | null, high: number | null, u: string): string {
  const share = u === "share";
  const one = (y: number | null) => number(share && y !== null ? 100 * y : y);
  const to = high === null ? "beyond the end of the run" : one(high);
  const ends = low === null ? "" : ` (${one(low)} to ${to})`;
  return share ? `${one(x)} %${ends}` : `${one(x)}${ends} ${unit(u)}`.trim();
}

/** A share as a whole number of 100; "under 1" where it is. */
export const inHundred = (x: number) =>
  x > 1e-9 && x < 0.005 ? "under 1" : Number.isFinite(x) ? String(Math.round(100 * x)) : "–";

export const unit = (u: string) => (u === "1" || u === "dimensionless" ? "" : u);

/** A value with its unit; what is bound at a thousandth of a micromole stands in nanomoles, so that it is a number and not "under". */
export function quantity(x: number | null | undefined, u: string, digits = 3): string {
  const small = u === "umol/L" && !!x && Math.abs(x) < 0.01;
  return small ? `${number(1000 * x, digits)} nmol/L` : `${number(x, digits)} ${unit(u)}`.trim();
}

/** Time as people say it. */
export function clock(hours: number): string {
  if (Math.abs(hours) < 1e-6) return "0 min";
  const minutes = hours * 60;
  if (Math.abs(minutes) < 119.5) return `${number(minutes, Math.abs(minutes) >= 10 ? 2 : 1)} min`;
  if (Math.abs(hours) < 48) return `${trim(hours)} h`;
  return `${trim(hours / 24)} d`;
}
const trim = (x: number) => Number(x.toFixed(1)).toString();

/** Linear between neighbours; the ends beyond the ends. */
export function at(time: ArrayLike<number>, y: ArrayLike<number> | undefined, t: number): number {
  if (!y || !time.length) return NaN;
  let low = 0;
  let high = time.length - 1;
  if (t <= time[0]) return y[0];
  if (t >= time[high]) return y[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (time[middle] <= t) low = middle;
    else high = middle;
  }
  if (Math.abs(time[low] - t) < 1e-5) return y[low];
  if (Math.abs(time[high] - t) < 1e-5) return y[high];
  return y[low] + ((y[high] - y[low]) * (t - time[low])) / (time[high] - time[low]);
}

/** True if every word of the search begins a word of the text: "IV" finds "IV", not "diving". */
export function found(text: string, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const all = text.toLowerCase().split(/[^\p{L}\p{N}.%-]+/u);
  return words.every((word) => all.some((one) => one.startsWith(word)));
}

const MOST = 0.5; // of the people: a moment that fewer reach is nobody's typical moment

/** "not reached by most (48 of 100)" for a moment that under half of the people reach; nothing where most do, or nobody was drawn. */
export const notByMost = (share: number | null | undefined, people: number) =>
  share === null || share === undefined || !people || share >= MOST
    ? ""
    : `not reached by most (${Math.round(share * people)} of ${people})`;
