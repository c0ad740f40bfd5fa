"""The command line: plain sentences by default, --json, --csv, --plot FILE; exit 0 ok, 1 failed check, 2 usage error.

One module a command. Everything heavy is imported inside the commands, so that a mistake is answered at once.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from ketasim._version import __version__
from ketasim.core import CheckFailed, KetasimError, UsageError

from .capabilities import capabilities
from .claims import claims
from .compare import compare
from .evidence import check
from .experiment import experiment
from .export import export
from .forecast import forecast
from .harm import harm
from .import_ import import_
from .lint import lint
from .new import new
from .next_study import next_study
from .output import any_encoding, complain, to_nowhere, write
from .report import report
from .reproduce import reproduce
from .run import run
from .screen import screen
from .serve import serve
from .show import show
from .trial import trial
from .weigh import weigh

app = typer.Typer(
    name="ketasim",
    help="From a dose of ketamine to the mood. Research and teaching only; it never names a dose for a person.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    run,
    compare,
    trial,
    forecast,
    screen,
    harm,
    experiment,
    show,
    lint,
    serve,
    check,
    claims,
    capabilities,
    weigh,
    export,
    new,
    report,
    reproduce,
):
    app.command()(command)
app.command("next-study")(next_study)
app.command("import")(import_)


def _version(asked: bool) -> None:
    if asked:
        write(f"ketasim {__version__}")
        raise typer.Exit()


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    pass


_USAGE_ERROR = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def main() -> None:
    """Entry point: one message for a known error, no traceback; exit 0, 1 or 2."""
    any_encoding()
    try:
        code = app(standalone_mode=False)
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
