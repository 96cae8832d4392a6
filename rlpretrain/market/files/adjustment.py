"""Adjusted prices from the columns of a file that has adjusted and quoted ones.

Nothing is computed by guess. A file with an adjusted close is read by it; a file with splits or dividends and no
adjusted close is refused, as vendors differ in how they turn those into adjusted prices.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rlpretrain.errors import DataError
from rlpretrain.market.files.columns import BARS
from rlpretrain.market.panel import Dates, Floats

__all__ = ["adjust", "before_splits", "closes_are_split_adjusted", "raw_close_words"]

_NEUTRAL: Mapping[str, tuple[float, ...]] = {"split": (0.0, 1.0), "dividend": (0.0,), "factor": (1.0,)}
"""Column -> values with which it changes no price."""


def closes_are_split_adjusted(names: Mapping[str, str]) -> bool:
    """Return whether the columns are Yahoo's, whose `Close` is adjusted for splits and not for dividends.

    Programs rename `Adj Close`, most often to `adj_close`, and FinRL to `adjcp`; nobody but Yahoo says `Stock Splits`.
    """
    split = re.sub(r"[\W_]+", "", names.get("split", "").lower())
    return names.get("adj_close", "").strip().lower() in ("adj close", "adjcp") or split == "stocksplits"


def adjust(
    source: str, names: Mapping[str, str], read: Mapping[str, Floats], code: NDArray[np.intp], date: Dates
) -> dict[str, Floats]:
    """Compute open, high, low and close, all adjusted alike, and the close as it was quoted.

    Volume stays as it is.

    Parameters
    ----------
    source
        The file or service, for messages.
    names
        Column -> its name in the file.
    read
        Column -> values, (n,) each.
    code
        (n,) ticker of each row.
    date
        (n,) day of each row.

    Raises
    ------
    DataError
        The columns do not say what the adjusted prices are; the message names them.
    """
    blank = np.full(len(code), np.nan)
    if "adj_close" not in read:
        _reject_unadjusted(source, names, read)
        return {name: read.get(name, blank) for name in (*BARS, "raw_close")}
    quoted = read.get("close")
    unscaled = [name for name in ("open", "high", "low") if name in read and f"adj_{name}" not in read]
    if quoted is None and unscaled:
        raise DataError(
            f"{source}: '{names['adj_close']}' is adjusted and '{names[unscaled[0]]}' may not be",
            hint="add the close that is not adjusted, by which the others are scaled, or remove them",
        )
    values = {"close": read["adj_close"], "volume": read.get("volume", blank)}
    with np.errstate(all="ignore"):
        factor = blank if quoted is None else np.where(quoted > 0, read["adj_close"] / quoted, np.nan)
        for name in ("open", "high", "low"):
            values[name] = read.get(f"adj_{name}", read.get(name, blank) * factor)
    raw = blank if quoted is None else quoted
    if closes_are_split_adjusted(names):
        raw = before_splits(raw, read["split"], code, date) if "split" in read else blank
    values["raw_close"] = read.get("raw_close", raw)
    return values


def raw_close_words(names: Mapping[str, str]) -> str:
    """Return in words from which columns `adjust` takes the raw closes; empty if it takes none.

    Parameters
    ----------
    names
        Column -> its name in the file.
    """
    if "raw_close" in names:
        return f"column '{names['raw_close']}'"
    if "adj_close" not in names or "close" not in names:
        return ""
    if not closes_are_split_adjusted(names):
        return f"column '{names['close']}' beside '{names['adj_close']}'"
    return f"columns '{names['close']}' and '{names['split']}'" if "split" in names else ""


def before_splits(close: Floats, split: Floats, code: NDArray[np.intp], date: Dates) -> Floats:
    """Return closes as they were quoted, from closes that are adjusted for splits: undo the splits of later days.

    Parameters
    ----------
    close
        (n,) closes.
    split
        (n,) new shares for each old one; 0, 1 or NaN on days without a split.
    code
        (n,) ticker of each row.
    date
        (n,) day of each row.
    """
    ratio = np.where(np.isfinite(split) & (split > 0), split, 1.0)
    order = np.lexsort((date, code))
    raw = close.copy()
    for rows in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        # The split of a day is in its own close already.
        raw[rows] *= np.append(np.cumprod(ratio[rows][::-1])[::-1], 1.0)[1:]
    return raw


def _reject_unadjusted(source: str, names: Mapping[str, str], read: Mapping[str, Floats]) -> None:
    # yfinance writes dividends and splits beside prices that it has adjusted; without, it writes 'Adj Close' too.
    if "raw_close" in read or _is_yfinance(names):
        return
    for column, neutral in _NEUTRAL.items():
        if column in read and not (np.isnan(read[column]) | np.isin(read[column], neutral)).all():
            raise DataError(
                f"{source}: '{names['close']}' stands beside '{names[column]}', and there is no adjusted close",
                hint="add a column 'adj_close', or, if the closes are adjusted for splits and dividends already, "
                f"remove '{names[column]}'",
            )


def _is_yfinance(names: Mapping[str, str]) -> bool:
    return (names.get("dividend", "").lower(), names.get("split", "").lower()) == (
        "dividends",
        "stock splits",
    )
