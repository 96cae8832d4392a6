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
    """Give every ticker that a provider has."""
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
        Tickers to load, in this order; None loads all. A ticker named twice counts once.
    seed
        Seed of the generated market, unless the string has one.
    start, end
        First and last day to keep, both included.
    missing
        What to do about symbols that the provider lacks: leave them out, or raise.

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

        panel = read_folder(parsed.folder, wanted)
        _report_missing(provider, wanted, panel.symbols, missing)
        return _window(panel, start, end)
    from rlpretrain.market.generated import GENERATED_SYMBOLS, generate_panel

    _report_missing(provider, wanted, GENERATED_SYMBOLS, missing)
    return generate_panel(
        [symbol for symbol in wanted or GENERATED_SYMBOLS if symbol in GENERATED_SYMBOLS],
        kind=parsed.kind,
        seed=seed if parsed.seed is None else parsed.seed,
        start=parsed.start if start is None else max(parsed.start, start),
        end=parsed.end if end is None else min(parsed.end, end),
        source=provider,
    )


def _report_missing(
    provider: str, wanted: list[str] | None, available: Sequence[str], missing: Literal["skip", "error"]
) -> None:
    known = set(available)
    absent = [symbol for symbol in wanted or () if symbol not in known]
    if not absent:
        return
    message = f"{provider} has no prices of {', '.join(absent)}"
    if missing == "error" or len(absent) == len(wanted or ()):
        raise DataError(message, hint="add the assets' prices or leave them out")
    _logger.warning("%s", message)


def _window(panel: PricePanel, start: dt.date | None, end: dt.date | None) -> PricePanel:
    """Keep the days from `start` to `end`, and the assets that trade then."""
    cut = panel.between(
        None if start is None else np.datetime64(start, "D"), None if end is None else np.datetime64(end, "D")
    )
    if len(cut.dates) == 0:
        raise DataError(
            f"{panel.source} has no prices between {start or 'the beginning'} and {end or 'the end'}"
        )
    return cut
