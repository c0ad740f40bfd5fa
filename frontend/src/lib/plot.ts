import uPlot from "uplot";
import { at, number } from "./format";
import { inside, moments, scaleOf, tick } from "./svg";
import type { Line, Point } from "./types";

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const faint = (c: string, share: number) => `color-mix(in srgb, ${c} ${Math.round(share * 100)}%, transparent)`;
const PER_LINE = 5; // model high, model low, people high, people low, typical

export interface Frame {
  from: number;
  to: number;
  zero: boolean;
  height: number;
  span?: [number, number]; // the axis covers at least this, so that a small effect looks small
}
interface Told {
  hover: (t: number | null) => void;
  drawn: (left: number, width: number) => void;
}

/** What decides the form of a plot. While it stays, a new answer only brings new numbers: nothing is laid out again. */
export const formOf = (lines: Line[], frame: Frame, theme: string) =>
  `${theme}|${frame.from}|${frame.to}|${frame.zero}|${frame.height}|${frame.span ?? ""}|${lines.map((l) => `${l.key},${l.colour},${l.width},${l.tint ?? ""}`).join(";")}`;

/** All curves on the union of their times: the same grid almost always, so the usual case is no work. */
export function columns(lines: Line[]): uPlot.AlignedData {
  const first = lines[0]?.time ?? new Float32Array([0, 1]);
  const same = lines.every(
    (l) => l.time === first || (l.time.length === first.length && l.time.every((t, i) => t === first[i])),
  );
  const x = same ? first : Float32Array.from([...new Set(lines.flatMap((l) => [...l.time]))].sort((a, b) => a - b));
  const none: null[] = Array(x.length).fill(null);
  const on = (l: Line, y?: Float32Array) =>
    !y ? none : same ? y : Float32Array.from(x, (t) => (t > l.time[l.time.length - 1] + 1e-6 ? NaN : at(l.time, y, t)));
  const rows: unknown[] = [x];
  for (const l of lines) {
    const { curve: c } = l;
    rows.push(on(l, c.model_high), on(l, c.model_low), on(l, c.high), on(l, c.low), on(l, c.typical));
  }
  return rows as uPlot.AlignedData;
}

/** The canvas of a chart. Lines of the same form are redrawn with new numbers; their bands fade while a newer answer is under way. */
export class Plot {
  private plot: uPlot | undefined;
  private form = "";
  private lines: Line[] = [];
  private points: Point[] = [];
  constructor(
    private box: HTMLElement,
    private told: Told,
  ) {}

  show(lines: Line[], frame: Frame, theme: string, points: Point[] = []) {
    const form = formOf(lines, frame, theme);
    this.lines = lines;
    this.points = inside({ points, from: frame.from, to: frame.to });
    if (this.plot && form === this.form) {
      this.plot.setData(columns(lines));
      return;
    }
    this.form = form;
    this.plot?.destroy();
    this.plot = new uPlot(this.options(frame), columns(lines), this.box);
  }

  fit(height: number) {
    const width = this.box.clientWidth;
    if (this.plot && width && this.plot.width !== width) this.plot.setSize({ width, height });
  }

  close() {
    this.plot?.destroy();
  }

  /** Published points with their error bars, over the curves. */
  private dots(u: uPlot, width: number) {
    const { ctx } = u;
    const scale = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(u.bbox.left - 5 * scale, u.bbox.top, u.bbox.width + 10 * scale, u.bbox.height);
    ctx.clip();
    for (const q of this.points) {
      const x = u.valToPos(q.time + (q.shift ?? 0) * width, "x", true);
      const y = (v: number) => u.valToPos(v, "y", true);
      ctx.strokeStyle = css(q.colour);
      ctx.fillStyle = css(q.hollow ? "--card" : q.colour);
      ctx.lineWidth = 1.4 * scale;
      ctx.setLineDash([]);
      if (q.low !== null && q.high !== null) {
        ctx.beginPath();
        ctx.moveTo(x, y(q.low));
        ctx.lineTo(x, y(q.high));
        ctx.stroke();
      }
      ctx.beginPath();
      ctx.arc(x, y(q.value), 3.4 * scale, 0, 2 * Math.PI);
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  }

  private options({ from, to, zero, height, span }: Frame): uPlot.Options {
    const width = this.box.clientWidth;
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    this.lines.forEach((l, i) => {
      const tint = css(l.band ?? l.colour);
      const [strong, weak] = [faint(tint, 0.35), faint(tint, 0.12)];
      const [full, pale, model] = [faint(tint, l.tint ?? 0.2), faint(tint, (l.tint ?? 0.2) * 0.4), faint(tint, 0.1)];
      const old = () => this.lines[i]?.faded;
      const edge = { stroke: () => (old() ? weak : strong), width: 0.75, points: { show: false } };
      const begin = 1 + i * PER_LINE;
      bands.push(
        { series: [begin, begin + 1], fill: model },
        { series: [begin + 2, begin + 3], fill: () => (old() ? pale : full) },
      );
      series.push({ ...edge, dash: [2, 3] }, { ...edge, dash: [2, 3] }, { ...edge }, { ...edge });
      series.push({ stroke: css(l.colour), width: l.width, dash: l.dash, points: { show: false } });
    });
    const axis = {
      stroke: css("--quiet"),
      grid: { stroke: css("--grid"), width: 1 },
      ticks: { show: false },
      font: "13px system-ui, sans-serif",
    };
    return {
      width,
      height,
      series,
      bands,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: () => [from, to] },
        y: {
          range: (_u, bottom, top) => {
            if (bottom === null || top === null || !Number.isFinite(bottom)) return span ?? [0, 1];
            const seen = this.points.flatMap((q) => [q.value, q.low ?? q.value, q.high ?? q.value]);
            const [low, high] = [Math.min(bottom, ...seen), Math.max(top, ...seen)];
            const least = Math.min(zero && low > 0 ? 0 : low, span?.[0] ?? Infinity);
            const s = scaleOf(least, Math.max(high > low ? high : low + 1, span?.[1] ?? -Infinity));
            return [s.low, s.high];
          },
        },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          gap: 7,
          splits: () => moments(from, to, width < 300 ? 4 : 5),
          values: (_u, ticks) => ticks.map((t) => tick(t, to)),
        },
        {
          ...axis,
          size: 46,
          gap: 4,
          splits: (_u, _i, low, high) => steps(low, high),
          values: (_u, ticks) =>
            ticks.map((v) =>
              number(v, 3)
                .replace(/(\.\d*?)0+$/, "$1")
                .replace(/\.$/, ""),
            ),
        },
      ],
      hooks: {
        setCursor: [
          (u) => {
            const x = u.cursor.left;
            this.told.hover(x !== undefined && x !== null && x >= 0 ? u.posToVal(x, "x") : null);
          },
        ],
        draw: [
          (u) => {
            this.dots(u, to - from);
            this.told.drawn(u.bbox.left / devicePixelRatio, u.bbox.width / devicePixelRatio);
            performance.mark("ketasim-drawn");
          },
        ],
      },
    };
  }
}

function steps(low: number, high: number) {
  const s = scaleOf(low, high);
  const found: number[] = [];
  for (let v = s.low; v <= high + s.step / 1000; v += s.step) found.push(Number(v.toPrecision(12)));
  return found;
}
