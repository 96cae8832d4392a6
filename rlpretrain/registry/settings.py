"""Settings of the promotion."""

from __future__ import annotations

from typing import Literal

from rlpretrain.sections import Section, deployment_setting

__all__ = ["ApprovalSettings"]


class ApprovalSettings(Section):
    """What a promotion needs besides the rule."""

    approval: Literal["none", "required"] = deployment_setting(
        "none", "Whether a user must approve an agent that the rule promotes."
    )
    live_days: int = deployment_setting(
        0,
        "Days of the forward record that an agent needs before the rule's promotion is carried out.",
        ge=0,
        le=2_520,
    )
