"""The building blocks of all findings: frozen parts, and figures as they are published."""

from __future__ import annotations

import math
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

__all__ = ["Figure", "Part"]


def _published(value: Any) -> Any:
    """Return six significant digits: more would publish the rounding of one machine's linear algebra."""
    if value is None:
        return None
    number = float(value)
    return float(f"{number:.6g}") if math.isfinite(number) else None


Figure = Annotated[float | None, BeforeValidator(_published)]
"""A published number; null where it is undefined, never NaN."""


class Part(BaseModel):
    """A frozen part of the findings that rejects unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
