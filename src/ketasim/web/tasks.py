"""What takes longer than a question may wait: tasks in the background with progress, to be called off; one at a time, in turn between clients."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ketasim.core import KetasimError, UsageError

from .jobs import CLIENT, Busy

MOST_WAITING = 4  # of one client
MOST_OF_ALL = 60
KEPT = 16
FORGOTTEN_S = 120.0
ENDED = ("done", "failed", "cancelled")
Told = Callable[[float], None]


class Cancelled(Exception):
    """The asker has called it off."""


@dataclass
class Task:
    """Work under way or done. state : waiting, running, done, failed, cancelled. ahead : tasks before it in the line. once : forgotten when it is fetched."""

    number: str
    client: str = field(repr=False)
    work: Callable[[Told], tuple[str, dict[str, Any]]] | None = field(repr=False)
    once: bool = field(default=False, repr=False)
    state: str = "waiting"
    share: float = 0.0
    text: str = ""
    result: dict[str, Any] | None = field(default=None, repr=False)
    problem: dict[str, str] | None = None
    cancel: bool = field(default=False, repr=False)
    ended: float = field(default=0.0, repr=False)

    def told(self, share: float) -> None:
        """Progress of the work; ends it where it was called off."""
        self.share = max(self.share, min(share, 1.0))
        if self.cancel:
            raise Cancelled

    def run(self) -> None:
        """Do the work. What it was asked with is let go of."""
        work, self.work = self.work, None
        try:
            if self.cancel or work is None:
                raise Cancelled
            self.state = "running"
            text, result = work(self.told)
            self.told(1.0)
            self.text, self.result, self.state = text, result, "done"
        except Cancelled:
            self.state = "cancelled"
        except KetasimError as error:
            self.problem = {"what": error.what, "where": error.where, "allowed": error.allowed, "try": error.fix}
            self.state = "failed"
        except Exception as error:  # its text may hold what was typed in, so it is neither shown nor logged
            what = f"the program failed: {type(error).__name__}"
            self.problem = {"what": what, "where": "a defect of Ketasim, not of the question", "allowed": "", "try": ""}
            self.state = "failed"
        self.ended = time.monotonic()


class Tasks:
    """A bounded line of tasks, one at a time; the next is of the client that was served longest ago. The last few answers are kept."""

    def __init__(self, name: str) -> None:
        self.pool = ThreadPoolExecutor(1, thread_name_prefix=f"ketasim-{name}")
        self.tasks: OrderedDict[str, Task] = OrderedDict()
        self.served: dict[str, int] = {}
        self.turn = 0
        self.lock = threading.Lock()

    def ask(self, work: Callable[[Told], tuple[str, dict[str, Any]]], once: bool = False) -> Task:
        """A new task. work : gets a function to tell its progress to, gives text and result. Raises Busy where too many wait.

        once : the answer is handed out once and forgotten, at the latest after two minutes; for what is about a person.
        """
        client = CLIENT.get()
        with self.lock:
            self._sweep()
            open_ = [task for task in self.tasks.values() if task.state not in ENDED]
            if len(open_) >= MOST_OF_ALL or sum(task.client == client for task in open_) >= MOST_WAITING:
                raise Busy(len(open_), 5.0)
            task = Task(secrets.token_urlsafe(12), client, work, once)
            self.tasks[task.number] = task
        self.pool.submit(self._next)
        return task

    def find(self, number: str, what: str) -> Task:
        """The task of that number; raises UsageError for one that is not (or no longer) known."""
        with self.lock:
            self._sweep()
            task = self.tasks.get(number)
            if task is not None and task.once and task.state in ENDED:
                del self.tasks[number]
        if task is None:
            raise UsageError(
                f"there is no {what} {number[:40]}",
                where="number",
                allowed="a number that this server gave; one that was started anew knows none of before",
                fix="ask again",
            )
        return task

    def cancel(self, number: str, what: str) -> Task:
        """Call a task off."""
        task = self.find(number, what)
        with self.lock:
            task.cancel = True
            if task.state == "waiting":
                task.state, task.work = "cancelled", None
        return task

    def to_dict(self, task: Task) -> dict[str, Any]:
        """As the page reads it."""
        found: dict[str, Any] = {
            key: getattr(task, key) for key in ("number", "state", "share", "text", "result", "problem")
        }
        waiting = [other for other in list(self.tasks.values()) if other.state in ("waiting", "running")]
        found["ahead"] = len(waiting) - 1 if task.state == "waiting" else 0
        return found

    def _next(self) -> None:
        """The first waiting task of the client that was served longest ago."""
        with self.lock:
            waiting = [task for task in self.tasks.values() if task.state == "waiting"]
            if not waiting:
                return
            task = min(waiting, key=lambda one: self.served.get(one.client, 0))
            self.turn += 1
            self.served[task.client] = self.turn
            task.state = "running"
        task.run()
        if task.once:
            later = threading.Timer(FORGOTTEN_S + 1.0, self._forget)
            later.daemon = True
            later.start()

    def _forget(self) -> None:
        with self.lock:
            self._sweep()

    def _sweep(self) -> None:
        """Forget what nobody fetched, and all but the last answers."""
        now = time.monotonic()
        over = [task for task in self.tasks.values() if task.state in ENDED]
        for task in over:
            if (task.once and now - task.ended > FORGOTTEN_S) or over.index(task) < len(over) - KEPT:
                self.tasks.pop(task.number, None)
        open_clients = {task.client for task in self.tasks.values()}
        self.served = {client: turn for client, turn in self.served.items() if client in open_clients}

    def close(self) -> None:
        """Call off what runs, start no more."""
        for task in list(self.tasks.values()):
            task.cancel = True
        self.pool.shutdown(wait=False, cancel_futures=True)
