"""What a study can see, as a value that stages, reports and metrics read; it is light to import."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["USUAL_POWER", "StudyPower"]

USUAL_POWER = 0.8
"""Share of studies that must show a gain for it to count as detectable, as is usual (Cohen 1988)."""


class StudyPower(BaseModel):
    """What a study can see, known before it begins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    assets: tuple[str, ...]
    """Assets on which the verdict rests."""
    years: float
    """Test years on which it rests."""
    seeds: int
    level: float
    smallest: float
    """Smallest gain in timing score that four of five such studies show."""
    at_quarter: float
    """Probability that a gain of 0.25 is shown."""
    exposure: float
    """Share of the past days on which a follower of the votes is long, mean over assets."""
    switches: float
    """Its changes of stance a year."""
    costs: float
    """What they cost a year, in timing score."""
    past_days: int
    """Days from which test windows were drawn."""

    def __str__(self) -> str:
        count = len(self.assets)
        return (
            f"Power: with {count} asset{'s' if count > 1 else ''}, {self.years:.1f} test years and {self.seeds} seeds, "
            f"a gain of {self.smallest:.2f} in timing score is shown in {USUAL_POWER:.0%} of studies at the level of "
            f"{self.level:.0%}, and a gain of 0.25 in {self.at_quarter:.0%} (simulated before training, on "
            f"{self.past_days:,} earlier days). There, followers of the votes were long on {self.exposure:.0%} of the "
            f"days and changed their stance {self.switches:.0f} times a year, which cost {self.costs:.2f} of the score."
        )
