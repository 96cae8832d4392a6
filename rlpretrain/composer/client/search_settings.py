"""Checking the settings of a search before the first call."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from rlpretrain.composer.protocol.honeysql import HoneySqlError, parse_condition, parse_order
from rlpretrain.composer.protocol.search_columns import COLUMNS
from rlpretrain.errors import SettingsError

__all__ = ["check_search"]


def check_search(where: Sequence[Any], order_by: Sequence[Any]) -> None:
    """Check that a condition and an order can be read and name only columns that the service documents.

    Raises
    ------
    SettingsError
        A part cannot be read; the message names the setting and the part.
    """
    try:
        parse_condition(list(where), COLUMNS)
    except HoneySqlError as error:
        raise SettingsError(f"search_where: {error}", hint=_hint(error)) from None
    try:
        parse_order(list(order_by), COLUMNS)
    except HoneySqlError as error:
        raise SettingsError(f"search_order: {error}", hint=_hint(error)) from None


def _hint(error: HoneySqlError) -> str:
    unknown = re.match(r"unknown column '(.*)'", str(error))
    near = difflib.get_close_matches(unknown.group(1), COLUMNS) if unknown else []
    if near:
        return f"did you mean {' or '.join(near)}?"
    return 'example of a condition: ["and", [">", "num_node_if", 0], ["<", "oos_max_drawdown", 0.3]]'
