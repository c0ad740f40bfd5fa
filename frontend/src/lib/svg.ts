import { clock, exact, number } from "./format";
import { carried } from "./marks";
import type { Line, Point } from "./types";

export interface Picture {
  title: string;
  unit: string;
  from: number;
  to: number;
  lines: Line[];
  caption: string;
  studied?: string;
  span?: [number, number];
  points?: Point[];
  mark?: string;
}

/** The points of a picture that lie in its window. */
export const inside = (p: { points?: Point[]; from: number; to: number }) =>
  (p.points ?? []).filter((q) => q.time >= p.from - 1e-9 && q.time <= p.to + 1e-9);
interface Scale {
  low: number;
  high: number;
  step: number;
}

const escape = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Round steps that cover the range. */
export function scaleOf(low: number, high: number, wanted = 4): Scale {
  const span = high - low || Math.abs(high) || 1;
  const raw = span / wanted;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= raw - 1e-12)!;
  return { low: Math.floor(low / step + 1e-9) * step, high: Math.ceil(high / step - 1e-9) * step, step };
}

/** Round moments of a time axis: minutes and hours up to half a day, then days. */
export function moments(from: number, to: number, wanted = 5): number[] {
  const steps = [1 / 6, 0.5, 1, 2, 4, 6, 12, 24, 48, 72, 96, 168, 336, 672, 1344];
  const step = steps.find((s) => (to - from) / s <= wanted) ?? steps[steps.length - 1];
  const found: number[] = [];
  for (let t = Math.ceil(from / step - 1e-9) * step; t <= to + 1e-9; t += step) found.push(t);
  return found;
}

export const tick = (t: number, to: number) =>
  to <= 12 ? `${Number(t.toFixed(2))} h` : `${Number((t / 24).toFixed(1))} d`;

export function range(lines: Line[], from: number, to: number, points: Point[] = []): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const { curve, time } of lines) {
    for (const y of [curve.typical, curve.low, curve.high, curve.model_low, curve.model_high]) {
      if (!y) continue;
      for (let i = 0; i < time.length; i++) {
        if (time[i] < from - 1e-9 || time[i] > to + 1e-9 || !Number.isFinite(y[i])) continue;
        if (y[i] < low) low = y[i];
        if (y[i] > high) high = y[i];
      }
    }
  }
  for (const q of inside({ points, from, to }))
    for (const y of [q.value, q.low ?? q.value, q.high ?? q.value]) [low, high] = [Math.min(low, y), Math.max(high, y)];
  return low <= high ? [low, high] : [0, 1];
}

