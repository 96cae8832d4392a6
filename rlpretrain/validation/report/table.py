"""One table of the report, and the format of figures in its cells."""

from __future__ import annotations

from dataclasses import dataclass

from rlpretrain.validation.statistics import Interval

__all__ = [
    "NOTHING",
    "Table",
    "clean",
    "number",
    "p_value",
    "percent",
    "signed",
    "span",
]

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """Rows of text under a title; the first column is words, the others figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(tuple(clean(cell) for cell in row) for row in self.rows))

    @property
    def figures(self) -> tuple[bool, ...]:
        """Whether each column contains figures, which are flush right."""
        return tuple(i > 0 and all(_is_figure(row[i]) for row in self.rows) for i in range(len(self.columns)))


def clean(text: str) -> str:
    """Replace characters that do not print (controls, line breaks, direction marks): names come from others."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def _is_figure(cell: str) -> bool:
    return not any(character.isalpha() for character in cell.replace(" of ", ""))


def number(value: float | None, digits: int = 2) -> str:
    """Return a figure as text; a dash where it is undefined."""
    return NOTHING if value is None else f"{value:.{digits}f}"


def signed(value: float | None, digits: int = 2) -> str:
    """Return a figure with its sign as text."""
    return NOTHING if value is None else f"{value:+.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Return a fraction as a percentage."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def p_value(value: float | None) -> str:
    """Return a p-value as text; below 0.001, as a bound."""
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def span(interval: Interval) -> str:
    """Return the bounds of an interval as text."""
    return f"[{interval.low:+.2f}, {interval.high:+.2f}]"
