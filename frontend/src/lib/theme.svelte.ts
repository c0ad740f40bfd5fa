/** Light or dark: the system's until the reader chooses. */
const system = matchMedia("(prefers-color-scheme: dark)");

class Theme {
  name = $state<"light" | "dark">("light");
  constructor() {
    this.set(read() ?? (system.matches ? "dark" : "light"));
    system.addEventListener("change", () => !read() && this.set(system.matches ? "dark" : "light"));
  }
  set(name: "light" | "dark") {
    document.documentElement.dataset.theme = name;
    this.name = name;
  }
  toggle() {
    this.set(this.name === "dark" ? "light" : "dark");
    try {
      localStorage.setItem("ketasim-theme", this.name);
    } catch {
      /* a browser without storage forgets */
    }
  }
}
function read(): "light" | "dark" | null {
  try {
    const kept = localStorage.getItem("ketasim-theme");
    return kept === "dark" || kept === "light" ? kept : null;
  } catch {
    return null;
  }
}
export const theme = new Theme();
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
