"""On a real scheduler a person approves or rejects by REST; a promotion announces the champion, which then scores."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.deployment.local.airflow_api import AirflowApi
from rlpretrain.deployment.local.local_airflow import LocalAirflow
from rlpretrain.features import STATE_DIM
from rlpretrain.pipeline import PretrainingPipeline
from rlpretrain.pretraining.dataset import Scaler
from rlpretrain.registry import Registry
from rlpretrain.runs.files import file_sha256
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.stages import CHECK, MINE, PRETRAIN, REPORT, SCORE, SEAL, TRANSFER, make_run, result_of
from rlpretrain.stages.pretrain import PRETRAINED
from rlpretrain.stages.report import Reported
from rlpretrain.stages.seal import LIVE_RECORD
from rlpretrain.stages.transfer import AGENT
from rlpretrain.transfer import save_agent
from rlpretrain.transfer.policy import blank_policy
from tests.conftest import PROJECT
from tests.registry.building import card, decision
from tests.runs.building import write_manifest
from tests.stages.conftest import tiny

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

FLOW = '''
from airflow.sdk import dag, get_current_context, task
from rlpretrain.deployment.runs.approval import PromotionApproval
from rlpretrain.deployment.runs.champion import CHAMPION, announce_promotion

@task(outlets=[CHAMPION])
def promote(folder):
    announce_promotion(folder, get_current_context())

@dag(params={"folder": ""}, default_args={"retries": 0})
def flow():
    """The end of rl_pretraining, wired as there."""
    folder = "{{ params.folder }}"
    PromotionApproval(task_id="approve", run_folder=folder) >> promote(folder)

flow()
'''


def until(done: Callable[[], Any], seconds: float = 120.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := done()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def output_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: the agent of one has not won; the agents of two have, and one of these has mined."""
    folder = tmp_path_factory.mktemp("runs")
    pipeline = PretrainingPipeline(tiny(folder, max_strategies=12), run_id="approved")
    asyncio.run(pipeline.run_to(CHECK))
    scaler = Scaler(mean=np.zeros(STATE_DIM, np.float32), std=np.ones(STATE_DIM, np.float32))
    registry = Registry(folder)
    windows = {name: str(day) for name, day in result_of(pipeline.run.folder, MINE).windows.items()}
    settings = pipeline.config.of_run()
    for number, run_id in enumerate(("kept", "rejected", "approved"), start=1):
        run = make_run(run_id, {**settings, "output_dir": folder}).folder
        agent = run / AGENT
        save_agent(agent, blank_policy(scaler, [8], 3), {})
        described = card(run_id, agent_sha256=file_sha256(agent), windows=windows, settings=settings)
        registry.register(described, agent)
        verdict = "keep" if run_id == "kept" else "promote"
        registry.decide(number, None, lambda n, verdict=verdict: decision(verdict, trials=n))
        content = agent.read_bytes()
        write_manifest(run.path, PRETRAIN.name, outputs={PRETRAINED: content})
        write_manifest(run.path, TRANSFER.name, outputs={AGENT: content})
        reported = Reported(assets=1, finding="better", verdict=verdict, version=number)
        write_manifest(run.path, REPORT.name, reported.model_dump())
        nobody = json.dumps({"agents": []}).encode()
        write_manifest(run.path, SEAL.name, outputs={LIVE_RECORD: nobody})
    return folder


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, empty_airflow: Callable[[Path], Path], output_dir: Path
) -> Iterator[AirflowApi]:
    home = tmp_path_factory.mktemp("airflow")
    dags = home / "dags"
    dags.mkdir()
    (dags / "flow.py").write_text(FLOW)
    shutil.copy(PROJECT / "dags" / "rl_champion_scores.py", dags)
    environment = {
        "RLPRETRAIN_OUTPUT_DIR": str(output_dir),
        "RLPRETRAIN_APPROVAL": "required",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "True",
    }
    with (
        LocalAirflow(
            empty_airflow(home / "home"),
            dags=dags,
            plugins=home / "none",
            environment=environment,
            parallelism=2,
        ) as airflow,
        AirflowApi(airflow.url, airflow.user, airflow.password) as api,
    ):
        until(api.healthy)
        api.log_in()
        until(lambda: api.import_errors() or api.dag_is_loaded("flow"))
        for dag_id in ("flow", "rl_champion_scores"):
            until(lambda dag_id=dag_id: api.dag_is_loaded(dag_id))
            assert api.import_errors() == []
            api.unpause(dag_id)
        yield api


