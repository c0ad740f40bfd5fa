/**
 * A design file under a form. The text stays the file: a control changes the value in its own line and nothing else, so comments, order and everything
 * that the form does not know stay as they are, and what is downloaded is what was uploaded. What is understood of it is the program's business.
 */
export interface Entry {
  table: string;
  key: string;
  raw: string;
  from: number; // line
  to: number; // last line
  start: number; // column of the value in its line, if it stands in one
  end: number;
}
export interface Parsed {
  lines: string[];
  entries: Entry[];
  headers: { table: string; line: number }[];
}

const KEY = /^(\s*)([A-Za-z0-9_-]+|"[^"]*"|'[^']*')(\s*)=(\s*)/;
const HEADER = /^\s*\[(\[?)\s*(.+?)\s*\]?\]\s*(#.*)?\r?$/;
const bare = (name: string) => name.replace(/^["']|["']$/g, "");
/** "arms . a" and 'arms."a"' are the same table. */
const path = (text: string) => (text.match(/"[^"]*"|'[^']*'|[^.\s]+/g) ?? []).map(bare).join(".");

/** Where a value ends that begins at a column, and how deep its brackets stand there. */
function extent(line: string, from: number, depth = 0): { end: number; depth: number; open: string } {
  let end = from;
  for (let i = from; i < line.length; i++) {
    const c = line[i];
    if (c === '"' || c === "'") {
      const triple = c.repeat(3);
      if (line.startsWith(triple, i)) {
        const close = line.indexOf(triple, i + 3);
        if (close < 0) return { end: line.length, depth, open: triple };
        i = close + 2;
      } else {
        for (i++; i < line.length && line[i] !== c; i++) if (c === '"' && line[i] === "\\") i++;
      }
      end = i + 1;
    } else if (c === "#") break;
    else {
      if (c === "[" || c === "{") depth++;
      if (c === "]" || c === "}") depth--;
      if (!/\s/.test(c)) end = i + 1;
    }
  }
  return { end: Math.min(end, line.length), depth, open: "" };
}

export function parse(text: string): Parsed {
  const lines = text.split("\n");
  const entries: Entry[] = [];
  const headers: Parsed["headers"] = [];
  let table = "";
  for (let i = 0; i < lines.length; i++) {
    const head = HEADER.exec(lines[i]);
    if (head && !KEY.test(lines[i])) {
      table = head[1] ? `${path(head[2])}[${i}]` : path(head[2]);
      headers.push({ table, line: i });
      continue;
    }
    const key = KEY.exec(lines[i]);
    if (!key) continue;
    const start = key[0].length;
    let { end, depth, open } = extent(lines[i], start);
    let last = i;
    while ((depth > 0 || open) && last + 1 < lines.length) {
      last++;
      const close = open ? lines[last].indexOf(open) : 0;
      if (open && close < 0) continue;
      ({ end, depth, open } = extent(lines[last], open ? close + 3 : 0, depth));
    }
    const raw =
      last === i
        ? lines[i].slice(start, end)
        : lines
            .slice(i, last + 1)
            .join("\n")
            .slice(start);
    entries.push({ table, key: bare(key[2]), raw: raw.trim(), from: i, to: last, start, end });
    i = last;
  }
  return { lines, entries, headers };
}

const find = (p: Parsed, table: string, key: string) => p.entries.find((e) => e.table === table && e.key === key);

/** A text between quotes, as a value; undefined where it is none. */
export function asText(raw: string | undefined): string | undefined {
  if (raw === undefined) return undefined;
  if (/^'[^']*'$/.test(raw)) return raw.slice(1, -1);
  if (!/^"(?:[^"\\]|\\.)*"$/.test(raw)) return undefined;
  try {
    return JSON.parse(raw);
  } catch {
    return undefined;
  }
}
export function asTexts(raw: string | undefined): string[] | undefined {
  if (raw === undefined) return undefined;
  const one = asText(raw);
  if (one !== undefined) return [one];
  const list = /^\[([\s\S]*)\]$/.exec(raw);
  if (!list || list[1].includes("#")) return undefined;
  const items = list[1].match(/"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,]+/g) ?? [];
  return items.map((item) => asText(item) ?? item);
}
export const quoted = (text: string) => JSON.stringify(text);
export const listed = (items: string[]) =>
  `[${items.map((x) => (/^-?\d+(\.\d+)?$/.test(x) ? x : quoted(x))).join(", ")}]`;

export const raw = (text: string, table: string, key: string) => find(parse(text), table, key)?.raw;
export const has = (text: string, table: string) => parse(text).headers.some((h) => h.table === table);
/** True if a table is written in another form than under its own header: the form then leaves it alone. */
export const foreign = (text: string, table: string) =>
  parse(text).entries.some((e) => e.table === "" && e.key === table) ||
  new RegExp(`^\\s*${table}\\s*\\.`, "m").test(text);

/** The text with one value changed, put in, or taken out (null). Nothing else changes. */
export function put(text: string, table: string, key: string, value: string | null): string {
  const p = parse(text);
  const end = text.includes("\r\n") ? "\r" : "";
  const there = find(p, table, key);
  if (there) {
    const before = p.lines.slice(0, there.from);
    const after = p.lines.slice(there.to + 1);
    if (value === null) return [...before, ...after].join("\n");
    if (there.raw === value) return text;
    const first = p.lines[there.from].slice(0, there.start);
    return [...before, first + value + p.lines[there.to].slice(there.end), ...after].join("\n");
  }
  if (value === null) return text;
  const line = `${/^[A-Za-z0-9_-]+$/.test(key) ? key : quoted(key)} = ${value}${end}`;
  const own = p.entries.filter((e) => e.table === table);
  const header = p.headers.find((h) => h.table === table);
  const at = own.length ? own[own.length - 1].to + 1 : header ? header.line + 1 : table === "" ? firstLine(p) : -1;
  if (at >= 0) return [...p.lines.slice(0, at), line, ...p.lines.slice(at)].join("\n");
  return appended(text, [`[${named(table)}]${end}`, line]);
}
const firstLine = (p: Parsed) => (p.headers.length ? p.headers[0].line : 0);
const named = (table: string) => {
  const [head, ...rest] = table.split(".");
  return [head, ...(rest.length ? [rest.join(".")] : [])]
    .map((x) => (/^[A-Za-z0-9_-]+$/.test(x) ? x : quoted(x)))
    .join(".");
};
function appended(text: string, lines: string[]): string {
  const end = text.includes("\r\n") ? "\r\n" : "\n";
  const body = text === "" || text.endsWith("\n") ? text : text + end;
  return body + (body.trim() ? end : "") + lines.map((l) => l.replace(/\r$/, "")).join(end) + end;
}

/** Names of the arms, in the order of the file. */
export const arms = (text: string) =>
  parse(text)
    .headers.filter((h) => /^arms\.[^.[]+$/.test(h.table))
    .map((h) => h.table.slice(5));

/** The file with a further arm behind the last one. */
export function armAdded(text: string, name: string, words: string): string {
  const p = parse(text);
  const end = text.includes("\r\n") ? "\r" : "";
  const own = p.headers.filter((h) => h.table.startsWith("arms."));
  const lines = [`[${named(`arms.${name}`)}]${end}`, `words = ${quoted(words)}${end}`];
  if (!own.length) return appended(text, lines);
  const next = p.headers.find((h) => h.line > own[own.length - 1].line);
  let at = next ? next.line : p.lines.length;
  while (at > 0 && !p.lines[at - 1].trim()) at--;
  return [
    ...p.lines.slice(0, at),
    end,
    ...lines,
    ...(next ? [] : [""]),
    ...p.lines.slice(at + (next ? 0 : p.lines.length)),
  ].join("\n");
}

/** The file without an arm (its table, and tables below it). */
export function armLeftOut(text: string, name: string): string {
  const p = parse(text);
  const mine = (table: string) => table === `arms.${name}` || table.startsWith(`arms.${name}.`);
  const dropped = new Set<number>();
  p.headers.forEach((h, i) => {
    if (!mine(h.table)) return;
    const until = p.headers[i + 1]?.line ?? p.lines.length;
    for (let k = h.line; k < until; k++) dropped.add(k);
  });
  const kept = p.lines.filter((_, i) => !dropped.has(i)).join("\n");
  return kept === "" || kept.endsWith("\n") ? kept : `${kept}\n`;
}

/** The file with an arm under another name, also where it is named as control or as the arm of the endpoint. */
export function armRenamed(text: string, old: string, name: string): string {
  const p = parse(text);
  const lines = [...p.lines];
  for (const h of p.headers)
    if (h.table === `arms.${old}`) lines[h.line] = lines[h.line].replace(/\[.*\]/, `[${named(`arms.${name}`)}]`);
  let next = lines.join("\n");
  for (const [table, key] of [
    ["", "comparator"],
    ["endpoint", "arm"],
  ])
    if (asText(raw(next, table, key)) === old) next = put(next, table, key, quoted(name));
  return next;
}

export const BLANK = `title = "A design of one's own"
design = "parallel"
setting = "nasal-placebo"
scale = "MADRS"
n = 120
visits = ["24 h", "7 d", "14 d", "28 d"]
comparator = "placebo"

[arms.esketamine]
words = "esketamine nasal 84 mg"
repeat = "twice weekly x 8"

[arms.placebo]
words = "placebo nasal"
repeat = "twice weekly x 8"

[endpoint]
measure = "change"
at = "28 d"
arm = "esketamine"

[analysis]
method = "mmrm"

[dropout]
per_week = 0.02   # assumed
`;
