"""Assets of the DAG, and where a deployment's settings say that they lie."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG

from rlpretrain.deployment.observability.asset_places import to_openlineage
from rlpretrain.deployment.observability.lineage import AGENT, FLOWS, LIBRARY, PATTERNS, PRICES
from rlpretrain.deployment.observability.provider_info import provider_info
from rlpretrain.stages import STAGES, stages_before
from tests.conftest import PROJECT
from tests.dags.conftest import load_dag_file


def place(asset: object) -> tuple[str, str]:
    found = to_openlineage(asset, None)
    return found.namespace, found.name


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("embedded", ("rlpretrain", "embedded/library")),
        ("embedded:faults=10%", ("rlpretrain", "embedded/library")),
        ("https://key:secret@mcp.example.com:8443/mcp", ("https://mcp.example.com", "library")),
        ("rest+https://api.example.com", ("https://api.example.com", "library")),
        ("stdio:server --key secret", ("rlpretrain", "stdio/library")),
    ],
)
def test_where_the_library_is(monkeypatch: pytest.MonkeyPatch, url: str, expected: tuple[str, str]) -> None:
    monkeypatch.setenv("RLPRETRAIN_COMPOSER_URL", url)
    assert place(LIBRARY) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql+psycopg2://patterns:secret@db/patterns",
            ("postgres://db:5432", "patterns.public.patterns"),
        ),
        ("postgresql://patterns:secret@db:6432/p", ("postgres://db:6432", "p.public.patterns")),
        ("sqlite:////data/patterns.db", ("file", "/data/patterns.db")),
        ("", ("file", "/runs/*/composer_patterns.db")),
    ],
)
def test_where_patterns_are(monkeypatch: pytest.MonkeyPatch, url: str, expected: tuple[str, str]) -> None:
    monkeypatch.setenv("RLPRETRAIN_STORE_URL", url)
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", "/runs")
    assert place(PATTERNS) == expected


def test_files_of_runs_and_what_has_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RLPRETRAIN_OUTPUT_DIR", "/runs")
    assert place(AGENT) == ("file", "/runs/*/transferred_rl_agent.pt")
    assert place(PRICES) == ("rlpretrain", "market/prices")


@pytest.mark.parametrize("trainer", ["process", "docker"])
def test_every_task_has_its_assets_wherever_training_runs(
    monkeypatch: pytest.MonkeyPatch, trainer: str
) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "dags"))
    monkeypatch.setenv("RLPRETRAIN_TRAINER", trainer)
    dag: DAG = load_dag_file().nightly
    for task_id, (inlets, outlets) in FLOWS.items():
        task = dag.get_task(task_id)
        assert set(inlets) <= set(task.inlets), task_id
        assert set(outlets) <= set(task.outlets), task_id
    assert all(not dag.get_task(name).outlets for name in ("extract", "validate"))


def test_what_is_read_is_made_before_or_comes_from_outside() -> None:
    made = {LIBRARY.uri, PRICES.uri}
    for inlets, outlets in FLOWS.values():
        assert {asset.uri for asset in inlets} <= made
        made |= {asset.uri for asset in outlets}


def test_what_is_read_was_made_by_a_stage_that_the_reader_needs() -> None:
    stages = {stage.name: stage for stage in STAGES}
    assert set(FLOWS) <= set(stages)
    makers = {asset.uri: name for name, (_, outlets) in FLOWS.items() for asset in outlets}
    for name, (inlets, _) in FLOWS.items():
        needed = {need.name for need in stages_before(stages[name])}
        assert {makers[asset.uri] for asset in inlets if asset.uri in makers} <= needed, name


def test_airflow_knows_the_scheme() -> None:
    from airflow.sdk.providers_manager_runtime import ProvidersManagerTaskRuntime

    manager = ProvidersManagerTaskRuntime()
    (scheme,) = provider_info()["asset-uris"][0]["schemes"]
    assert scheme in manager.asset_uri_handlers
    assert PATTERNS.normalized_uri == PATTERNS.uri