def ended(api: AirflowApi, dag_id: str, run_id: str) -> dict[str, str | None]:
    until(lambda: api.run_state(dag_id, run_id) in ("success", "failed"))
    return {one.task_id: one.state for one in api.task_states(dag_id, run_id)}


def start(api: AirflowApi, output_dir: Path, name: str) -> None:
    api.trigger("flow", name, {"folder": str(output_dir / name)})


def respond(api: AirflowApi, name: str, option: str, reason: str) -> None:
    path = f"/api/v2/dags/flow/dagRuns/{name}/taskInstances/approve/-1/hitlDetails"
    until(lambda: waiting(api, name))
    # A person is slower than the scheduler, which must first see the end of the process that asked.
    time.sleep(5)
    api._call("PATCH", path, json={"chosen_options": [option], "params_input": {"reason": reason}})


def waiting(api: AirflowApi, name: str) -> bool:
    return any(one.state == "awaiting_input" for one in api.task_states("flow", name))


def scoring_runs(api: AirflowApi) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api._call("GET", "/api/v2/dags/rl_champion_scores/dagRuns")["dag_runs"]
    return found


def test_where_the_champion_stays_nobody_is_asked(api: AirflowApi, output_dir: Path) -> None:
    start(api, output_dir, "kept")
    assert ended(api, "flow", "kept") == {"approve": "skipped", "promote": "skipped"}
    assert Registry(output_dir).champion() is None


def test_a_rejected_agent_is_not_promoted(api: AirflowApi, output_dir: Path) -> None:
    start(api, output_dir, "rejected")
    respond(api, "rejected", "Reject", "too few trades")
    assert ended(api, "flow", "rejected") == {"approve": "success", "promote": "skipped"}
    registry = Registry(output_dir)
    answer = registry.history(2)[-1]
    assert (answer.kind, answer.by, answer.reason) == ("rejected", "admin", "too few trades")
    assert registry.standing(2) == "rejected"
    assert registry.champion() is None
    assert scoring_runs(api) == [], "nothing was promoted, so nothing was announced"


def test_an_approved_agent_is_promoted_and_its_bars_are_scored(api: AirflowApi, output_dir: Path) -> None:
    start(api, output_dir, "approved")
    until(lambda: waiting(api, "approved"))
    path = "/api/v2/dags/flow/dagRuns/approved/taskInstances/approve/-1/hitlDetails"
    shown = api._call("GET", path)
    assert "approved to champion?" in shown["subject"]
    assert "because" in shown["body"] and "report.html" in shown["body"]
    respond(api, "approved", "Approve", "figures hold")
    assert ended(api, "flow", "approved") == {"approve": "success", "promote": "success"}
    registry = Registry(output_dir)
    promoted = registry.history(3)[-1]
    assert (promoted.kind, promoted.by, promoted.reason) == ("promoted", "admin", "figures hold")

    run = until(lambda: scoring_runs(api))[0]
    assert run["run_type"] == "asset_triggered"
    tasks = ended(api, "rl_champion_scores", run["dag_run_id"])
    assert tasks == {"choose_run": "success", "score": "success"}
    folder = RunFolder(output_dir / "approved")
    assert result_of(folder, SCORE).champion == 3
    with (folder / "champion_scores.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert "SPY" in {row["symbol"] for row in rows}
    assert all(abs(sum(float(row[a]) for a in ("hold", "buy", "sell")) - 1) < 1e-5 for row in rows)
    assert json.loads((folder / "champion_scores.json").read_text())["champion"]["version"] == 3
    events = api._call("GET", "/api/v2/assets/events")["asset_events"]
    assert [event["extra"]["version"] for event in events] == [3]
    assert events[0]["extra"]["folder"] == str(output_dir / "approved")
