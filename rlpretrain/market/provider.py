"""Where prices come from; one string names a provider and its options."""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from rlpretrain.errors import DataError, SettingsError
from rlpretrain.market.findings import left_out_because
from rlpretrain.market.panel import PricePanel
from rlpretrain.market.quality import check_prices, exclude_bars
from rlpretrain.market.tickers import near_misses, normal_ticker
from rlpretrain.table import Table

__all__ = [
    "PRICE_PROVIDERS",
    "FilesProvider",
    "GeneratedProvider",
    "Market",
    "PriceProvider",
    "load_market",
    "market_symbols",
    "parse_provider",
]

_logger = logging.getLogger(__name__)

_GENERATED = "generated:kind=regimes,years=15,end=2024-12-31,seed=3"

_STRONGEST = 5.0
"""Largest `strength`, a yearly Sharpe ratio."""


class Market(Protocol):
    """The market that a provider's string names."""

    def symbols(self) -> tuple[str, ...]:
        """Return every ticker that the market has."""

    def load(
        self, symbols: Sequence[str] | None, *, seed: int, start: dt.date | None, end: dt.date | None
    ) -> PricePanel:
        """Load adjusted daily bars; the caller drops tickers and days that it did not request.

        Parameters
        ----------
        symbols
            Tickers to load; None for all. Those without prices are left out.
        seed
            Seed of prices that are drawn at random.
        start, end
            First and last day to load, None for no limit.

        Raises
        ------
        DataError
            Prices are missing or malformed.
        """


@dataclass(frozen=True, kw_only=True)
class PriceProvider:
    """A place where prices may come from.

    Parameters
    ----------
    name
        What comes before the colon of the setting `market`.
    syntax
        The setting written out, as an example for messages.
    parse
        Reads what comes after the colon; raises `SettingsError` if it cannot.
    """

    name: str
    syntax: str
    parse: Callable[[str], Market]

    def __post_init__(self) -> None:
        if not self.name or ":" in self.name or not self.syntax.startswith(f"{self.name}:"):
            raise SettingsError(f"the price provider {self.name!r} needs a syntax that begins with its name")


@dataclass(frozen=True)
class GeneratedProvider:
    """The provider ``generated:`` with its options."""

    kind: str = "regimes"
    years: int = 15
    end: dt.date = dt.date(2024, 12, 31)
    seed: int | None = None
    """None takes the seed that the caller passes."""
    strength: float = 1.0
    """Of the kind ``library``: yearly Sharpe ratio of what can be known."""
    source: str = field(default="generated:", compare=False)
    """The string that the provider was read from."""

    @property
    def start(self) -> dt.date:
        """First day: `years` before `end`, plus one day."""
        try:
            day = self.end.replace(year=self.end.year - self.years)
        except ValueError:  # 29 February
            day = self.end.replace(year=self.end.year - self.years, day=28)
        return day + dt.timedelta(days=1)

    def symbols(self) -> tuple[str, ...]:
        """Return every ticker of the generated market."""
        from rlpretrain.market.generated import GENERATED_SYMBOLS

        return GENERATED_SYMBOLS

    def load(
        self, symbols: Sequence[str] | None, *, seed: int, start: dt.date | None, end: dt.date | None
    ) -> PricePanel:
        """Generate the bars of the symbols that the market knows."""
        from rlpretrain.market.generated import generate_panel

        first_day = self.start if start is None else max(self.start, start)
        last_day = self.end if end is None else min(self.end, end)
        if first_day > last_day:
            raise DataError(f"{self.source} has no prices from {first_day} to {last_day}")
        known = self.symbols()
        return generate_panel(
            [symbol for symbol in symbols or known if symbol in known],
            kind=self.kind,
            seed=seed if self.seed is None else self.seed,
            start=first_day,
            end=last_day,
            source=self.source,
            strength=self.strength,
        )


@dataclass(frozen=True)
class FilesProvider:
    """The provider ``files:DIR``."""

    folder: Path

    def symbols(self) -> tuple[str, ...]:
        """Return every ticker that the folder's files contain."""
        from rlpretrain.market.files import folder_symbols

        return folder_symbols(self.folder)

    def load(
        self, symbols: Sequence[str] | None, *, seed: int, start: dt.date | None, end: dt.date | None
    ) -> PricePanel:
        """Read the symbols' bars on all days."""
        from rlpretrain.market.files import read_folder

        return read_folder(self.folder, symbols)


def _parse_files(text: str) -> FilesProvider:
    if not text:
        raise SettingsError("market 'files:' names no folder", hint="write 'files:DIR'")
    return FilesProvider(Path(text).expanduser())


def _parse_generated(text: str) -> GeneratedProvider:
    from rlpretrain.market.generated import FIRST_DAY, KINDS

    provider = f"generated:{text}"
    options: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if key not in ("kind", "years", "end", "seed", "strength"):
            raise SettingsError(f"market {provider!r}: unknown option {key!r}", hint=f"write '{_GENERATED}'")
        if key in options or not equals or not value:
            raise SettingsError(
                f"market {provider!r}: {key} needs exactly one value", hint=f"write '{_GENERATED}'"
            )
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
    return GeneratedProvider(kind, years, end, seed, _strength(provider, options, kind), provider)


