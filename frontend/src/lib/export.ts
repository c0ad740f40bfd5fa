import { country, crisisText } from "./crisis.svelte";
import { picture, save, type Picture } from "./svg";
import type { Catalogue } from "./types";

const drawn = new Map<HTMLElement, () => Picture>();
/** Charts tell how they can be drawn without a script. */
export function registered(figure: HTMLElement, make: () => Picture) {
  drawn.set(figure, make);
  return () => drawn.delete(figure);
}

/** The view as one file that opens from disk with the network off: styles inside, charts as drawings, no script. */
export function exportedPage(main: HTMLElement, title: string, facts: Catalogue | null): string {
  const originals = [...main.querySelectorAll<HTMLElement>("figure")];
  const copy = main.cloneNode(true) as HTMLElement;
  copy.querySelectorAll<HTMLElement>("figure").forEach((figure, i) => {
    const make = drawn.get(originals[i]);
    // at the figure's own width, so that its letters keep their size
    if (make) {
      const drawing = make();
      const title = 9 * (drawing.title.length + drawing.unit.length + 4);
      figure.innerHTML = picture(
        drawing,
        Math.max(originals[i].clientWidth - 24, title, 320),
        Math.max(originals[i].clientHeight - 18, 260),
      );
    }
  });
  copy
    .querySelectorAll("aside, form, input, select, .menu, .scrubber, .skip, .pick, .nocopy")
    .forEach((node) => node.remove());
  copy.querySelectorAll("button").forEach((button) => {
    const span = document.createElement("span");
    span.className = button.className.replace("main", "");
    span.append(...button.childNodes);
    button.replaceWith(span);
  });
  copy.querySelectorAll("details").forEach((node) => node.setAttribute("open", ""));
  const css = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText)).join("\n");
  const notice = facts?.notice ?? "Research and teaching only.";
  const extra =
    ".view{grid-template-columns:minmax(0,1fr)!important} figure svg{max-width:100%;height:auto} button{display:none} body>p{margin:10px 20px;max-width:none}";
  return (
    `<!doctype html><html lang="en" data-theme="${document.documentElement.dataset.theme}"><head><meta charset="utf-8">` +
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title} · Ketasim</title><style>${css}\n${extra}</style></head>` +
    `<body><p class="problem">${notice} Exported from Ketasim ${facts?.version ?? ""}.</p>${copy.outerHTML}<p class="quiet small">${notice} ${crisisText(facts?.crisis, country.code)}</p></body></html>`
  );
}

export function exportView(main: HTMLElement, title: string, facts: Catalogue | null) {
  save(
    `ketasim-${location.hash.replace(/^#\/?/, "").split("?")[0] || "follow"}.html`,
    exportedPage(main, title, facts),
    "text/html",
  );
}
