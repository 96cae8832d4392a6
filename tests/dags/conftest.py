"""The DAG as the DAG processor reads it, and a migrated database for runs inside the test's process."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from airflow.sdk import DAG

from tests.conftest import PROJECT

SMALL: dict[str, Any] = {
    "market": "generated:years=8,seed=3",
    "catalogue": "generated:size=12",
    "max_strategies": 12,
    "chunk_size": 4,
    "hidden_dims": [32, 16],
    "num_epochs": 2,
    "transfer_steps": 512,
    "critic_warmup_steps": 256,
    "validation_envs": ["BTC-USD", "SPY"],
    "validation_episodes": 4,
    "validation_seeds": 2,
    "validation_steps": 256,
}
"""A whole run in seconds: real stages on little data, whose figures mean nothing."""


def load_dag_file(name: str = "rl_pretraining") -> ModuleType:
    sys.modules.pop(name, None)
    return importlib.import_module(name)


@pytest.fixture(autouse=True)
def _dags_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "dags"))


@pytest.fixture
def nightly() -> DAG:
    dag: DAG = load_dag_file().nightly
    return dag


@pytest.fixture
def nightly_with_docker(monkeypatch: pytest.MonkeyPatch) -> DAG:
    monkeypatch.setenv("RLPRETRAIN_TRAINER", "docker")
    dag: DAG = load_dag_file().nightly
    return dag


@pytest.fixture(scope="session")
def airflow_database() -> Iterator[None]:
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
    yield
