"""Asks the libraries that read models, in a process of their own with a limit of time and memory.

A text can be refused, but it cannot hang its reader, take all memory, or end the interpreter. The process starts with
the first model that is not in the cache and waits for the next one until this process ends.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from ketasim.core import UsageError

from . import library_process

LONGEST = 25.0  # s of processor time for one model
STRETCH = 24.0  # times LONGEST on the clock: a busy machine may take so long over it; Windows, which counts no processor time here, gets one
OUT_OF_TIME = -signal.SIGPROF if hasattr(signal, "SIGPROF") else 0  # exit of a child whose processor time is up
_lock = threading.Lock()


class _Process:
    """The child, and what it must not outlive: the process id tells a fork from the process that started it."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("library_process.py")
        self.child = subprocess.Popen(
            [sys.executable or "python", "-P", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="ascii",
        )
        self.owner = os.getpid()

    def ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, None when the child ended without one."""
        assert self.child.stdin is not None and self.child.stdout is not None
        try:
            self.child.stdin.write(json.dumps(request) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
            return json.loads(line) if line.endswith("\n") else None
        except OSError:
            return None

    def end(self) -> None:
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


_process: _Process | None = None


def start() -> None:
    """Starts the process without waiting for it: it gets ready while this one imports what it needs itself."""
    with _lock, contextlib.suppress(OSError):
        _running()


def ask(what: str, **request: str) -> dict[str, Any]:
    """`library_process.answer` to `request` (`antimony` or `sbml`, a text); `what` names the text in messages.

    Raises UsageError when there is no answer within LONGEST seconds of processor time, or when the libraries end their process.
    """
    with _lock:
        try:
            process = _running()
        except OSError:  # Python is a part of another program, or may not start processes
            return library_process.answer(request)
        late = threading.Event()

        def stop() -> None:
            late.set()
            process.child.kill()

        timer = threading.Timer(LONGEST * (STRETCH if OUT_OF_TIME else 1.0), stop)
        timer.daemon = True
        answered = None
        try:
            timer.start()
            answered = process.ask({**request, "limit": LONGEST})
            if answered is None and _code(process) == OUT_OF_TIME:
                late.set()
        finally:
            timer.cancel()
            if answered is None:  # also on Ctrl-C: an answer still under way would be taken for the next one
                _end()
    if answered is not None:
        return answered
    if late.is_set():
        raise UsageError(
            f"{what} cannot be read within {LONGEST:g} s",
            where=_longest(*request.values()),
            allowed="shorter formulas, and shorter chains of rules that use each other twice; SBML takes long chains",
            fix="put what is used again and again into a state, or write it as a sum of fewer terms",
        )
    raise UsageError(
        f"the library that reads {what} gave up",
        where=_longest(*request.values()),
        allowed="shorter formulas, fewer elements; it has 4 GB of memory",
    )


def _code(process: _Process) -> int | None:
    """How a child that gave no answer has ended; None if it still runs."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.child.wait(timeout=1.0)
    return None


def _longest(text: str) -> str:
    """Where a text is longest, which is nearly always where its reader gets stuck."""
    where, size = 1, 0
    for number, line in enumerate(text.split("\n"), 1):
        longest = max(map(len, line.split(";")))
        if longest > size:
            where, size = number, longest
    return (
        f"{len(text):,} characters, {text.count(':='):,} assignment rules; the longest statement, of {size:,} "
        f"characters, is in line {where}"
    )


def _running() -> _Process:
    global _process
    if _process is None or _process.owner != os.getpid() or _process.child.poll() is not None:
        _process = _Process()
    return _process


def _end() -> None:
    global _process
    if _process is not None and _process.owner == os.getpid():
        _process.end()
    _process = None


atexit.register(_end)
