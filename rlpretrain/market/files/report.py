"""Findings about the rows of one file, one for each rule and ticker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rlpretrain.market.findings import Action, PriceFinding
from rlpretrain.market.panel import Dates

__all__ = ["findings_of"]


def findings_of(
    rule: str,
    action: Action,
    where: NDArray[np.bool_],
    detail: Callable[[int], str],
    *,
    names: Sequence[str],
    code: NDArray[np.intp],
    day: Dates,
) -> list[PriceFinding]:
    """Return a finding for each ticker that the rule concerns.

    Parameters
    ----------
    rule
        Its name.
    action
        What was done about the rows.
    where
        (n,) rows concerned.
    detail
        Describes the row at a position; called for a ticker's first.
    names
        Name of each ticker.
    code
        (n,) index of each row's ticker in `names`.
    day
        (n,) day of each row; NaT where it has none.
    """
    at = np.flatnonzero(where)
    found = []
    at = at[np.argsort(code[at], kind="stable")]
    for rows in np.split(at, np.flatnonzero(np.diff(code[at])) + 1) if len(at) else ():
        days = day[rows][~np.isnat(day[rows])]
        found.append(
            PriceFinding(
                ticker=names[code[rows[0]]],
                rule=rule,
                first=days.min().item() if len(days) else None,
                last=days.max().item() if len(days) else None,
                bars=len(rows),
                action=action,
                detail=detail(int(rows[0])),
            )
        )
    return found
