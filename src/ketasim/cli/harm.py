"""`ketasim harm`."""

from __future__ import annotations

import json as jsons

from .options import Json, Options, Words, with_options
from .output import write
from .progress import Progress


@with_options
def harm(words: Words, options: Options, json: Json = False) -> None:
    """Acute effects of a session, and long-term harm: what was seen at which exposure, beside that of this course.

    Example: ketasim harm "esketamine nasal 84 mg twice weekly x 8, then weekly x 4"
    """
    from ketasim.person.exposure import beside, plan_of
    from ketasim.person.session import Passed, Session, passed, sessions
    from ketasim.report.harm_text import harm_dict, harm_text
    from ketasim.scenario.plan import scenario
    from ketasim.scenario.run import run as simulate

    asked = scenario(words, **{"draws": 0} | options.arguments())
    plan = plan_of(asked.regimen, asked.end_h, asked.traits.weight)
    found: tuple[Session, ...] = ()
    over: tuple[Passed, ...] = ()
    if asked.people:
        with Progress("people") as bar:
            result = simulate(asked, progress=bar.show)
        found, over = sessions(result), passed(result)
    rows = beside(plan)
    if json:
        write(jsons.dumps(harm_dict(plan, rows, found, over), indent=2, allow_nan=False, ensure_ascii=False), json=True)
    else:
        write(harm_text(plan, rows, found, over))
