"""The findings on decay in words and small tables, the same on the page and on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rlpretrain.analysis.decay_findings import Decay, Interval

__all__ = [
    "DELIVERY_HEADINGS",
    "FIFTH_HEADINGS",
    "TRAITS",
    "decay_sentences",
    "decay_title",
    "delivery_rows",
    "fifth_rows",
    "fifths_title",
]

TRAITS: Mapping[str, str] = {
    "turnover": "turnover a year",
    "age_days": "days in use",
    "nodes": "nodes of the tree",
    "versions_before": "versions before it",
    "promised_sharpe": "Sharpe ratio promised",
}
"""Trait of a version -> how it is called."""
DELIVERY_HEADINGS = ("median", "promised", "delivered", "gap", "share delivered", "slope", "in full")
FIFTH_HEADINGS = (
    "gap in annual return by",
    "rank correlation",
    "lowest fifth",
    "2",
    "3",
    "4",
    "highest fifth",
)


def decay_title(decay: Decay | None) -> str:
    """Return what the library's versions promised and delivered."""
    if decay is None:
        return "Decay: no versions of strategies were given"
    if decay.annual_return is None:
        return f"Decay: {decay.note}"
    found = decay.annual_return
    return (
        f"Versions promised {_percent(found.promised.estimate)} a year at the median and delivered "
        f"{_percent(found.delivered.estimate)}; {_percent(found.in_full.estimate)} delivered in full"
    )


def fifths_title(decay: Decay | None) -> str:
    """Return which traits go with the gap in annual return; the promise itself always does, so it is left out."""
    traits = () if decay is None else decay.traits
    known = [t for t in traits if t.return_gap.low is not None and t.trait != "promised_sharpe"]
    if not known:
        return "Too few versions to find what goes with decay"
    more = [TRAITS[trait.trait] for trait in known if (trait.return_gap.low or 0.0) > 0.0]
    fewer = [TRAITS[trait.trait] for trait in known if (trait.return_gap.high or 0.0) < 0.0]
    found = [
        f"{word} with {', '.join(names)}" for word, names in (("rises", more), ("falls", fewer)) if names
    ]
    if not found:
        return "Nothing that is known of a version goes significantly with its gap in annual return"
    return f"The gap in annual return {' and '.join(found)}"


def decay_sentences(decay: Decay) -> list[str]:
    """Return what was compared, what was left out, and what others found."""
    counts = decay.counts
    sentences = [
        f"{counts.judged:,} of {counts.versions:,} versions, of {counts.strategies:,} strategies, have "
        f"{decay.min_days} days both before and since they existed; left out: {counts.few_days_before:,} with too few "
        f"days before, {counts.few_days_after:,} with too few since, {counts.duplicates:,} duplicates."
    ]
    if decay.annual_return is None:
        return sentences
    years = "the year" if decay.promise_years == 1 else f"the {decay.promise_years} years"
    sentences.append(
        f"Days from {decay.first_day} to {decay.last_day}. A promise is what a version would have earned in {years} "
        f"before it existed. Intervals are at 95 %, from {decay.resamples} resamples of "
        f"the whole library's days in blocks of {decay.mean_block_days} on average."
    )
    if decay.strategies_in_full is not None:
        share = _interval(decay.strategies_in_full, _percent)
        sentences.append(f"Strategies, with their versions pooled, that delivered in full: {share}.")
    if decay.r_squared is not None:
        r_squared = _interval(decay.r_squared, _number)
        sentences.append(f"R² of the Sharpe ratio delivered on the one promised: {r_squared}.")
    sentences.append(
        "Chance alone makes the highest promises fall the most, so the gap rises with the Sharpe ratio promised in any "
        "library."
    )
    sentences += [
        f"Not measured here: {study.source}, {study.strategies:,} strategies: {study.finding}."
        for study in decay.published
    ]
    return sentences


def delivery_rows(decay: Decay) -> list[tuple[str, ...]]:
    """Return a row for each figure, under `DELIVERY_HEADINGS`."""
    figures = (("annual return", decay.annual_return, _percent), ("Sharpe ratio", decay.sharpe, _number))
    return [
        (
            name,
            *(_interval(interval, shown) for interval in (found.promised, found.delivered, found.gap)),
            *(
                _interval(interval, as_)
                for interval, as_ in ((found.share, _percent), (found.slope, _number))
            ),
            _interval(found.in_full, _percent),
        )
        for name, found, shown in figures
        if found is not None
    ]


def fifth_rows(decay: Decay) -> list[tuple[str, ...]]:
    """Return a row for each trait, under `FIFTH_HEADINGS`; equal values may leave fewer than five groups."""
    return [
        (
            TRAITS[trait.trait],
            _interval(trait.return_gap, _number),
            *(_interval(fifth.return_gap, _percent) for fifth in trait.fifths),
            *("" for _ in range(5 - len(trait.fifths))),
        )
        for trait in decay.traits
    ]


def _interval(interval: Interval, shown: Callable[[float | None], str]) -> str:
    if interval.low is None or interval.high is None:
        return shown(interval.estimate)
    return f"{shown(interval.estimate)} [{shown(interval.low)}, {shown(interval.high)}]"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
