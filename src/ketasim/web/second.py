"""The process behind `ketasim serve` that does the work: `python -m ketasim.web.second`, started and asked by `web.behind`."""

from __future__ import annotations

import os
import socket
import sys
import threading

from .behind import ADDRESS


def _end_with_the_first() -> None:
    """The first process holds the other end of the input; when it is gone, however it went, there is nobody left to work for."""
    sys.stdin.read()
    os._exit(0)


def _warm() -> None:
    """The first run compiles the model; doing it while the page loads lets its first chart come at once."""
    from ketasim.scenario.run import run

    run("ketamine iv 0.5 mg/kg over 40 min", people=0, days=1)


def main() -> None:
    """The second process: tells its port, and works until the first one ends."""
    import uvicorn

    from .app import create_app

    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind((ADDRESS, 0))
    listening.listen(64)
    print(listening.getsockname()[1], flush=True)
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    threading.Thread(target=_warm, daemon=True).start()
    config = uvicorn.Config(create_app(static=None), log_level="warning", access_log=False, lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
