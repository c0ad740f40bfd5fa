import { describe, expect, it } from "vitest";
import * as d from "../src/lib/design";

const FILE = `# a comment that stays
title = "T"   # and this one
n = 32
visits = [
  "24 h",  # first
  "7 d",
]

[arms.a]
words = "ketamine iv 0.5 mg/kg over 40 min"
ratio = 2.0

[arms."b c"]
words = 'placebo iv'

[endpoint]
arm = "a"
`;

describe("a design file under a form", () => {
  it("reads values, also over several lines, and says what it cannot read", () => {
    expect(d.asText(d.raw(FILE, "", "title"))).toBe("T");
    expect(d.raw(FILE, "", "n")).toBe("32");
    expect(d.asTexts(d.raw(FILE, "", "visits"))).toBeUndefined();
    expect(d.asTexts(`["24 h", '7 d', 28]`)).toEqual(["24 h", "7 d", "28"]);
    expect(d.arms(FILE)).toEqual(["a", "b c"]);
    expect(d.asText(d.raw(FILE, "arms.b c", "words"))).toBe("placebo iv");
    expect(d.raw(`x = "a # b" # c`, "", "x")).toBe(`"a # b"`);
  });

  it("changes one value and nothing else", () => {
    expect(d.put(FILE, "", "title", `"U"`)).toBe(FILE.replace(`"T"`, `"U"`));
    expect(d.put(FILE, "arms.a", "ratio", "1.5")).toBe(FILE.replace("ratio = 2.0", "ratio = 1.5"));
    expect(d.put(FILE, "arms.a", "ratio", null)).toBe(FILE.replace("ratio = 2.0\n", ""));
    expect(d.put(FILE, "", "visits", `["28 d"]`)).toBe(FILE.replace(/visits = \[[\s\S]*?\]/, `visits = ["28 d"]`));
    expect(d.put(FILE, "", "title", `"T"`)).toBe(FILE);
    expect(d.put(FILE, "", "nothing", null)).toBe(FILE);
  });

  it("puts a value that is not there into its table, or makes the table", () => {
    expect(d.put(FILE, "arms.a", "repeat", `"x 2"`)).toBe(
      FILE.replace("ratio = 2.0\n", `ratio = 2.0\nrepeat = "x 2"\n`),
    );
    expect(d.put(FILE, "", "missing", "0.1")).toBe(FILE.replace(`  "7 d",\n]\n`, `  "7 d",\n]\nmissing = 0.1\n`));
    expect(d.put(FILE, "dropout", "per_week", "0.02")).toBe(`${FILE}\n[dropout]\nper_week = 0.02\n`);
    expect(d.put("", "", "n", "4")).toContain("n = 4");
    expect(d.put("[arms.a]\n", "", "n", "4")).toBe("n = 4\n[arms.a]\n");
  });

  it("keeps the ends of lines", () => {
    const windows = FILE.replace(/\n/g, "\r\n");
    expect(d.put(windows, "", "n", "40")).toBe(windows.replace("n = 32", "n = 40"));
    expect(d.put(windows, "arms.a", "repeat", `"x"`).replace(/\r\n/g, "")).not.toContain("\n");
    expect(d.armAdded(windows, "new", "placebo iv").replace(/\r\n/g, "")).not.toContain("\n");
  });

  it("adds, renames and leaves out arms", () => {
    const more = d.armAdded(FILE, "third", "placebo iv");
    expect(d.arms(more)).toEqual(["a", "b c", "third"]);
    expect(more.indexOf("[arms.third]")).toBeLessThan(more.indexOf("[endpoint]"));
    expect(more).toContain('\n\n[arms.third]\nwords = "placebo iv"\n\n[endpoint]');
    const renamed = d.armRenamed(FILE, "a", "x y");
    expect(d.arms(renamed)).toEqual(["x y", "b c"]);
    expect(d.asText(d.raw(renamed, "endpoint", "arm"))).toBe("x y");
    expect(d.arms(d.armLeftOut(more, "third"))).toEqual(["a", "b c"]);
    expect(d.armLeftOut(FILE, "b c")).toBe(FILE.replace(`[arms."b c"]\nwords = 'placebo iv'\n\n`, ""));
    expect(d.arms(d.armAdded(`n = 4\n`, "a", "placebo iv"))).toEqual(["a"]);
    expect(d.arms(d.armAdded(`[arms.a]\nwords = "placebo iv"`, "b", "placebo iv"))).toEqual(["a", "b"]);
  });

  it("knows a table that is written in another form", () => {
    expect(d.foreign(`endpoint = { at = "7 d" }`, "endpoint")).toBe(true);
    expect(d.foreign(`endpoint.at = "7 d"`, "endpoint")).toBe(true);
    expect(d.foreign(FILE, "endpoint")).toBe(false);
  });
});
