"""Compiling the loops that must run day by day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled"]

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function of arrays and numbers at its first call; later runs load it from disk."""
    return cast(F, numba.njit(cache=True)(function))
