"""Settings whose values are names of rows of a table."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from rlpretrain.errors import SettingsError
from rlpretrain.table import Row, Table

__all__ = ["OneOf", "choose"]

RowT = TypeVar("RowT", bound=Row)


def choose(table: Table[RowT], name: str) -> RowT:
    """Return a table's row by its name.

    Raises
    ------
    SettingsError
        There is no such row; the message lists the names.
    """
    row = table.get(name)
    if row is None:
        raise SettingsError(f"unknown {table.what} {name!r}", hint=f"one of {', '.join(table)}")
    return row


@dataclass(frozen=True)
class OneOf:
    """Marks a text setting as the name of a row, as in ``Annotated[str, OneOf("package.module:TABLE")]``.

    The table is loaded only when a value is checked, because it is in a room that imports the settings.
    The JSON schema lists the names under `enum` and, in the same order, their descriptions under `labels`.

    Parameters
    ----------
    place
        Module and name of the table; its rows have descriptions.
    besides
        Further possible values, each with its description.
    """

    place: str
    besides: tuple[tuple[str, str], ...] = ()

    def __get_pydantic_core_schema__(self, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        choices = [*self.besides, *((row.name, row.description) for row in self._table().values())]
        names, labels = zip(*choices, strict=True)
        return {**handler(schema), "enum": list(names), "labels": list(labels)}

    def names(self) -> list[str]:
        """Return all possible values."""
        return [*(value for value, _ in self.besides), *self._table()]

    def _check(self, name: str) -> str:
        if name not in (names := self.names()):
            raise ValueError(f"unknown {self._table().what} {name!r}: one of {', '.join(names)}")
        return name

    def _table(self) -> Table[Any]:
        table: Table[Any] = pkgutil.resolve_name(self.place)
        return table
