"""Who waits for whom: the queue of the page and its tasks, between clients. Threads wait for events, no test waits for a clock."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ask_app import in_a_loop

from ketasim.core import UsageError
from ketasim.web.jobs import CLIENT, Busy, Jobs
from ketasim.web.tasks import MOST_WAITING, Tasks


class Held:
    """Work that ends when it is let go, and remembers the order in which it was begun."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gate = threading.Event()

    def work(self, name: str) -> Callable[[], str]:
        def run() -> str:
            self.begun.append(name)
            assert self.gate.wait(20)
            return name

        return run


def asked(jobs: Jobs, client: str, work: Callable[[], Any]) -> asyncio.Task[Any]:
    context = contextvars.copy_context()
    context.run(CLIENT.set, client)
    return asyncio.get_running_loop().create_task(jobs.run(work), context=context)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_one_who_asks_a_lot_does_not_keep_another_waiting() -> None:
    async def scene() -> list[str]:
        jobs, held = Jobs(1, 8, "t", 20.0), Held()
        many = [asked(jobs, "much", held.work(f"much {i}")) for i in range(4)]
        await settled()
        other = asked(jobs, "little", held.work("little"))
        await settled()
        held.gate.set()
        await asyncio.gather(*many, other)
        jobs.close()
        return held.begun

    begun = in_a_loop(scene)
    assert begun.index("little") <= 2  # after the run under way and at most one that was in the line before
    assert [name for name in begun if name != "little"] == [f"much {i}" for i in range(4)]


def test_a_full_queue_makes_room_for_whoever_waits_for_less() -> None:
    async def scene() -> tuple[list[Any], str]:
        jobs, held = Jobs(1, 3, "t", 20.0), Held()
        many = [asked(jobs, "much", held.work(f"much {i}")) for i in range(4)]  # one runs, three wait: full
        await settled()
        with pytest.raises(Busy):
            await asked(jobs, "much", held.work("much too much"))
        other = asked(jobs, "little", held.work("little"))
        await settled()
        assert jobs.waiting == 3
        held.gate.set()
        ends = await asyncio.gather(*many, return_exceptions=True)
        told = await other
        jobs.close()
        return ends, told

    ends, told = in_a_loop(scene)
    assert told == "little"
    assert ends[:3] == ["much 0", "much 1", "much 2"] and isinstance(ends[3], Busy)


def test_whoever_has_waited_long_enough_is_told_and_leaves_no_trace() -> None:
    async def scene() -> None:
        jobs, held = Jobs(1, 8, "t", 0.05), Held()
        first = asked(jobs, "a", held.work("first"))
        await settled()
        with pytest.raises(Busy):
            await asked(jobs, "b", held.work("second"))
        gone = asked(jobs, "c", held.work("third"))
        await settled()
        gone.cancel()
        await settled()
        assert jobs.waiting == 0
        held.gate.set()
        assert await first == "first"
        await settled()
        assert await asked(jobs, "b", lambda: 7) == 7  # the worker came back
        assert held.begun == ["first"]
        jobs.close()

    in_a_loop(scene)


def test_a_failing_run_gives_its_worker_back() -> None:
    async def scene() -> None:
        jobs = Jobs(1, 2, "t", 5.0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await jobs.run(lambda: 1 / 0)
        assert await jobs.run(lambda: 5) == 5
        jobs.close()

    in_a_loop(scene)


class Line:
    """Tasks of one server, asked by several clients."""

    def __init__(self) -> None:
        self.tasks = Tasks("t")
        self.gate, self.began = threading.Event(), threading.Event()
        self.order: list[str] = []

    def ask(self, client: str, name: str, once: bool = False) -> Any:
        def work(told: Callable[[float], None]) -> tuple[str, dict[str, Any]]:
            self.order.append(name)
            self.began.set()
            assert self.gate.wait(20)
            told(0.5)
            return name, {"name": name}

        context = contextvars.copy_context()
        context.run(CLIENT.set, client)
        return context.run(self.tasks.ask, work, once)

    def end(self) -> None:
        self.gate.set()
        self.tasks.pool.shutdown(wait=True)


def test_tasks_go_in_turn_between_clients() -> None:
    line = Line()
    for i in range(3):
        line.ask("a", f"a{i}")
    assert line.began.wait(20)
    last = line.ask("b", "b0")
    assert line.tasks.to_dict(last)["ahead"] == 3
    line.end()
    assert line.order == ["a0", "b0", "a1", "a2"]


def test_one_client_cannot_fill_the_line() -> None:
    line = Line()
    for i in range(MOST_WAITING):
        line.ask("a", f"a{i}")
    with pytest.raises(Busy):
        line.ask("a", "one more")
    assert line.ask("b", "b0").state in ("waiting", "running")
    line.end()


def test_a_task_that_is_called_off_in_the_line_never_begins_and_one_under_way_ends() -> None:
    line = Line()
    first, second = line.ask("a", "first"), line.ask("a", "second")
    assert line.began.wait(20)
    assert line.tasks.cancel(second.number, "trial").state == "cancelled"
    line.tasks.cancel(first.number, "trial")
    line.end()
    assert first.state == "cancelled" and first.result is None and line.order == ["first"]


def test_what_is_about_a_person_is_handed_out_once() -> None:
    line = Line()
    task = line.ask("a", "person", once=True)
    line.end()
    assert line.tasks.find(task.number, "forecast").result == {"name": "person"}
    assert task.work is None
    with pytest.raises(UsageError, match="there is no forecast"):
        line.tasks.find(task.number, "forecast")


def test_a_defect_is_told_without_its_text() -> None:
    tasks = Tasks("t")

    def work(told: Callable[[float], None]) -> tuple[str, dict[str, Any]]:
        raise ValueError("something that was typed in")

    task = tasks.ask(work)
    tasks.pool.shutdown(wait=True)
    assert task.state == "failed" and task.problem is not None
    assert "ValueError" in task.problem["what"] and "typed in" not in str(task.problem)


def test_no_test_runs_a_loop_in_the_thread_of_a_browser() -> None:
    """Playwright leaves a running loop in the thread of its worker: whatever test comes next there must not start one of its own."""
    tests = Path(__file__).resolve().parents[2]
    word = "asyncio" + ".run("
    assert [str(p.relative_to(tests)) for p in tests.rglob("*.py") if word in p.read_text()] == ["unit/web/ask_app.py"]
