import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The package that a bundled module belongs to: its folder and its name; nothing for the page's own sources. */
function packageOf(id) {
  if (!id.includes("node_modules")) return undefined;
  let folder = dirname(id.split("?")[0]);
  while (folder !== dirname(folder)) {
    const file = join(folder, "package.json");
    if (existsSync(file)) {
      const told = JSON.parse(readFileSync(file, "utf8"));
      if (told.name && told.version) return { folder, ...told };
    }
    folder = dirname(folder);
  }
  return undefined;
}

/** The licence text of a package. A package that is bundled without one ends the build: its notice could not be given. */
function licenceOf(found) {
  const name = readdirSync(found.folder).find((file) => /^licen[cs]e(\.|$)/i.test(file));
  if (!name) throw new Error(`${found.name} ${found.version} is bundled but has no licence text`);
  return readFileSync(join(found.folder, name), "utf8").trim();
}

/** Writes licences.txt beside the page: the notices of every package whose code stands, minified, in the script. */
export function notices() {
  return {
    name: "notices",
    generateBundle(_options, bundle) {
      const found = new Map();
      for (const chunk of Object.values(bundle)) {
        for (const id of chunk.type === "chunk" ? Object.keys(chunk.modules) : []) {
          const one = packageOf(id.replace(/^\0/, ""));
          if (one) found.set(one.name, one);
        }
      }
      const told = [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
      const parts = told.map((one) => `${one.name} ${one.version} (${one.license})\n\n${licenceOf(one)}\n`);
      const head = "The script of this page contains, minified, code of these packages.\n";
      const rule = `\n${"-".repeat(78)}\n\n`;
      this.emitFile({
        type: "asset",
        fileName: "licences.txt",
        source: [head, ...parts].join(rule),
      });
    },
  };
}
