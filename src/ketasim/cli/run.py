"""`ketasim run`."""

from __future__ import annotations

from ketasim.core import CheckFailed

from .options import Csv, Json, Options, Plot, Words, one_format, plot_place, with_options
from .output import write
from .progress import Progress


@with_options
def run(words: Words, options: Options, json: Json = False, csv: Csv = False, plot: Plot = None) -> None:
    """Simulate one scenario: blood, receptors, glutamate, synapses, mood, dissociation, blood pressure."""
    one_format(json, csv)
    place = plot_place(plot)
    from ketasim.scenario.plan import scenario
    from ketasim.scenario.run import run as simulate

    asked = scenario(words, **options.arguments())
    with Progress("people") as bar:
        result = simulate(asked, progress=bar.show)
    if place and not result.nobody:
        result.plot(str(place))
    if json:
        write(result.to_json(), json=True)
    elif csv:
        from ketasim.report.tables import result_csv

        write(result_csv(result))
    else:
        from ketasim.report.text import run_text

        with Progress("placebo and hypotheses") as bar:
            text = run_text(result, bar.show)
        write(text)
    if place and not (json or csv):
        write(f"\nFigure: {place}")
    if result.nobody:
        raise CheckFailed(
            "no run went through, not even that of the typical person", allowed="see status for the reasons"
        )
