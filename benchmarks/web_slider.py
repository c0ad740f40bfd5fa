"""From the slider to the pixels, in a real browser: `python benchmarks/web_slider.py` (needs playwright and Chromium).

Fifteen single moves: time until the chart is drawn anew, and until the whole band stands; then forty moves in a second: how many were
drawn. The aim is 100 ms for a single move on a machine that has nothing else to do.
"""

from __future__ import annotations

import os
import shutil
import statistics

from web_run import HERE, Server

VIEW = (
    "follow?drug=ketamine&route=iv&amount=0.5&unit=mg/kg&minutes=40&repeat=twice weekly x 8&people=100&days=28&seed=1"
)
READY = "main .main[aria-busy=false] .windows canvas"
AIM_MS = 100
SCRIPT = """() => {
  window.measure = ready => new Promise(done => {
    const slider = document.querySelector('#dose'), t0 = performance.now();
    performance.clearMarks('ketasim-drawn');
    slider.value = +slider.value + 0.01;
    slider.dispatchEvent(new Event('input', {bubbles: true}));
    let first = 0;
    const look = () => {
      if (!first && performance.getEntriesByName('ketasim-drawn').length) first = performance.now() - t0;
      if (first && document.querySelector(ready)) requestAnimationFrame(() => done([first, performance.now() - t0]));
      else requestAnimationFrame(look);
    };
    look();
  });
  window.redraws = async () => {
    const slider = document.querySelector('#dose'), plot = document.querySelector('figure .plot');
    const before = +plot.dataset.drawn;
    for (let i = 0; i < 40; i++) {
      slider.value = 0.2 + 0.01 * i;
      slider.dispatchEvent(new Event('input', {bubbles: true}));
      await new Promise(r => setTimeout(r, 25));
    }
    return +plot.dataset.drawn - before;
  };
}"""


def main() -> None:
    """Measure and print."""
    from playwright.sync_api import sync_playwright

    server = Server(HERE)
    browser = os.environ.get("KETASIM_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as driver:
        page = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"]).new_page()
        page.goto(f"{server.address}#/{VIEW}")
        page.wait_for_selector(READY, timeout=60_000)
        page.evaluate(SCRIPT)
        first, whole = [], []
        for _ in range(15):
            page.wait_for_timeout(250)  # a single move, not a drag
            quick, complete = page.evaluate("ready => measure(ready)", READY)
            first.append(quick)
            whole.append(complete)
        redraws = page.evaluate("redraws()")
    server.process.terminate()
    print(
        f"slider to pixels: median {statistics.median(first):.0f} ms, worst {max(first):.0f} ms (aim {AIM_MS}); "
        f"with the whole band {statistics.median(whole):.0f} ms; {redraws} redraws for 40 moves"
    )


if __name__ == "__main__":
    main()
