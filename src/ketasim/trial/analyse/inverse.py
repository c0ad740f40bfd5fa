"""Many small symmetric matrices inverted at once, with what is needed to see that one of them cannot be."""

from __future__ import annotations

import numpy as np

from ketasim.core.arrays import Array, BoolArray


def invert(matrices: Array, kept: BoolArray | None = None) -> tuple[Array, Array, Array]:
    """Inverse, log determinant and smallest relative pivot of symmetric matrices.

    matrices : (..., D, D). kept : (..., D), rows and columns that count; the others are zero in the inverse, and the
    determinant is that of the kept block. Returns inverse (..., D, D), log determinant (...) and the smallest pivot as a
    share of its diagonal entry (...): at most 0 (or below about 1e-12) for a matrix that is not positive definite;
    inverse and log determinant are then without meaning, and the caller has to look.

    Gauss-Jordan sweeps (Goodnight 1979, Am Stat 33:149) with the batch in the last axis, so that each step is one long
    vector operation; without pivoting, which a positive definite matrix does not need.
    """
    size = matrices.shape[-1]
    batch = matrices.shape[:-2]
    work = np.array(np.moveaxis(matrices.reshape(-1, size, size), 0, -1), order="C")  # a copy, always
    many = work.shape[-1]
    diagonal = np.array([work[d, d] for d in range(size)]).reshape(size, many)
    keep = None if kept is None else np.ascontiguousarray(kept.reshape(-1, size).T)
    if keep is not None:
        work *= keep[:, None, :]
        work *= keep[None, :, :]
    logdet = np.zeros(many)
    smallest = np.full(many, np.inf)
    for d in range(size):
        pivot = work[d, d].copy()
        share = pivot / np.where(diagonal[d] > 0, diagonal[d], 1.0)
        good = share > 0
        if keep is not None:
            share = np.where(keep[d], share, np.inf)
            used = good & keep[d]
        else:
            used = good
        np.minimum(smallest, np.where(np.isnan(share), -np.inf, share), out=smallest)
        safe = np.where(used, pivot, 1.0)
        logdet += np.log(safe)
        scale = used / safe
        row = work[d] * scale
        column = work[:, d].copy()
        work -= column[:, None, :] * row[None, :, :]
        work[d] = row
        work[:, d] = -column * scale
        work[d, d] = scale
    inverse: Array = np.moveaxis(work, -1, 0).reshape(*batch, size, size)
    return np.ascontiguousarray(inverse), logdet.reshape(batch), smallest.reshape(batch)
