"""Metrics and lineage of a real run under a real scheduler, as their receivers get them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from rlpretrain.deployment.observability.metrics import METRICS, stage_metrics
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import DECIDE, MINE, PROMOTE, SEAL, result_of
from rlpretrain.stages.decide import DECISIONS
from rlpretrain.stages.seal import LIVE_RECORD
from tests.live.conftest import RUN_ID, Finished, Live
from tests.live.receivers import SECRET, posts_to

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
PREFIX = "airflow.rlpretrain."


def expected_names(asset: str) -> set[str]:
    return {name.replace("ASSET", asset) for found in METRICS.values() for name in found}


def gauges(finished: Finished) -> dict[str, float]:
    """The last value of each of our gauges."""
    return {
        name.removeprefix(PREFIX): float(values[-1][0])
        for name, values in finished.metrics.items()
        if name.startswith(PREFIX)
    }


def test_statsd_receives_every_metric(finished: Finished) -> None:
    found = gauges(finished)
    # A figure that does not exist is not sent: few days may have no Sharpe ratio.
    # There is no champion whose live days could be tested, and no vote on which a gain could rest.
    missing = {"agent.SPY.sharpe_ratio", "record.champion_p_value", "power.smallest_gain"}
    assert expected_names("SPY") - missing <= set(found) <= expected_names("SPY")
    run = RunFolder(finished.folder)
    assert found["mine.patterns"] == result_of(run, MINE).patterns > 0
    assert found["mine.seconds"] == run.require(MINE.name).clock["seconds"]
    assert found["rejects.total"] == sum(found[f"rejects.{reason}"] for reason in (
        "list", "unforeseen", "fetch", "parse", "replay", "level", "fidelity", "hindsight", "duplicate", "quality"
    ))  # fmt: skip
    assert 0 <= found["fidelity.agree_share"] <= 1
    assert found["verdict.finding"] in (-1, 0, 1)


def test_they_are_gauges_that_a_second_reading_does_not_change(finished: Finished) -> None:
    kinds = {
        kind for name, values in finished.metrics.items() if ".rlpretrain." in name for _, kind in values
    }
    assert kinds == {"g"}
    first = gauges(finished)
    # What follows the report was not there yet when it told the size of the folder.
    later = (f"{PROMOTE.name}.json", f"{DECIDE.name}.json", DECISIONS, f"{SEAL.name}.json", LIVE_RECORD)
    first["run.megabytes"] += sum((finished.folder / name).stat().st_size for name in later) / 1e6
    for task in METRICS:
        again = stage_metrics(finished.folder, task)
        assert again == pytest.approx({name: first[name] for name in again})


def test_airflows_own_metrics_come_the_same_way(finished: Finished) -> None:
    assert any(name.startswith("airflow.ti.finish.rl_pretraining.mine.success") for name in finished.metrics)


def test_openlineage_events_carry_the_datasets(finished: Finished) -> None:
    runs = finished.folder.parent
    datasets: dict[str, dict[str, set[tuple[str, str]]]] = {}
    for event in finished.events:
        if event["eventType"] == "COMPLETE":
            task = datasets.setdefault(event["job"]["name"].removeprefix("rl_pretraining."), {})
            for side in ("inputs", "outputs"):
                task.setdefault(side, set()).update((one["namespace"], one["name"]) for one in event[side])
    library, prices = ("rlpretrain", "embedded/library"), ("rlpretrain", "market/prices")
    patterns = ("file", f"{runs}/*/composer_patterns.db")
    policy, agent = (
        ("file", f"{runs}/*/pretrained_model.pt"),
        ("file", f"{runs}/*/transferred_rl_agent.pt"),
    )
    assert datasets["extract"]["inputs"] == {library, prices}
    assert datasets["mine"] == {"inputs": {library, prices}, "outputs": {patterns}}
    assert datasets["check"]["inputs"] == {patterns}
    assert datasets["pretrain"] == {"inputs": {patterns}, "outputs": {policy}}
    assert datasets["transfer"] == {"inputs": {policy, prices}, "outputs": {agent}}
    assert datasets["validate"]["inputs"] == {agent, prices}
    assert datasets["report"]["outputs"] == {("file", f"{runs}/*/report.html")}


def test_no_event_carries_a_secret(finished: Finished) -> None:
    told = json.dumps(finished.events)
    assert SECRET not in told
    assert "password" not in told.lower().replace("passwords_file", "")


def test_each_outlet_is_announced_once(live: Live, finished: Finished) -> None:
    events = live.api._call("GET", "/api/v2/assets/events", params={"limit": 100})["asset_events"]
    assert sorted(event["source_task_id"] for event in events if event["source_run_id"] == RUN_ID) == [
        "analyze", "mine", "pretrain", "report", "transfer",
    ]  # fmt: skip


def test_opentelemetry_receives_them_too(finished: Finished) -> None:
    """A process that sets Airflow's metrics up as a task's process does, and ends as one."""
    program = (
        "from types import SimpleNamespace\n"
        "from airflow.sdk.configuration import conf\n"
        "from airflow.sdk.observability import stats\n"
        "from airflow.sdk.observability.metrics import stats_utils\n"
        "from rlpretrain.deployment.observability.metrics import emit_metrics\n"
        "stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)\n"
        f"emit_metrics({{'run_id': {RUN_ID!r}, 'task': SimpleNamespace(task_id='mine')}})\n"
    )
    with posts_to() as (port, bodies):
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "RLPRETRAIN_OUTPUT_DIR": str(finished.folder.parent),
                "AIRFLOW__METRICS__OTEL_ON": "True",
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "NO_PROXY": "127.0.0.1",
            },
            check=True,
        )
    received = {
        metric.name: metric.gauge.data_points[0].as_double
        for _, body in bodies
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert received == pytest.approx(
        {f"{PREFIX}{name}": v for name, v in stage_metrics(finished.folder, "mine").items()}
    )
