"""A calibration that does not fit the package it stands in is said by name, with the command that makes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ketasim.core import KetasimError


def stale(name: str, what: str) -> KetasimError:
    """The error for the calibration of the hypothesis `name`, and how it is made anew."""
    return KetasimError(
        what, where=f"the calibration of {name}", fix=f"python -m ketasim.evidence.weigh.weigh_fit {name}"
    )


@contextmanager
def not_stale(name: str) -> Iterator[None]:
    """While a calibration is read: fields that are missing, of another length or of studies that are gone become `stale` errors."""
    try:
        yield
    except KetasimError as error:
        raise error if error.fix else stale(name, error.what) from None
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, np.linalg.LinAlgError) as error:
        said = f"{type(error).__name__}, {error}"
        raise stale(name, f"the calibration of {name} is not of this version ({said})") from error