/** A chart as a drawing that stands alone: title with unit, axes, bands, lines with their dashes, legend, caption. */
export function picture(p: Picture, width = 720, least_height = 400): string {
  // the legend takes as many rows, the caption as many lines as they need: nothing is cut, least of all the line on research and teaching
  const places: { x: number; row: number }[] = [];
  let across = 58;
  let row = 0;
  for (const { label } of p.lines) {
    const wide = 46 + label.length * 6.8;
    if (across > 58 && across + wide > width - 8) {
      across = 58;
      row++;
    }
    places.push({ x: across, row });
    across += wide;
  }
  const seen = inside(p);
  const note = [
    p.caption,
    keyOf(p),
    seen.length ? `Dots: published points. ${sourcesOf(seen)}.` : "",
    carried(p.caption),
  ];
  const lines = wrap(note.filter(Boolean).join(" "), Math.floor((width - 28) / 5.7));
  const top = 58 + 17 * row;
  const height = Math.max(least_height, top + 150 + 56 + 14 * lines.length);
  const frame = { left: 58, right: width - 18, top, bottom: height - 54 - 14 * lines.length };
  const [least, most] = range(p.lines, p.from, p.to, p.points);
  const scale = scaleOf(
    Math.min(least > 0 && least < most * 0.5 ? 0 : least, p.span?.[0] ?? Infinity),
    Math.max(most, p.span?.[1] ?? -Infinity),
  );
  const x = (t: number) => frame.left + ((t - p.from) / (p.to - p.from)) * (frame.right - frame.left);
  const y = (v: number) =>
    frame.bottom - ((v - scale.low) / (scale.high - scale.low || 1)) * (frame.bottom - frame.top);
  const [ink, quiet, grid, card] = ["--ink", "--quiet", "--grid", "--card"].map(colour);
  const out: string[] = [];
  for (let v = scale.low; v <= scale.high + scale.step / 2; v += scale.step) {
    out.push(
      `<line x1="${frame.left}" x2="${frame.right}" y1="${y(v).toFixed(1)}" y2="${y(v).toFixed(1)}" stroke="${grid}"/>`,
    );
    out.push(
      `<text x="${frame.left - 8}" y="${(y(v) + 4).toFixed(1)}" text-anchor="end" fill="${quiet}">${exact(Number(v.toFixed(10)))}</text>`,
    );
  }
  for (const t of moments(p.from, p.to, width < 420 ? 4 : 5)) {
    out.push(
      `<text x="${x(t).toFixed(1)}" y="${frame.bottom + 18}" text-anchor="middle" fill="${quiet}">${tick(t, p.to)}</text>`,
    );
  }
  out.push(
    `<text x="${((frame.left + frame.right) / 2).toFixed(1)}" y="${frame.bottom + 34}" text-anchor="middle" fill="${quiet}">time after the first dose</text>`,
  );
  const path = (time: Float32Array, v: Float32Array, backwards = false) => {
    const points: string[] = [];
    for (let i = 0; i < time.length; i++)
      if (time[i] >= p.from - 1e-9 && time[i] <= p.to + 1e-9 && Number.isFinite(v[i]))
        points.push(`${x(time[i]).toFixed(1)},${y(v[i]).toFixed(1)}`);
    return (backwards ? points.reverse() : points).join(" ");
  };
  for (const { curve, time, colour: own, band, tint } of p.lines) {
    const c = band ?? own;
    if (curve.low && curve.high)
      out.push(
        `<polygon points="${path(time, curve.high)} ${path(time, curve.low, true)}" fill="${colour(c)}" fill-opacity="${tint ?? 0.2}"/>`,
      );
    if (curve.model_low && curve.model_high)
      out.push(
        `<polygon points="${path(time, curve.model_high)} ${path(time, curve.model_low, true)}" fill="${colour(c)}" fill-opacity="0.06" stroke="${colour(c)}" stroke-width="0.8" stroke-dasharray="2 3"/>`,
      );
  }
  for (const [i, line] of p.lines.entries()) {
    const dash = line.dash.length ? ` stroke-dasharray="${line.dash.join(" ")}"` : "";
    const stroke = `fill="none" stroke="${colour(line.colour)}" stroke-width="${line.width}"${dash}`;
    out.push(`<polyline points="${path(line.time, line.curve.typical)}" ${stroke}/>`);
    const { x: from, row: r } = places[i];
    const level = 42 + 17 * r;
    out.push(
      `<line x1="${from}" x2="${from + 26}" y1="${level}" y2="${level}" ${stroke}/>` +
        `<text x="${from + 32}" y="${level + 4}" fill="${ink}">${escape(line.label)}</text>`,
    );
  }
  for (const q of seen) {
    const [at, own] = [x(q.time + (q.shift ?? 0) * (p.to - p.from)).toFixed(1), colour(q.colour)];
    if (q.low !== null && q.high !== null)
      out.push(
        `<line x1="${at}" x2="${at}" y1="${y(q.low).toFixed(1)}" y2="${y(q.high).toFixed(1)}" stroke="${own}" stroke-width="1.3"/>`,
      );
    out.push(
      `<circle cx="${at}" cy="${y(q.value).toFixed(1)}" r="3.6" fill="${q.hollow ? card : own}" stroke="${own}" stroke-width="1.4"><title>${escape(q.says)}</title></circle>`,
    );
  }
  const words = lines.map(
    (text, i) =>
      `<text x="14" y="${height - 6 - 14 * (lines.length - 1 - i)}" fill="${quiet}" font-size="11">${escape(text)}</text>`,
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
    `font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escape(p.title)}">` +
    `<rect width="100%" height="100%" fill="${card}"/><text x="14" y="24" font-size="15" font-weight="600" fill="${ink}">` +
    `${escape(p.title)}${p.unit ? `, ${escape(p.unit)}` : ""}</text>` +
    `${out.join("")}${words.join("")}</svg>`
  );
}

