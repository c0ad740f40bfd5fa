/** The scrubber's scale: its stops are evenly spaced, so that minutes and weeks both have room. */
export const STOPS_H = [0, 1 / 6, 2 / 3, 2, 4, 24, 72, 168, 672];

export function stopsUntil(end: number): number[] {
  const inside = STOPS_H.filter((stop) => stop < end - 1e-9);
  return [...inside, end];
}

/** Position 0..1 -> hours. */
export function toHours(position: number, stops: number[]): number {
  const x = Math.min(Math.max(position, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(x), stops.length - 2);
  return stops[i] + (stops[i + 1] - stops[i]) * (x - i);
}

/** Hours -> position 0..1. */
export function toPosition(hours: number, stops: number[]): number {
  for (let i = 0; i < stops.length - 1; i++) {
    if (hours <= stops[i + 1])
      return (i + Math.max(hours - stops[i], 0) / (stops[i + 1] - stops[i])) / (stops.length - 1);
  }
  return 1;
}
