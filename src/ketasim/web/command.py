"""`ketasim serve`: the page on this machine alone."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from ketasim.core import UsageError
from ketasim.core.own import VARIABLE

ADDRESS = "127.0.0.1"
FIRST_PORT = 8080
TRIES = 20


def serve(
    port: Annotated[
        int | None, typer.Option(help="port on 127.0.0.1 (default: the first free one from 8080 on; 0: any)")
    ] = None,
    parts: Annotated[
        list[Path] | None,
        typer.Option(
            help="folder with mechanisms, hypotheses, findings and designs of your own (see docs/how-to/parts-of-your-own.md); again for more"
        ),
    ] = None,
    browser: Annotated[bool, typer.Option(help="open the page in the browser")] = True,
) -> None:
    """The web app on this machine alone (127.0.0.1): follow a dose, compare routes, look at the evidence."""
    _read_parts(parts or [])
    listening = _listen(port)
    try:
        import uvicorn

        from .behind import Behind

        behind = Behind()  # loads beside this one, and compiles the model while the page loads
        from .app import create_app
    except ImportError as error:
        listening.close()
        raise UsageError(
            f"the web app needs a package that is missing: {error.name}",
            where="ketasim serve",
            fix="pip install ketasim",
        ) from error
    _prepare()
    address = f"http://{ADDRESS}:{listening.getsockname()[1]}/"
    typer.echo(f"Ketasim is at {address}  (stop with Ctrl+C)\nResearch and teaching only. Not medical advice.")
    if browser:
        threading.Thread(target=_open, args=(address,), daemon=True).start()
    config = uvicorn.Config(
        create_app(behind=behind), log_level="warning", access_log=False, server_header=False, lifespan="on"
    )
    uvicorn.Server(config).run(sockets=[listening])


def _read_parts(folders: list[Path]) -> None:
    """Name the folders to this process and to the one behind it, before anything is read; what is wrong with them is told before the address."""
    if not folders:
        return
    named = [str(folder.expanduser().resolve()) for folder in folders]
    os.environ[VARIABLE] = os.pathsep.join([*named, *filter(None, [os.environ.get(VARIABLE, "")])])
    from ketasim.chain.hypothesis import hypotheses
    from ketasim.core.own import own_folders

    own_folders()
    hypotheses()


def _listen(port: int | None) -> socket.socket:
    """A listening socket; the first free port if none is asked for."""
    if port is not None and not 0 <= port <= 65535:
        raise UsageError(f"{port} is not a port", where=f"--port {port}", allowed="0 to 65535", fix="--port 8080")
    for number in range(FIRST_PORT, FIRST_PORT + TRIES) if port is None else (port,):
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((ADDRESS, number))
            found.listen(64)
            return found
        except OSError:
            found.close()
    raise UsageError(
        f"port {port} is in use" if port else f"no free port from {FIRST_PORT} to {FIRST_PORT + TRIES - 1}",
        where=f"--port {port}" if port else "ketasim serve",
        allowed="a free port",
        fix="ketasim serve --port 0",
    )


def _prepare() -> None:
    """What every page asks for first: catalogue, stored first picture, guide. Made before the address is told, so that no page waits for it."""
    from . import facts, shipped

    facts.catalogue()
    if shipped.current():
        shipped.first_now()
        shipped.guide_now()


def _open(address: str) -> None:
    import webbrowser

    time.sleep(0.3)
    webbrowser.open(address)
