"""The server: every address answers with what the public Python API gives, or with a refusal that teaches."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi import Path as InAddress
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from ketasim._version import __version__
from ketasim.core import KetasimError
from ketasim.decide.claims import PEOPLE, SEED
from ketasim.report.guide import crisis
from ketasim.scenario.compare import compare as side_by_side
from ketasim.scenario.experiments import experiment as carry_out
from ketasim.scenario.plan import Scenario, scenario
from ketasim.scenario.result import lean, plain
from ketasim.scenario.run import run as simulate

from . import answers, facts, long_answers, shipped
from .behind import Behind, Handed
from .care import care
from .guard import Guard
from .invalid import words_of
from .jobs import Busy, Jobs
from .packed import pack
from .persons import ForecastQuestion, PersonQuestion, forecasting, screened
from .questions import (
    Arm,
    Comparison,
    CoursesQuestion,
    ExperimentQuestion,
    NextStudyQuestion,
    Problem,
    Question,
    SliderQuestion,
    UncertainQuestion,
    WeighQuestion,
    WhatIfQuestion,
    refuse_the_endless,
)
from .tasks import Tasks
from .trials import (
    DesignQuestion,
    OneTrialQuestion,
    TrialQuestion,
    designs,
    one_simulated,
    simulated,
    understood,
    words,
)
from .what_if import changed, uncertain

STATIC = Path(__file__).parent / "static"
LONG_RUN = 8_000  # person-days; what takes longer than a slider may wait for stands in the queue of the long runs
PACKED = "application/octet-stream"
NO_PAGE = (
    "<!doctype html><html lang=en><title>Ketasim</title><p>The page was not built into this installation. "
    "The interface for programs works: see <a href=/openapi.json>/openapi.json</a>. To build the page: "
    "<code>python hatch_build.py</code> in the source folder.</p></html>"
)
REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Problem, "description": text}
    for code, text in (
        (400, "not valid JSON"),
        (403, "foreign host or origin"),
        (404, "no such thing"),
        (413, "too large"),
        (414, "address too long"),
        (422, "a question that cannot be carried out"),
        (429, "busy, ask again"),
    )
}
Name = Annotated[str, InAddress(max_length=80)]
NOT_KEPT = {"Cache-Control": "no-store"}


def create_app(static: Path | None = STATIC, behind: Behind | None = None) -> Any:
    """The ASGI application, guard included. static : the built page, if it is served; behind : the process that does the work, if it is another."""
    hand = behind.hand if behind else None
    short = Jobs(workers=2, most_waiting=16, name="slider", patience_s=0.7, behind=hand)
    long = Jobs(
        workers=2, most_waiting=8, name="long", patience_s=0.9, behind=hand
    )  # then it is told, and the page asks again
    near = Jobs(workers=1, most_waiting=64, name="near", patience_s=0.9)  # what is known already: read, not computed
    trials, people = Tasks("trial"), Tasks("person")

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        short.close()
        long.close()
        near.close()
        trials.close()
        people.close()
        if behind is not None:
            behind.close()

    async def task(look: Callable[[], Any]) -> Any:
        """A task is known where it runs."""
        return await hand() if hand else look()

    app = FastAPI(
        title="Ketasim",
        version=__version__,
        lifespan=life,
        responses=REFUSALS,
        docs_url=None,
        redoc_url=None,
        description="From a dose of ketamine to the mood. Research and teaching only.",
    )
    _refusals(app)
    _facts(app, near)

    @app.post("/api/run", summary="A run: the object that `ketasim run --json` prints", response_model=answers.Run)
    async def run(question: Question) -> Response:
        def work() -> bytes:
            found = lean(simulate(_asked(question)).to_dict())  # what `ketasim run --json` prints
            return json.dumps(found, allow_nan=False, ensure_ascii=False).encode()

        return Response(await _queue(question, 1).run(work), media_type="application/json")

    @app.post(
        "/api/curves",
        summary="The same run for a slider: chosen outputs on the internal grid, packed as 32-bit numbers",
        response_class=Response,
        responses={200: {"content": {PACKED: {"schema": {"type": "string", "format": "binary"}}}}},
    )
    async def curves(question: SliderQuestion) -> Response:
        def work() -> bytes:
            return pack(simulate(_asked(question)), question.outputs)

        return Response(await _queue(question, 1).run(work), media_type=PACKED)

    @app.post(
        "/api/care",
        summary="What stands beside a course: warnings, what is not known, parts of the effect, placebo, harm",
        response_model=answers.Care,
    )
    async def beside(question: Question) -> Any:
        return JSONResponse(await long.run(lambda: care(_asked(question))))

    @app.post(
        "/api/observed",
        summary="What published studies with the same drug, route, doses and control observed, each point with its source",
        response_model=list[answers.Observed],
    )
    async def seen(question: Question) -> Any:
        return JSONResponse(await short.run(lambda: facts.observed_beside(_asked(question))))

    @app.post(
        "/api/uncertain",
        summary="The numbers of a course that can be tried at another value",
        response_model=list[answers.Uncertain],
    )
    async def uncertain_numbers(question: UncertainQuestion) -> Any:
        return JSONResponse(plain(await long.run(lambda: uncertain(question.scenario))))

    @app.post(
        "/api/what-if",
        summary="The headline of a course if one uncertain number were another, and what is known of that number",
        response_model=answers.WhatIf,
    )
    async def if_wrong(question: WhatIfQuestion) -> Any:
        return JSONResponse(await long.run(lambda: changed(question)))

    @app.get(
        "/api/matters",
        summary="Per output the three numbers that move it most, for the course that the page begins with",
        response_model=answers.Matters,
    )
    async def mattering() -> Any:
        return JSONResponse(plain(await (near if shipped.current() else long).run(shipped.matters_now)))

    @app.post(
        "/api/compare", summary="The object that `ketasim compare --json` prints", response_model=long_answers.Compared
    )
    async def compare(question: Comparison) -> Response:
        def work() -> bytes:
            arms = [_arm(question, entry) for entry in question.scenarios]
            return side_by_side(*arms).to_json(indent=None).encode()

        return Response(await long.run(work), media_type="application/json")

    @app.post(
        "/api/experiment",
        summary="The object that `ketasim experiment --json` prints",
        response_model=long_answers.Carried,
    )
    async def experiment(question: ExperimentQuestion) -> Response:
        def work() -> bytes:
            return carry_out(question.name, people=question.people, seed=question.seed).to_json(indent=None).encode()

        return Response(await long.run(work), media_type="application/json")

    @app.post(
        "/api/experiment/courses",
        summary="One output of every arm of an experiment, on the internal grid",
        response_model=long_answers.Courses,
    )
    async def courses(question: CoursesQuestion) -> Response:
        def work() -> Any:
            found = carry_out(question.name, people=question.people, seed=question.seed)
            return {arm: result.fine(question.output).to_dict() for arm, result in found.results.items()}

        return JSONResponse(await long.run(work))

    @app.get(
        "/api/claims/{name}",
        summary="One claim with its predictions carried out",
        response_model=long_answers.PlayedClaim,
    )
    async def claim(name: Name) -> Any:
        return JSONResponse(await long.run(lambda: facts.claim_played(name, PEOPLE, SEED)))

    @app.get("/api/guide", summary="The guide, every number resolved with its source", response_model=answers.Guide)
    async def guide() -> Any:
        return JSONResponse(await (near if shipped.current() else long).run(shipped.guide_now))

    @app.get(
        "/api/first",
        summary="The default course as stored when the package was made, packed like /api/curves; 204 if the model has changed since",
        response_class=Response,
        responses={
            200: {"content": {PACKED: {"schema": {"type": "string", "format": "binary"}}}},
            204: {"description": "nothing is stored"},
        },
    )
    async def first() -> Response:
        found = await near.run(shipped.first_now)
        return Response(found, media_type=PACKED) if found else Response(status_code=204)

    @app.post(
        "/api/weigh", summary="The object that `ketasim weigh --json` prints", response_model=long_answers.Weighed
    )
    async def weigh(question: WeighQuestion) -> Any:
        return JSONResponse(await long.run(lambda: facts.weighed(question.prior, question.animals, question.without)))

    @app.post(
        "/api/next-study",
        summary="The object that `ketasim next-study --json` prints",
        response_model=long_answers.NextStudy,
    )
    async def next_study(question: NextStudyQuestion) -> Any:
        return JSONResponse(await long.run(lambda: facts.separating(question.names, question.budget)))

    @app.get(
        "/api/check",
        summary="The scorecard: the object that `ketasim check --json` prints",
        response_model=long_answers.Card,
    )
    async def check() -> Response:
        return Response((await long.run(facts.scorecard)).encode(), media_type="application/json")

    def _queue(question: Question, arms: int) -> Jobs:
        return long if question.people * (question.days or 56) * arms > LONG_RUN else short

    @app.get(
        "/api/designs",
        summary="the trial designs that ship, each with the text of its file",
        response_model=list[answers.DesignFile],
    )
    async def design_files() -> Any:
        return JSONResponse(await near.run(designs))

    @app.get("/api/design-words", summary="what the fields of a design may hold", response_model=answers.DesignWords)
    async def design_words() -> Any:
        return JSONResponse(words())

    @app.post(
        "/api/design",
        summary="What a design file means, what it leaves out filled in; or all its problems with their lines",
        response_model=answers.DesignRead,
    )
    async def read_design(question: DesignQuestion) -> Any:
        return JSONResponse(plain(await short.run(lambda: understood(question))))

    @app.post(
        "/api/one-trial",
        summary="One simulated trial, person by person, as a task: `one_trial` of `ketasim trial --json`",
        response_model=answers.Task,
    )
    async def new_one_trial(question: OneTrialQuestion) -> Any:
        work = await short.run(lambda: one_simulated(question))
        return JSONResponse(plain(trials.to_dict(trials.ask(work))))

    @app.post(
        "/api/trial",
        summary="A trial as a task: what `ketasim trial --json` prints comes when it is done",
        response_model=answers.Task,
    )
    async def new_trial(question: TrialQuestion) -> Any:
        work = await short.run(lambda: simulated(question))
        return JSONResponse(plain(trials.to_dict(trials.ask(work))))

    @app.get("/api/trial/{number}", summary="Progress or result of a trial", response_model=answers.Task)
    async def trial_task(number: Name) -> Any:
        return JSONResponse(plain(await task(lambda: trials.to_dict(trials.find(number, "trial")))))

    @app.delete("/api/trial/{number}", summary="Call a trial off", response_model=answers.Task)
    async def no_trial(number: Name) -> Any:
        return JSONResponse(plain(await task(lambda: trials.to_dict(trials.cancel(number, "trial")))))

    @app.post(
        "/api/forecast",
        summary="A forecast for one person as a task: what `ketasim forecast --json` prints, and the course after each entry; fetched once, then forgotten",
        response_model=answers.Task,
    )
    async def new_forecast(question: ForecastQuestion) -> Any:
        work = await short.run(lambda: _quiet(lambda: forecasting(question)))
        return JSONResponse(people.to_dict(people.ask(work, once=True)), headers=NOT_KEPT)

    @app.get("/api/forecast/{number}", summary="Progress or result of a forecast", response_model=answers.Task)
    async def forecast_task(number: Name) -> Any:
        return JSONResponse(await task(lambda: people.to_dict(people.find(number, "forecast"))), headers=NOT_KEPT)

    @app.delete("/api/forecast/{number}", summary="Call a forecast off", response_model=answers.Task)
    async def no_forecast(number: Name) -> Any:
        return JSONResponse(await task(lambda: people.to_dict(people.cancel(number, "forecast"))), headers=NOT_KEPT)

    @app.post(
        "/api/screen", summary="What `ketasim screen --json` prints; nothing is kept", response_model=answers.Screened
    )
    async def screening(question: PersonQuestion) -> Any:
        return JSONResponse(await short.run(lambda: _quiet(lambda: screened(question))), headers=NOT_KEPT)

    @app.get(
        "/api/forward",
        summary="The dated forward predictions, as docs/forward-predictions.md has them",
        response_model=answers.Forward,
    )
    async def forward() -> Any:
        return JSONResponse(await near.run(shipped.forward_now))

    _page(app, static)
    return Guard(app)


def _asked(question: Question) -> Scenario:
    asked = scenario(question.scenario, **question.options())
    refuse_the_endless(asked.end_h / 24.0, _doses(asked))
    return asked


def _quiet(work: Callable[[], Any]) -> Any:
    """A defect on what was typed in about a person leaves no trace of it in the log of the terminal."""
    try:
        return work()
    except KetasimError:
        raise
    except Exception as error:
        name = type(error).__name__
    raise HTTPException(500, f"the program failed: {name}; a defect of Ketasim, not of the question")


def _arm(question: Comparison, entry: str | Arm) -> Scenario:
    options = question.options()
    if isinstance(entry, str):
        words = entry
    else:
        words = entry.scenario
        options |= {
            "repeat": entry.repeat,
            "with_": [word for word in entry.with_ if word.strip()],
            "setting": entry.setting or question.setting,
        }
    asked = scenario(words, **options)
    refuse_the_endless(asked.end_h / 24.0, _doses(asked))
    return asked


def _doses(asked: Scenario) -> int:
    return len(asked.regimen.doses(asked.end_h))


def _facts(app: FastAPI, jobs: Jobs) -> None:
    def given(path: str, summary: str, make: Callable[[], Any], model: Any = Any) -> None:
        @app.get(path, summary=summary, response_model=model, name=path)
        async def answer() -> Any:
            return JSONResponse(await jobs.run(make))

    given("/api/catalogue", "everything the page needs before its first run", facts.catalogue, answers.Catalogue)
    given("/api/drugs", "the drugs: routes, studied ranges, approval, monitoring", facts.drug_list, list[answers.Drug])
    given("/api/outputs", "the register of output names", facts.output_list, list[answers.Output])
    given(
        "/api/values",
        "every number with value, unit, spread, source, grade",
        facts.value_list,
        list[answers.ValueEntry],
    )
    given("/api/claims", "the claims ledger: claims, evidence, verdicts", facts.claim_list, list[long_answers.Claim])
    given("/api/glossary", "the words of the page and what they mean", facts.glossary_list, list[answers.GlossaryTerm])
    given("/api/studies", "the published studies, one line each", facts.study_list, list[answers.StudyHead])
    given("/api/experiments", "the virtual experiments", facts.experiment_list, list[answers.ExperimentCard])

    given("/api/crisis", "where help is in a crisis, for every place with a verified number", crisis, answers.Crisis)

    @app.get("/api/show/{name}", summary="what `ketasim show NAME` prints", response_model=answers.Shown)
    async def show(name: Name) -> Any:
        return JSONResponse(await jobs.run(lambda: facts.shown(name)))


def _problem(status: int, what: str, where: str = "", allowed: str = "", fix: str = "", **headers: str) -> JSONResponse:
    return JSONResponse({"what": what, "where": where, "allowed": allowed, "try": fix}, status, headers or None)


def _refusals(app: FastAPI) -> None:
    @app.exception_handler(Handed)
    async def handed(_: Request, answer: Handed) -> Response:
        return Response(answer.body, answer.status, answer.headers)

    @app.exception_handler(KetasimError)
    async def taught(_: Request, error: KetasimError) -> JSONResponse:
        return _problem(422, error.what, error.where, error.allowed, error.fix)

    @app.exception_handler(Exception)
    async def defect(_: Request, error: Exception) -> JSONResponse:
        return _problem(
            500,
            f"the program failed: {type(error).__name__}",
            "a defect of Ketasim, not of the question; the terminal shows where",
        )

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        return _problem(400 if first["type"] == "json_invalid" else 422, *words_of(first))

    @app.exception_handler(Busy)
    async def busy(_: Request, error: Busy) -> JSONResponse:
        return _problem(429, str(error), allowed=f"ask again in {error.retry_s:g} s", **{"Retry-After": "1"})

    @app.exception_handler(HTTPException)
    async def other(_: Request, error: HTTPException) -> JSONResponse:
        return _problem(error.status_code, str(error.detail), **dict(error.headers or {}))


def _page(app: FastAPI, static: Path | None) -> None:
    if static is None:
        return
    page = static / "index.html"

    @app.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        return HTMLResponse(
            page.read_text(encoding="utf-8") if page.exists() else NO_PAGE, headers={"Cache-Control": "no-cache"}
        )

    if static.is_dir():
        app.mount("/", StaticFiles(directory=static), name="static")
