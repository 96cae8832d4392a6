"""How many strategies stood behind the votes."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel, ConfigDict

__all__ = ["QuarterVoters"]


class QuarterVoters(BaseModel):
    """How many strategies voted at the first close of a quarter."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: dt.date
    point_in_time: int
    """Strategies that voted as the version that existed then."""
    last_version: int
    """Strategies that voted by today's rules, because their versions are unknown."""

    @property
    def voters(self) -> int:
        """All that voted."""
        return self.point_in_time + self.last_version
