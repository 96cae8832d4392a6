"""Where the rule keeps the champion, nobody is asked; who was approved before and waits may still be promoted."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from rlpretrain.deployment.runs.approval import PromotionApproval
from rlpretrain.registry import Registry
from tests.registry.building import decision, registered


def test_an_approved_agent_that_waits_for_its_live_record_keeps_the_promotion_going(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    for number, (run_id, verdict) in enumerate((("first", "promote"), ("second", "keep")), start=1):
        registered(registry, run_id)
        registry.decide(number, None, lambda n, verdict=verdict: decision(verdict, trials=n))
    approval = PromotionApproval(task_id="approve", run_folder=str(tmp_path / "second"))
    with pytest.raises(AirflowSkipException, match="No approval is needed: because"):
        approval.execute({})
    registry.answer(1, approved=True, by="Ada", reason="let it show first")
    assert approval.execute({}) is None
