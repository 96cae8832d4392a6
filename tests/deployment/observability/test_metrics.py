"""Metrics and lineage of a real run under a real scheduler, as their receivers get them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import LocalAirflow
from rlpretrain.deployment.observability.metrics import METRICS, stage_metrics
from rlpretrain.runs.manifest import Manifest
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import DECIDE, MINE, NIGHT, PROMOTE, SEAL, STAGES, result_of
from rlpretrain.stages.decide import DECISIONS
from rlpretrain.stages.seal import LIVE_RECORD
from tests.conftest import PROJECT
from tests.deployment.local.test_local_airflow import until
from tests.stages.conftest import TINY

RUN = "observed"


class StatsdListener:
    """A StatsD server that keeps what it is sent: the values of each metric, in order, with their types."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.received: dict[str, list[tuple[str, str]]] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            for line in self._socket.recv(65_536).decode().splitlines():
                name, _, rest = line.partition(":")
                value, _, kind = rest.partition("|")
                self.received.setdefault(name, []).append((value, kind))

    def gauges(self) -> dict[str, float]:
        """The last value of each of our gauges."""
        prefix = "airflow.rlpretrain."
        return {
            name.removeprefix(prefix): float(values[-1][0])
            for name, values in self.received.items()
            if name.startswith(prefix)
        }


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """An HTTP server that keeps the bodies it is sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", bodies
    server.shutdown()


@dataclass(frozen=True)
class Observed:
    """A finished run and what was received of it."""

    folder: Path
    statsd: StatsdListener
    events: list[dict[str, Any]]
    api: AirflowApi


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    home = tmp_path_factory.mktemp("observed")
    statsd = StatsdListener()
    events = home / "events.jsonl"
    environment = {
        "RLPRETRAIN_OUTPUT_DIR": str(home / "artifacts"),
        "AIRFLOW__METRICS__STATSD_ON": "True",
        "AIRFLOW__METRICS__STATSD_PORT": str(statsd.port),
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(events), "append": True}
        ),
    }
    airflow = LocalAirflow(
        home / "airflow",
        dags=PROJECT / "dags",
        plugins=PROJECT / "plugins",
        environment=environment,
        parallelism=2,
    )
    with airflow, AirflowApi(airflow.url, airflow.user, airflow.password) as api:
        until(api.healthy)
        api.log_in()
        until(lambda: api.dag_is_loaded("rl_pretraining") or api.import_errors() != [])
        assert api.import_errors() == []
        api.trigger("rl_pretraining", RUN, TINY)
        api.unpause("rl_pretraining")
        until(lambda: api.run_state("rl_pretraining", RUN) in ("success", "failed"), 600)
        assert api.run_state("rl_pretraining", RUN) == "success", [
            (one.task_id, one.state) for one in api.task_states("rl_pretraining", RUN)
        ]
        lines = [line for path in home.glob("events.jsonl*") for line in path.read_text().splitlines()]
        yield Observed(home / "artifacts" / RUN, statsd, [json.loads(line) for line in lines], api)


def expected_names(asset: str) -> set[str]:
    return {name.replace("ASSET", asset) for found in METRICS.values() for name in found}


@pytest.mark.airflow
@pytest.mark.slow
class TestRun:
    """One real run serves all of these."""

    def test_statsd_receives_every_metric(self, observed: Observed) -> None:
        found = observed.statsd.gauges()
        # A figure that does not exist is not sent: few days may have no Sharpe ratio.
        # There is no champion whose live days could be tested, and no vote on which a gain could rest.
        missing = {"agent.SPY.sharpe_ratio", "record.champion_p_value", "power.smallest_gain"}
        assert expected_names("SPY") - missing <= set(found) <= expected_names("SPY")
        run = RunFolder(observed.folder)
        assert found["mine.patterns"] == result_of(run, MINE).patterns > 0
        assert found["mine.seconds"] == run.require(MINE.name).clock["seconds"]
        assert found["rejects.total"] == sum(found[f"rejects.{reason}"] for reason in (
            "list", "unforeseen", "fetch", "parse", "replay", "level", "fidelity", "hindsight", "duplicate", "quality"
        ))  # fmt: skip
        assert 0 <= found["fidelity.agree_share"] <= 1
        assert found["verdict.finding"] in (-1, 0, 1)

    def test_they_are_gauges_that_a_second_reading_does_not_change(self, observed: Observed) -> None:
        kinds = {
            kind
            for name, values in observed.statsd.received.items()
            if ".rlpretrain." in name
            for _, kind in values
        }
        assert kinds == {"g"}
        first = observed.statsd.gauges()
        # What follows the report was not there yet when it told the size of the folder.
        later = (f"{PROMOTE.name}.json", f"{DECIDE.name}.json", DECISIONS, f"{SEAL.name}.json", LIVE_RECORD)
        first["run.megabytes"] += sum((observed.folder / name).stat().st_size for name in later) / 1e6
        for task in METRICS:
            again = stage_metrics(observed.folder, task)
            assert again == pytest.approx({name: first[name] for name in again})

    def test_airflows_own_metrics_come_the_same_way(self, observed: Observed) -> None:
        assert any(
            name.startswith("airflow.ti.finish.rl_pretraining.mine.success")
            for name in observed.statsd.received
        )

    def test_openlineage_events_carry_the_datasets(self, observed: Observed) -> None:
        runs = observed.folder.parent
        datasets: dict[str, dict[str, set[tuple[str, str]]]] = {}
        for event in observed.events:
            if event["eventType"] == "COMPLETE":
                task = datasets.setdefault(event["job"]["name"].removeprefix("rl_pretraining."), {})
                for side in ("inputs", "outputs"):
                    task.setdefault(side, set()).update(
                        (one["namespace"], one["name"]) for one in event[side]
                    )
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

    def test_no_event_carries_a_secret(self, observed: Observed) -> None:
        assert "password" not in json.dumps(observed.events).lower().replace("passwords_file", "")

    def test_each_outlet_is_announced_once(self, observed: Observed) -> None:
        events = observed.api._call("GET", "/api/v2/assets/events", params={"limit": 100})["asset_events"]
        assert sorted(event["source_task_id"] for event in events if event["source_run_id"] == RUN) == [
            "analyze", "mine", "pretrain", "report", "transfer",
        ]  # fmt: skip

    def test_opentelemetry_receives_them_too(
        self, observed: Observed, collector: tuple[str, list[bytes]]
    ) -> None:
        """A process that sets Airflow's metrics up as a task's process does, and ends as one."""
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

        url, bodies = collector
        program = (
            "from types import SimpleNamespace\n"
            "from airflow.sdk.configuration import conf\n"
            "from airflow.sdk.observability import stats\n"
            "from airflow.sdk.observability.metrics import stats_utils\n"
            "from rlpretrain.deployment.observability.metrics import emit_metrics\n"
            "stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)\n"
            f"emit_metrics({{'run_id': {RUN!r}, 'task': SimpleNamespace(task_id='mine')}})\n"
        )
        subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "RLPRETRAIN_OUTPUT_DIR": str(observed.folder.parent),
                "AIRFLOW__METRICS__OTEL_ON": "True",
                "OTEL_EXPORTER_OTLP_ENDPOINT": url,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "NO_PROXY": "127.0.0.1",
            },
            check=True,
        )
        received = {
            metric.name: metric.gauge.data_points[0].as_double
            for body in bodies
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }
        assert received == pytest.approx(
            {f"airflow.rlpretrain.{name}": v for name, v in stage_metrics(observed.folder, "mine").items()}
        )


def test_every_stage_of_a_night_tells_its_seconds() -> None:
    assert set(METRICS) <= {stage.name for stage in STAGES}
    told = {
        name.removesuffix(".seconds") for names in METRICS.values() for name in names if ".seconds" in name
    }
    # A promotion takes no time, and is skipped where the champion stays.
    assert told == {stage.name for stage in NIGHT if stage is not PROMOTE}


def test_a_task_without_figures_and_a_run_without_a_folder_say_nothing(tmp_path: Path) -> None:
    assert stage_metrics(tmp_path, "resolve_settings") == {}
    assert stage_metrics(tmp_path / "none", "mine") == {}
    assert not (tmp_path / "none").exists()


def test_what_the_agent_keeps_of_the_clone_and_how_far_it_falls(tmp_path: Path) -> None:
    result = {"assets": [], "left_out": {}, "chosen_steps": 300}
    manifest = Manifest("transfer", "", {}, {}, result, clock={"seconds": 2.0})
    (tmp_path / "transfer.json").write_text(json.dumps(asdict(manifest)))
    figures = ((0, 1.0, 0.5), (70, 0.9, 0.2), (150, 0.8, 0.1), (300, 0.7, 0.6))
    history = [dict(zip(("steps", "stances_kept", "score"), row, strict=True)) for row in figures]
    (tmp_path / "transfer_history.json").write_text(json.dumps({"history": history}))
    assert stage_metrics(tmp_path, "transfer") == pytest.approx(
        {
            "transfer.chosen_steps": 300,
            "transfer.stances_kept_early": 0.9,
            "transfer.stances_kept": 0.7,
            "transfer.dip": 0.4,
            "transfer.seconds": 2.0,
        }
    )
