"""Where prices come from: one string names a provider and its options."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.market.panel import PricePanel

__all__ = ["FilesProvider", "GeneratedProvider", "load_market", "market_symbols", "parse_provider"]

_logger = logging.getLogger(__name__)

_HINT = "'generated:kind=regimes,years=15,end=2024-12-31,seed=3' or 'files:DIR'"


@dataclass(frozen=True)
class GeneratedProvider:
    """``generated:``, with what its options say."""

    kind: str = "regimes"
    years: int = 15
    end: dt.date = dt.date(2024, 12, 31)
    seed: int | None = None
    """None: the seed that the caller gives."""

    @property
    def start(self) -> dt.date:
        """First day: `years` before `end`, plus one day."""
        try:
            day = self.end.replace(year=self.end.year - self.years)
        except ValueError:  # 29 February
            day = self.end.replace(year=self.end.year - self.years, day=28)
        return day + dt.timedelta(days=1)


@dataclass(frozen=True)
class FilesProvider:
    """``files:DIR``."""

    folder: Path


def parse_provider(provider: str) -> GeneratedProvider | FilesProvider:
    """Read a provider's string.

    Raises
    ------
    SettingsError
        The provider or an option is unknown, or a value is impossible; the message names it.
    """
    name, colon, rest = provider.partition(":")
    if name == "files" and colon:
        if not rest:
            raise SettingsError(f"market {provider!r} names no folder", hint=_HINT)
        return FilesProvider(Path(rest).expanduser())
    if name == "generated":
        return _parse_generated(provider, rest)
    raise SettingsError(f"unknown market {provider!r}", hint=f"write {_HINT}")


def _parse_generated(provider: str, rest: str) -> GeneratedProvider:
    from rlpretrain.market.generated import FIRST_DAY, KINDS

    options: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = part.partition("=")
        if key not in ("kind", "years", "end", "seed"):
            raise SettingsError(f"market {provider!r}: unknown option {key!r}", hint=f"write {_HINT}")
        if key in options or not equals or not value:
            raise SettingsError(f"market {provider!r}: {key} needs exactly one value", hint=f"write {_HINT}")
        options[key] = value
    kind = options.get("kind", GeneratedProvider.kind)
    if kind not in KINDS:
        raise SettingsError(f"market {provider!r}: unknown kind {kind!r}", hint=f"one of {', '.join(KINDS)}")
    try:
        end = dt.date.fromisoformat(options["end"]) if "end" in options else GeneratedProvider.end
    except ValueError:
        raise SettingsError(f"market {provider!r}: end is not a date", hint="write YYYY-MM-DD") from None
    years = _whole(provider, options, "years", GeneratedProvider.years)
    seed = _whole(provider, options, "seed", 0) if "seed" in options else None
    if years < 1 or end.year - years < FIRST_DAY.year:
        raise SettingsError(
            f"market {provider!r}: years={years} up to {end} is not possible",
            hint=f"at least 1, and nothing before {FIRST_DAY.year}",
        )
    if end.year > 2100:
        raise SettingsError(f"market {provider!r}: end must not be after 2100")
    return GeneratedProvider(kind, years, end, seed)


def _whole(provider: str, options: dict[str, str], key: str, default: int) -> int:
    text = options.get(key, str(default))
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"market {provider!r}: {key} must be a whole number, not {text!r}")
    return int(text)


def market_symbols(provider: str) -> tuple[str, ...]:
    """Return every ticker that a provider has."""
    parsed = parse_provider(provider)
    if isinstance(parsed, FilesProvider):
        from rlpretrain.market.files import folder_symbols

        return folder_symbols(parsed.folder)
    from rlpretrain.market.generated import GENERATED_SYMBOLS

    return GENERATED_SYMBOLS


def load_market(
    provider: str,
    *,
    symbols: Sequence[str] | None = None,
    seed: int = 7,
    start: dt.date | None = None,
    end: dt.date | None = None,
    missing: Literal["skip", "error"] = "skip",
) -> PricePanel:
    """Load adjusted daily bars.

    Parameters
    ----------
    provider
        ``generated:`` with the options ``kind=regimes|planted|noise``, ``years``, ``end`` and ``seed``, or
        ``files:DIR``.
    symbols
        Tickers to load, in this order; None loads all that trade in the window. Twice counts once.
    seed
        Seed of the generated market, unless the string has one.
    start, end
        First and last day to keep, both included.
    missing
        What to do about symbols without prices in the window: leave them out with a warning, or raise.

    Raises
    ------
    SettingsError
        The provider's string is malformed.
    DataError
        Prices are missing or malformed, or nothing is left.
    """
    parsed = parse_provider(provider)
    if start is not None and end is not None and start > end:
        raise SettingsError(f"market window starts {start}, after its end {end}")
    wanted = None if symbols is None else list(dict.fromkeys(symbols))
    if wanted is not None and not wanted:
        raise DataError(f"{provider}: no asset was asked for")
    if isinstance(parsed, FilesProvider):
        from rlpretrain.market.files import read_folder

        first = None if start is None else np.datetime64(start, "D")
        last = None if end is None else np.datetime64(end, "D")
        panel = read_folder(parsed.folder, wanted).between(first, last)
    else:
        from rlpretrain.market.generated import GENERATED_SYMBOLS, generate_panel

        first_day = parsed.start if start is None else max(parsed.start, start)
        last_day = parsed.end if end is None else min(parsed.end, end)
        if first_day > last_day:
            raise DataError(f"{provider} has no prices from {first_day} to {last_day}")
        panel = generate_panel(
            [symbol for symbol in wanted or GENERATED_SYMBOLS if symbol in GENERATED_SYMBOLS],
            kind=parsed.kind,
            seed=seed if parsed.seed is None else parsed.seed,
            start=first_day,
            end=last_day,
            source=provider,
        )
    return _traded(panel, wanted, f"between {start or 'the beginning'} and {end or 'the end'}", missing)


def _traded(
    panel: PricePanel, wanted: list[str] | None, window: str, missing: Literal["skip", "error"]
) -> PricePanel:
    """Leave out assets without a close, and report those asked for."""
    columns = np.flatnonzero(np.isfinite(panel.close).any(axis=0))
    traded = [panel.symbols[column] for column in columns]
    absent = [symbol for symbol in wanted or panel.symbols if symbol not in set(traded)]
    if absent:
        message = f"{panel.source} has no prices of {', '.join(absent)} {window}"
        if not traded or (missing == "error" and wanted is not None):
            raise DataError(message, hint="add the assets' prices or leave them out")
        _logger.log(logging.INFO if wanted is None else logging.WARNING, "%s", message)
    return panel if len(traded) == len(panel.symbols) else panel.select(traded)
