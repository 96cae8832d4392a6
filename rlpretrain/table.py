"""Tables of interchangeable parts: indicators, baselines, transfer strategies and the like, one row each.

Another package adds a row by an entry point in the table's group, which refers to the row. Every process that looks
into the table finds it, including Airflow's tasks and containers, if the package is installed there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import distributions, entry_points
from typing import Protocol, TypeVar

from rlpretrain.errors import SettingsError

__all__ = ["Row", "Table", "installed_rows"]

_GROUPS = "rlpretrain."
"""Prefix of the groups of entry points."""


class Row(Protocol):
    """What every row must have."""

    @property
    def name(self) -> str:
        """Name of the row in settings, files and other rows."""


RowT = TypeVar("RowT", bound=Row)


class Table(Mapping[str, RowT]):
    """Rows by their names, in the order in which they were added; rows of installed packages come last.

    Parameters
    ----------
    what
        What one row is, for messages, such as "indicator".
    group
        Group of the entry points that add further rows.
    kind
        Type of the rows.
    rows
        This package's own rows.
    """

    def __init__(self, what: str, group: str, kind: type[RowT], rows: tuple[RowT, ...] = ()) -> None:
        self.what, self.group = what, group
        self._kind = kind
        self._rows: dict[str, RowT] = {}
        self._complete = False
        for row in rows:
            self.add(row)

    def add(self, row: RowT) -> RowT:
        """Add a row, and return it.

        Raises
        ------
        SettingsError
            It is not a row of this table, or its name is taken.
        """
        if not isinstance(row, self._kind):
            raise SettingsError(f"{self.what}: {row!r} is not of type {self._kind.__name__}")
        if row.name in self._rows:
            raise SettingsError(f"there are two rows for the {self.what} {row.name!r}")
        self._rows[row.name] = row
        return row

    def remove(self, name: str) -> None:
        """Remove a row that was added."""
        del self._rows[name]

    def __getitem__(self, name: str) -> RowT:
        if not self._complete:  # Asked here, because rows are looked up a hundred times for a symphony.
            self._load()
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(self._rows)

    def __len__(self) -> int:
        self._load()
        return len(self._rows)

    def _load(self) -> None:
        if self._complete:
            return
        # This is set first: a package's module may look into the table while it is being loaded.
        self._complete = True
        try:
            for point in sorted(entry_points(group=self.group), key=lambda point: point.name):
                if point.name not in self._rows:
                    self.add(point.load())
        except BaseException:
            # The next access fails too, rather than silently miss a row.
            self._complete = False
            raise


def installed_rows() -> list[str]:
    """Return the rows that installed packages add to any table, each with its package and version."""
    return sorted(
        f"{point.group} {point.name} {point.value} {package.name} {package.version}"
        for package in distributions()
        for point in package.entry_points
        if point.group.startswith(_GROUPS)
    )
