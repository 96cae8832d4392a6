"""Settings of promotion."""

from __future__ import annotations

from typing import Literal

from rlpretrain.sections import Section, deployment_setting

__all__ = ["ApprovalSettings"]


class ApprovalSettings(Section):
    """Whether the rule decides alone."""

    approval: Literal["none", "required"] = deployment_setting(
        "none", "Whether a person must approve an agent that the rule promotes."
    )
