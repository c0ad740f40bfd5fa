"""The command line: plain sentences by default, --json, --csv, --plot FILE; exit 0 ok, 1 failed check, 2 usage error.

One module a command. Everything heavy is imported inside the commands, so that a mistake is answered at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from ketasim._version import __version__
from ketasim.core import CheckFailed, KetasimError, UsageError

from .output import any_encoding, complain, to_nowhere, write

# Name on the command line -> module and function of this package, in the order of the help.
COMMANDS = {
    "run": "run:run",
    "compare": "compare:compare",
    "trial": "trial:trial",
    "forecast": "forecast:forecast",
    "screen": "screen:screen",
    "harm": "harm:harm",
    "experiment": "experiment:experiment",
    "show": "show:show",
    "lint": "lint:lint",
    "serve": "serve:serve",
    "check": "evidence:check",
    "claims": "claims:claims",
    "capabilities": "capabilities:capabilities",
    "weigh": "weigh:weigh",
    "export": "export:export",
    "new": "new:new",
    "report": "report:report",
    "reproduce": "reproduce:reproduce",
    "next-study": "next_study:next_study",
    "import": "import_:import_",
}


def _version(asked: bool) -> None:
    if asked:
        write(f"ketasim {__version__}")
        raise typer.Exit()


def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


def application(*names: str) -> typer.Typer:
    """The command line with these commands, all of them unless named: one alone is ready in a quarter of the time."""
    found = typer.Typer(
        name="ketasim",
        help="From a dose of ketamine to the mood. Research and teaching only; it never names a dose for a person.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in names or COMMANDS:
        module, _, function = COMMANDS[name].partition(":")
        found.command(name)(getattr(import_module(f"{__package__}.{module}"), function))
    found.callback()(_main)
    return found


def __getattr__(name: str) -> Any:
    """`app`, the whole command line, is put together when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = application()
    return globals()["app"]


_USAGE_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def main() -> None:
    """Entry point: one message for a known error, no traceback; exit 0, 1 or 2."""
    any_encoding()
    try:
        code = application(*(word for word in sys.argv[1:2] if word in COMMANDS))(standalone_mode=False)
    except BrokenPipeError:
        to_nowhere()
        raise SystemExit(0) from None
    except (typer.Abort, KeyboardInterrupt):
        complain("stopped")
        raise SystemExit(130) from None
    except CheckFailed as error:
        complain(str(error))
        raise SystemExit(1) from None
    except KetasimError as error:
        complain(str(error))
        raise SystemExit(2) from None
    except _USAGE_ERROR as error:  # type: ignore[misc]
        complain(str(_understood(error)))
        raise SystemExit(2) from None
    except OSError as error:
        complain(str(_of_the_system(error)))
        to_nowhere()
        raise SystemExit(2) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _of_the_system(error: OSError) -> UsageError:
    """A full disk, a folder in place of a file, a missing permission, in the form of every other message."""
    return UsageError(
        f"cannot read or write: {error.strerror or error}",
        where=str(error.filename or "standard output"),
        allowed="a file in a folder that exists, with room on the disk and the permission to write",
    )


def _understood(error: Any) -> UsageError:
    """A mistake in the options, in the form of every other message."""
    message = error.format_message() or "no command is given"
    command = error.ctx.command_path if getattr(error, "ctx", None) else "ketasim"
    return UsageError(
        message.rstrip(".")[:1].lower() + message.rstrip(".")[1:],
        where=" ".join(["ketasim", *sys.argv[1:]]),
        allowed=f"the options of {command} -h",
        fix=f"{command} -h",
    )


if __name__ == "__main__":
    main()
