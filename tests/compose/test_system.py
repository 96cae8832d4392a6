"""The whole system from docker-compose.yaml: up, healthy, a run by REST, its results where they belong, and down."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from rlpretrain.deployment.local.airflow_api import AirflowApi
from tests.compose.conftest import DAG, RUN
from tests.compose.system import System, docker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.docker,
    pytest.mark.airflow,
    pytest.mark.timeout(2_400),  # the first test waits for the images, the services and the run
]

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer")


def token(system: System, user: str, password: str) -> httpx.Response:
    return httpx.post(
        f"{system.url}/auth/token", json={"username": user, "password": password}, timeout=30, trust_env=False
    )


def call(system: System, method: str, path: str, user: str, **request: Any) -> int:
    password = system.secrets[f"airflow_{user}_password"]
    header = {"Authorization": f"Bearer {token(system, user, password).json()['access_token']}"}
    answer = httpx.request(
        method, f"{system.url}{path}", headers=header, timeout=30, trust_env=False, **request
    )
    return answer.status_code


def test_every_service_is_up_and_contained(system: System) -> None:
    containers = system.containers()
    assert set(containers) == {"postgres", "init", "composer", *AIRFLOW}
    for name, container in containers.items():
        host, config = container["HostConfig"], container["Config"]
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert host["LogConfig"]["Config"] == {"max-size": "20m", "max-file": "3"}, name
        assert host["RestartPolicy"]["Name"] == ("no" if name == "init" else "unless-stopped"), name
        sockets = [mount for mount in container["Mounts"] if mount["Destination"] == "/var/run/docker.sock"]
        assert bool(sockets) is (name == "scheduler"), "only the part that runs tasks reaches Docker"
        if name != "postgres":
            assert host["ReadonlyRootfs"], name
            assert config["User"] == "10001:10001", name
        for bindings in (host["PortBindings"] or {}).values():
            assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}, name
    assert [name for name, one in containers.items() if one["HostConfig"]["PortBindings"]] == ["api-server"]


def test_nobody_gets_in_without_a_password_and_a_viewer_only_looks(system: System) -> None:
    assert token(system, "admin", "admin").status_code == 401
    anonymous = httpx.get(f"{system.url}/api/v2/dags/{DAG}", timeout=30, trust_env=False)
    assert anonymous.status_code == 401
    trigger = {"json": {"logical_date": None, "conf": {}}}
    assert call(system, "GET", f"/api/v2/dags/{DAG}", "viewer") == 200
    assert call(system, "POST", f"/api/v2/dags/{DAG}/dagRuns", "viewer", **trigger) == 403
    assert call(system, "GET", "/api/v2/connections", "viewer") == 403
    assert call(system, "GET", "/api/v2/connections", "admin") == 200


def test_learning_ran_in_containers_that_are_gone(system: System, finished: dict[str, Any]) -> None:
    def manifest(stage: str) -> dict[str, Any]:
        text = system.execute("scheduler", "cat", f"/opt/airflow/artifacts/{RUN}/{stage}.json")
        found: dict[str, Any] = json.loads(text)
        return found

    airflow = manifest("mine")
    for stage in ("pretrain", "transfer", "validate/SPY"):
        learned = manifest(stage)
        assert learned["clock"]["host"] != airflow["clock"]["host"]
        assert learned["versions"]["torch"]
    assert "torch" not in airflow["versions"]
    assert docker("ps", "--all", "--quiet", "--filter", f"label=rlpretrain.run={RUN}") == ""


def test_the_runs_figures_are_in_the_database_of_patterns(system: System, finished: dict[str, Any]) -> None:
    def ask(role: str, database: str, query: str) -> str:
        password = system.secrets[f"{role}_db_password"]
        url = f"postgresql://{role}:{password}@127.0.0.1/{database}"
        return system.execute("postgres", "psql", url, "--no-align", "--tuples-only", "--command", query)

    mined = json.loads(system.execute("scheduler", "cat", f"/opt/airflow/artifacts/{RUN}/mine.json"))[
        "result"
    ]["patterns"]
    assert mined > 0
    assert int(ask("patterns", "patterns", "SELECT count(*) FROM patterns")) == mined
    assert ask("patterns", "patterns", "SELECT run_id FROM runs").split() == [RUN]
    with pytest.raises(AssertionError, match="permission denied"):
        ask("patterns", "airflow", "SELECT 1")
    with pytest.raises(AssertionError, match="permission denied"):
        ask("airflow", "patterns", "SELECT 1")


def test_the_report_is_on_the_volume(system: System, finished: dict[str, Any]) -> None:
    report = system.execute("scheduler", "cat", f"/opt/airflow/artifacts/{RUN}/report.html")
    assert finished["headline"] in report
    assert "the embedded one" in report, "a server of our own is not taken for Composer"


def test_the_report_page_opens_in_the_ui_after_a_login(system: System, finished: dict[str, Any]) -> None:
    report = f"/rlpretrain/runs/{RUN}/files/report.html"
    tab = f"/rlpretrain/dags/{DAG}/runs/{RUN}"
    for path in (tab, report):
        assert httpx.get(system.url + path, timeout=30, trust_env=False).status_code == 401
    access = token(system, "viewer", system.secrets["airflow_viewer_password"]).json()["access_token"]
    header = {"Authorization": f"Bearer {access}"}
    pages = [
        httpx.get(system.url + path, headers=header, timeout=60, trust_env=False) for path in (tab, report)
    ]
    assert [page.status_code for page in pages] == [200, 200]
    assert report in pages[0].text
    assert finished["headline"] in pages[1].text


def test_no_secret_is_where_somebody_may_look(
    system: System, images: dict[str, str], finished: dict[str, Any]
) -> None:
    """XComs, connections, variables and rendered settings are in Airflow's database."""
    everything = {
        "inspect": json.dumps(system.containers()),
        "logs": system.compose("logs", "--no-color")
        + system.execute("scheduler", "sh", "-c", "find /opt/airflow/logs -type f -exec cat {} +"),
        "artifacts": system.execute(
            "scheduler", "sh", "-c", "find /opt/airflow/artifacts -type f -exec cat {} + | base64 -w 0"
        ),
        "environment": "".join(
            system.execute(name, "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ") for name in AIRFLOW
        ),
        **{
            f"database {name}": system.execute("postgres", "pg_dump", "--username", "postgres", name)
            for name in ("airflow", "patterns")
        },
        **{
            f"image {image}": docker("history", "--no-trunc", image) + docker("inspect", image)
            for image in images.values()
        },
    }
    everything["artifacts"] = base64.b64decode(everything["artifacts"]).decode("latin-1")
    assert "pretrain" in everything["artifacts"] and "xcom" in everything["database airflow"]
    found = [(secret, place) for secret, value in system.secrets.items() for place, text in everything.items()
             if value in text]  # fmt: skip
    assert found == []


def test_a_service_sees_its_own_secrets(system: System) -> None:
    seen = {name: set(system.execute(name, "ls", "/run/secrets").split()) for name in AIRFLOW}
    assert seen["triggerer"] == seen["dag-processor"] == {"airflow_db_password", "airflow_fernet_key"}
    assert "airflow_jwt_secret" in seen["scheduler"] and "airflow_api_secret_key" not in seen["scheduler"]
    assert not docker(
        "exec", system.containers()["composer"]["Id"], "sh", "-c", "ls /run/secrets 2>&1 || true"
    ).count("airflow")


def test_a_password_is_changed_by_the_file_and_one_command(system: System, admin: AirflowApi) -> None:
    file = Path(system.settings["SECRETS"]) / "airflow_viewer_password"
    old = file.read_text()
    file.chmod(0o644)
    file.write_text("another-one-of-some-length")
    system.compose("run", "--rm", "--no-deps", "init")
    assert token(system, "viewer", "another-one-of-some-length").status_code == 201
    assert token(system, "viewer", old).status_code == 401


def test_down_leaves_nothing_behind(system: System, finished: dict[str, Any]) -> None:
    assert system.leftovers()
    system.compose("down", "--volumes", "--timeout", "10")
    assert system.leftovers() == []
