"""Settings of prices: where they come from, how their days are split, and what a trade on them costs."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, field_validator, model_validator

from rlpretrain.choices import OneOf
from rlpretrain.errors import SettingsError
from rlpretrain.sections import Section, SeedSettings, run_setting

__all__ = ["MarketSettings", "PriceUpdateSettings", "RegimeSettings", "TradingSettings", "WindowSettings"]


SourceName = Annotated[
    str, OneOf("rlpretrain.market.sources:PRICE_SOURCES", (("none", "None: use the prices as they are"),))
]


def _written_out(value: Any) -> Any:
    """Check that a date is no number, which would be read as seconds since 1970."""
    if isinstance(value, (int, float)):
        raise ValueError(f"{value} is not a date, write YYYY-MM-DD")
    return value


Day = Annotated[dt.date, BeforeValidator(_written_out)]


class MarketSettings(SeedSettings):
    """Where prices come from; a generated market is drawn from the seed."""

    market: str = run_setting(
        "generated:kind=library,strength=1",
        "Market",
        "Provider of prices, such as 'generated:[kind=...,years=...]' or 'files:DIR'; the default hides something that "
        "some of the default catalogue's strategies know.",
        title="Market",
        examples=[
            "generated:kind=library,strength=1",
            "generated:",
            "generated:kind=planted",
            "generated:kind=noise",
            "files:/data/prices",
        ],
        min_length=1,
    )
    exclude_prices: list[str] = run_setting(
        [],
        "Market",
        "Bars to leave out: TICKER, TICKER:YYYY-MM-DD or TICKER:YYYY-MM-DD..YYYY-MM-DD.",
        title="Prices to leave out",
    )
    trust_prices: list[str] = run_setting(
        [],
        "Market",
        "Bars that are right although the checks of prices doubt them, written like exclude_prices.",
        title="Prices to trust",
    )
    test_end: Day | None = run_setting(
        None,
        "Market",
        "Last day of the market, which ends the test window; what comes after it is not looked at.",
        title="End of the test window",
    )

    @field_validator("exclude_prices", "trust_prices")
    @classmethod
    def _names_bars(cls, value: list[str]) -> list[str]:
        if value:
            # Imported here: it needs numpy, which a process that only reads settings does without.
            from rlpretrain.market.quality.named_bars import NamedBars

            try:
                NamedBars.read(value)
            except SettingsError as error:
                raise ValueError(str(error)) from None
        return value


class PriceUpdateSettings(MarketSettings):
    """Whether a folder of prices is brought up to date before the run."""

    price_updates: SourceName = run_setting(
        "none",
        "Market",
        "Source from which missing prices are downloaded into the folder of market=files:DIR before the run.",
        title="Download missing prices",
    )

    @model_validator(mode="after")
    def _has_a_folder(self) -> Self:
        if self.price_updates != "none" and not self.market.startswith("files:"):
            raise ValueError(
                f"price_updates '{self.price_updates}' needs market 'files:DIR': {self.market!r} is not a price folder"
            )
        return self


class WindowSettings(MarketSettings):
    """How the market's days are split into pre-training, validation and test."""

    test_split: float = run_setting(
        0.25,
        "Market",
        "Share of the days, at the end, that only validation reads.",
        title="Test window, share of all days",
        gt=0,
        lt=0.9,
    )
    validation_split: float = run_setting(
        0.2,
        "Market",
        "Share of the days before the test window that chooses checkpoints.",
        title="Validation window, share of the remaining days",
        gt=0,
        lt=0.9,
    )
    validation_start: Day | None = run_setting(
        None,
        "Market",
        "First day of the validation window; overrides validation_split.",
        title="Start of the validation window",
    )
    test_start: Day | None = run_setting(
        None,
        "Market",
        "First day of the test window; overrides test_split.",
        title="Start of the test window",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.validation_start and self.test_start and self.validation_start >= self.test_start:
            raise ValueError(
                f"validation_start {self.validation_start} must be before test_start {self.test_start}: "
                "time is split as pre-training | validation | test"
            )
        for name in ("validation_start", "test_start"):
            if self.test_end and (start := getattr(self, name)) and start > self.test_end:
                raise ValueError(f"{name} {start} must be before test_end {self.test_end}")
        return self


class TradingSettings(Section):
    """Price and cost at which everything that is learned, weighted or reported is traded."""

    fill: Literal["next_open", "next_close"] = run_setting(
        "next_open",
        "Market",
        "Price at which everything learned, weighted or reported is filled.",
        title="Trades are filled at",
        choices={"next_open": "the next open", "next_close": "the next close"},
    )
    cost_bps: float = run_setting(
        5.0,
        "Market",
        "Cost of trading an equity, in basis points per side.",
        title="Cost of an equity trade, bp per side",
        ge=0,
        le=500,
    )
    crypto_cost_bps: float = run_setting(
        20.0,
        "Market",
        "Cost of trading a crypto asset, in basis points per side.",
        title="Cost of a crypto trade, bp per side",
        ge=0,
        le=500,
    )


class RegimeSettings(Section):
    """How the market's regime is classified."""

    regimes: Literal["rules", "markov"] = run_setting(
        "rules",
        "Patterns",
        "How the market's regime is classified: by plain rules, or by a filtered Markov-switching model.",
        title="Classify regimes by",
        choices={"rules": "plain rules", "markov": "a Markov-switching model"},
    )
