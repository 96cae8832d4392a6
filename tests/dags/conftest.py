"""The DAG as the DAG processor reads it, and a migrated database for runs inside the test's process."""

import importlib
import sys
from types import ModuleType
from typing import Any

import pytest
from airflow.sdk import DAG

from tests.conftest import PROJECT
from tests.stages.conftest import TINY

SMALL: dict[str, Any] = {**TINY, "chunk_size": 8, "validation_envs": ["SPY", "most_voted:1"]}
"""A whole run in seconds, of three chunks and two assets."""


def load_dag_file(name: str = "rl_pretraining") -> ModuleType:
    sys.modules.pop(name, None)
    return importlib.import_module(name)


@pytest.fixture(autouse=True)
def _dags_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "dags"))
    # `dag.test()` of Airflow 3.3.2 can't end a run that has a deadline: it asks for the alert by its definition,
    # where only a scheduler knows its id.
    monkeypatch.setenv("RLPRETRAIN_DEADLINE_MINUTES", "0")


@pytest.fixture
def nightly() -> DAG:
    dag: DAG = load_dag_file().nightly
    return dag


@pytest.fixture
def nightly_with_docker(monkeypatch: pytest.MonkeyPatch) -> DAG:
    monkeypatch.setenv("RLPRETRAIN_TRAINER", "docker")
    dag: DAG = load_dag_file().nightly
    return dag