def _strength(provider: str, options: dict[str, str], kind: str) -> float:
    if "strength" not in options:
        return GeneratedProvider.strength
    if kind != "library":
        raise SettingsError(
            f"market {provider!r}: kind={kind} has no strength", hint="leave it out, or write kind=library"
        )
    try:
        strength = float(options["strength"])
    except ValueError:
        strength = math.nan
    if not 0.0 <= strength <= _STRONGEST:
        raise SettingsError(
            f"market {provider!r}: strength must be a number from 0 to {_STRONGEST:g}, not {options['strength']!r}"
        )
    return strength


def _whole(provider: str, options: dict[str, str], key: str, default: int) -> int:
    text = options.get(key, str(default))
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(f"market {provider!r}: {key} must be a whole number, not {text!r}")
    return int(text)


PRICE_PROVIDERS: Table[PriceProvider] = Table(
    "price provider",
    "rlpretrain.price_providers",
    PriceProvider,
    (
        PriceProvider(name="generated", syntax=_GENERATED, parse=_parse_generated),
        PriceProvider(name="files", syntax="files:DIR", parse=_parse_files),
    ),
)


def parse_provider(provider: str) -> Market:
    """Read a provider's string.

    Raises
    ------
    SettingsError
        The provider or an option is unknown, or a value is impossible; the message names it.
    """
    name, _, text = provider.partition(":")
    if name not in PRICE_PROVIDERS:
        known = " or ".join(f"'{row.syntax}'" for row in PRICE_PROVIDERS.values())
        raise SettingsError(f"unknown market {provider!r}", hint=f"write {known}")
    return PRICE_PROVIDERS[name].parse(text)


def market_symbols(provider: str) -> tuple[str, ...]:
    """Return every ticker that a provider has."""
    return parse_provider(provider).symbols()


def load_market(
    provider: str,
    *,
    symbols: Sequence[str] | None = None,
    seed: int = 7,
    start: dt.date | None = None,
    end: dt.date | None = None,
    missing: Literal["skip", "error"] = "skip",
    exclude: Sequence[str] = (),
    trust: Sequence[str] = (),
) -> PricePanel:
    """Load adjusted daily bars, and check those that were read.

    Parameters
    ----------
    provider
        Name of a row of `PRICE_PROVIDERS`, a colon, and its options: ``generated:`` with the options
        ``kind=regimes|planted|library|noise``, ``strength``, ``years``, ``end`` and ``seed``, or ``files:DIR``.
    symbols
        Tickers to load, in this order and any spelling that `normal_ticker` knows; None loads all that trade in the
        window. Repeated tickers count once.
    seed
        Seed of the generated market, unless the string has one.
    start, end
        First and last day to keep, both included.
    missing
        What to do about symbols without prices in the window: leave them out with a warning, or raise an error.
    exclude, trust
        Bars to leave out, and bars to keep although they look wrong, see `rlpretrain.market.quality`. What the checks
        find does not depend on the window; `PricePanel.findings` has it.

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
    # What is no ticker in any spelling has no prices, and is named with those that lack them.
    wanted = None if symbols is None else list(dict.fromkeys(normal_ticker(name) or name for name in symbols))
    if wanted is not None and not wanted:
        raise DataError(f"{provider}: no asset was requested")
    panel = parsed.load(wanted, seed=seed, start=start, end=end)
    panel = exclude_bars(panel, exclude, whole=wanted is None)
    if not isinstance(parsed, GeneratedProvider):  # What is generated is what it should be.
        panel = check_prices(panel, trust)
    found = panel.symbols if wanted is None else tuple(symbol for symbol in wanted if symbol in panel)
    if found != panel.symbols:
        panel = panel.select(found)
    first = None if start is None else np.datetime64(start, "D")
    last = None if end is None else np.datetime64(end, "D")
    if first is not None or last is not None:
        panel = panel.between(first, last)
    return _traded(
        provider, panel, wanted, f"between {start or 'the beginning'} and {end or 'the end'}", missing
    )


def _traded(
    provider: str,
    panel: PricePanel,
    wanted: list[str] | None,
    window: str,
    missing: Literal["skip", "error"],
) -> PricePanel:
    """Leave out assets without a close, and report those that were requested."""
    columns = np.flatnonzero(np.isfinite(panel.close).any(axis=0))
    traded = [panel.symbols[column] for column in columns]
    absent = [symbol for symbol in wanted or panel.symbols if symbol not in set(traded)]
    if absent:
        names = (f"{symbol}{left_out_because(panel.findings, symbol)}" for symbol in absent)
        message = f"{panel.source} has no prices of {', '.join(names)} {window}"
        if not traded or (missing == "error" and wanted is not None):
            near = near_misses(absent, parse_provider(provider).symbols())
            raise DataError(f"{message}{near}", hint="add the assets' prices or leave them out")
        _logger.log(logging.INFO if wanted is None else logging.WARNING, "%s", message)
    return panel if len(traded) == len(panel.symbols) else panel.select(traded)
