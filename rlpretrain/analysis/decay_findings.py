"""Findings on decay: what versions of strategies promised before they existed, and what they delivered after."""

from __future__ import annotations

import datetime as dt

from pydantic import Field

from rlpretrain.analysis.part import Figure, Part

__all__ = [
    "PUBLISHED",
    "Decay",
    "DecayCounts",
    "Delivery",
    "Fifth",
    "Interval",
    "PublishedStudy",
    "TraitDecay",
]


class Interval(Part):
    """A figure with its interval over resampled days; null where there are too few days, or nothing to compute."""

    estimate: Figure
    low: Figure
    high: Figure


class DecayCounts(Part):
    """How many versions could be judged, and why the others could not."""

    versions: int = Field(description="Versions that were replayed.")
    duplicates: int = Field(description="Versions with the rules and the days of another one; left out.")
    few_days_before: int = Field(description="Left out: too few days before they existed.")
    few_days_after: int = Field(description="Left out: too few days after that, though enough before.")
    judged: int
    strategies: int = Field(description="Strategies of the judged versions.")


class Delivery(Part):
    """One figure, such as the annual return, before and after versions began to exist."""

    promised: Interval = Field(description="Median of the judged versions, on days before they existed.")
    delivered: Interval = Field(description="Median of the same, on days since they existed.")
    gap: Interval = Field(description="Median of each version's promised minus delivered.")
    share: Interval = Field(
        description="Median delivered over median promised; null where nothing was promised, and without an interval "
        "where the promise may be nothing."
    )
    slope: Interval = Field(
        description="What one more unit promised delivered, by least squares; values beyond the 5th and 95th "
        "percentile count as these."
    )
    in_full: Interval = Field(description="Share of the versions that delivered at least what they promised.")


class Fifth(Part):
    """A fifth of the versions, ordered by one trait."""

    low: Figure = Field(description="Lowest value of the trait in this fifth.")
    high: Figure
    versions: int
    return_gap: Interval = Field(description="Median gap in annual return, promised minus delivered.")
    sharpe_gap: Interval = Field(description="Median gap in the Sharpe ratio.")


class TraitDecay(Part):
    """How the gap goes with one trait of the versions."""

    trait: str
    return_gap: Interval = Field(
        description="Spearman's correlation of the trait with the gap in annual return."
    )
    sharpe_gap: Interval = Field(
        description="Spearman's correlation of the trait with the gap in the Sharpe ratio."
    )
    fifths: tuple[Fifth, ...] = Field(description="Lowest values of the trait first; empty where too few.")


class PublishedStudy(Part):
    """What others found in other libraries."""

    source: str
    strategies: int
    finding: str


PUBLISHED = (
    PublishedStudy(
        source="Wiecki and others, All That Glitters Is Not Gold, Journal of Investing 25 (2016)",
        strategies=888,
        finding="the Sharpe ratio in sample explains less than 2.5 % of the variance of that out of sample "
        "(R² below 0.025)",
    ),
    PublishedStudy(
        source="a public census of symphonies",
        strategies=3350,
        finding="99 % a year promised at the median and 21 % delivered, 3.9 % of the symphonies in full; the gap is "
        "2 points in the fifth with the lowest turnover and 136 in the fifth with the highest",
    ),
)
"""Figures to compare with, none of which this program has measured."""


class Decay(Part):
    """The decay of a library: what its versions promised, what they delivered, and which kept more of it."""

    promise_years: int = Field(
        description="Years before a version existed that count as its promise, or all days there are if fewer."
    )
    min_days: int = Field(description="Minimum number of days on each side for a version to be judged.")
    first_day: dt.date | None = Field(description="First day of any figure.")
    last_day: dt.date | None
    level: Figure
    resamples: int
    mean_block_days: int
    counts: DecayCounts
    annual_return: Delivery | None = Field(
        description="Compound return in a year; null where no version was judged."
    )
    sharpe: Delivery | None
    without_sharpe: int = Field(
        description="Judged versions without a Sharpe ratio, because their returns do not vary."
    )
    strategies_in_full: Interval | None = Field(
        description="Share of the strategies whose versions together delivered at least the annual return promised."
    )
    r_squared: Interval | None = Field(
        description="Share of the variance of the Sharpe ratios delivered that those promised explain."
    )
    traits: tuple[TraitDecay, ...]
    published: tuple[PublishedStudy, ...] = Field(description="What others found elsewhere.")
    note: str | None = Field(description="Reason why there are no figures or no intervals.")