/** What the bands of a picture are, where it has them. */
function keyOf(p: Picture): string {
  const has = (key: "low" | "model_low") => p.lines.some((l) => l.curve[key]);
  const parts = [
    has("low") ? "full tint: 90 in 100 people" : "",
    has("model_low") ? "dotted outline: the typical line over the posterior" : "",
  ].filter(Boolean);
  const bands = parts.length ? `Bands, ${parts.join("; ")}.` : "";
  return [p.mark ? `${p.mark[0].toUpperCase()}${p.mark.slice(1)}.` : "", bands].filter(Boolean).join(" ");
}

const sourcesOf = (points: Point[]) => [...new Set(points.map((q) => q.study))].join(", ");

function wrap(text: string, most: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    if ((lines[lines.length - 1] + word).length > most) lines.push("");
    lines[lines.length - 1] += `${word} `;
  }
  return lines;
}

/** The chart's numbers within its window; the caption stands in the first line. */
export function csv(p: Picture): string {
  const rows = [
    `# ${[`${p.title}.`, p.caption, p.mark ?? "", carried(p.caption)].filter(Boolean).join(" ")}`,
    "time_h,line,unit,typical,low,high,model_low,model_high",
  ];
  for (const { label, time, curve } of p.lines) {
    for (let i = 0; i < time.length; i++) {
      if (time[i] < p.from - 1e-9 || time[i] > p.to + 1e-9) continue;
      rows.push(
        [
          exact(time[i]),
          `"${label}"`,
          `"${p.unit}"`,
          exact(curve.typical[i]),
          exact(curve.low?.[i]),
          exact(curve.high?.[i]),
          exact(curve.model_low?.[i]),
          exact(curve.model_high?.[i]),
        ].join(","),
      );
    }
  }
  const observed = inside(p);
  for (const q of observed)
    rows.push(
      [
        exact(q.time),
        `"observed: ${q.says.replace(/"/g, "'")}"`,
        `"${p.unit}"`,
        exact(q.value),
        exact(q.low),
        exact(q.high),
        "",
        "",
      ].join(","),
    );
  return rows.join("\n");
}

/** One sentence that says what the chart shows. */
export function summary(p: Picture): string {
  return p.lines
    .filter((line) => line.curve.typical.length)
    .map((line) => {
      let top = -1;
      let bottom = -1;
      const { time, curve } = line;
      for (let i = 0; i < time.length; i++) {
        if (time[i] < p.from - 1e-9 || time[i] > p.to + 1e-9 || !Number.isFinite(curve.typical[i])) continue;
        if (top < 0 || curve.typical[i] > curve.typical[top]) top = i;
        if (bottom < 0 || curve.typical[i] < curve.typical[bottom]) bottom = i;
      }
      if (top < 0) return `${line.label}: no values.`;
      const highest = `highest ${number(curve.typical[top])} ${p.unit} at ${clock(time[top])}`;
      return `${line.label}: ${highest}, lowest ${number(curve.typical[bottom])} at ${clock(time[bottom])}.`;
    })
    .concat(
      p.mark ? [`${p.mark}.`] : [],
      inside(p).map((q) => `Observed: ${q.says}.`),
    )
    .join(" ");
}

export function save(name: string, content: Blob | string, kind = "text/plain") {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type: kind }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** SVG text to a PNG of twice its size. */
export function png(svg: string): Promise<Blob> {
  return new Promise((done, fail) => {
    const image = new Image();
    image.onload = () => {
      const canvas = document.createElement("canvas");
      canvas.width = image.width * 2;
      canvas.height = image.height * 2;
      canvas.getContext("2d")!.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no picture"))));
    };
    image.onerror = () => fail(new Error("no picture"));
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  });
}
