"""Settings of the promotion."""

from __future__ import annotations

from typing import Literal

from rlpretrain.sections import Section, deployment_setting

__all__ = ["ApprovalSettings"]


class ApprovalSettings(Section):
    """Whether a promotion needs approval."""

    approval: Literal["none", "required"] = deployment_setting(
        "none", "Whether a user must approve an agent that the rule promotes."
    )
