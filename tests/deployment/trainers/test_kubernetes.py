"""The trainer's pod as it is rendered: valid for Kubernetes' own schema, and no freer than the container."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes.client import ApiClient

from rlpretrain.deployment.trainers.container import TRAINER_UID, ContainerSettings
from rlpretrain.deployment.trainers.kubernetes_operator import KubernetesTrainerOperator
from rlpretrain.deployment.trainers.pod import LABELS, PodSettings
from rlpretrain.errors import SettingsError
from rlpretrain.runs.files import write_json
from rlpretrain.runs.run_folder import RunFolder
from rlpretrain.settings import load_config
from tests.conftest import PROJECT

MANIFESTS = PROJECT / "docker" / "kubernetes"
VERSIONS = ("1.30", "1.35")


def pod(
    tmp_path: Path, stage: str = "pretrain", market: str = "generated:", **settings: Any
) -> dict[str, Any]:
    """Render the pod of a stage, as the API server would get it."""
    folder = RunFolder(tmp_path / "run-1").path
    write_json(folder / "settings.json", {"market": market})
    container = ContainerSettings(
        **{"artifacts_mount": "rlpretrain-artifacts", "market_mount": "prices", **settings}
    )
    task = KubernetesTrainerOperator(
        task_id=stage,
        stage=stage,
        symbol="BTC-USD" if stage == "validate" else "",
        run_folder=str(folder),
        settings=PodSettings(container, namespace="airflow"),
    )
    instance = SimpleNamespace(dag_id="rl_pretraining", task_id=stage, map_index=-1, try_number=1)
    context: Any = {"ti": instance, "run_id": "scheduled__2026-01-05", "dag": SimpleNamespace()}
    rendered: dict[str, Any] = ApiClient().sanitize_for_serialization(
        task.build_pod_request_obj(context, dry_run=True)
    )
    return rendered


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("stage", "market", "settings"),
    [
        ("pretrain", "generated:", {}),
        ("transfer", "files:/opt/airflow/market", {"device": "cuda", "threads": "4"}),
        ("validate", "files:/opt/airflow/market", {"device": "cuda"}),
    ],
)
def test_the_pod_is_valid(
    tmp_path: Path, version: str, stage: str, market: str, settings: dict[str, str]
) -> None:
    kubernetes_validate.validate(pod(tmp_path, stage, market, **settings), version, strict=True)


def test_a_pod_can_do_nothing_but_its_work(tmp_path: Path) -> None:
    rendered = pod(tmp_path)
    spec, container = rendered["spec"], rendered["spec"]["containers"][0]
    assert len(spec["containers"]) == 1
    assert container["args"] == ["stage", "pretrain", "--run", "/artifacts/run-1"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == TRAINER_UID
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] == 12 * 3600
    assert not spec.get("hostNetwork")
    assert container["resources"]["limits"] == {"memory": "8Gi", "cpu": "2"}
    assert container["resources"]["limits"] == container["resources"]["requests"]
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {"/artifacts/run-1", "/tmp", "/dev/shm"}  # noqa: S108
    assert not [
        entry
        for entry in container["env"]
        if "SECRET" in entry["name"] or "URL" in entry["name"] or "valueFrom" in entry
    ]


def test_validation_reads_the_other_runs_and_takes_no_gpu(tmp_path: Path) -> None:
    container = pod(tmp_path, "validate", "files:/prices", device="cuda")["spec"]["containers"][0]
    assert container["args"][-2:] == ["--symbol", "BTC-USD"]
    assert {"name": "artifacts", "mountPath": "/artifacts", "readOnly": True} in container["volumeMounts"]
    assert {"name": "market", "mountPath": "/prices", "readOnly": True} in container["volumeMounts"]
    assert "nvidia.com/gpu" not in container["resources"]["limits"]


@pytest.mark.parametrize(("device", "gpus"), [("cuda", "1"), ("auto", None), ("cpu", None)])
def test_a_gpu_is_asked_for_where_it_is_demanded(tmp_path: Path, device: str, gpus: str | None) -> None:
    container = pod(tmp_path, device=device)["spec"]["containers"][0]
    assert container["resources"]["limits"].get("nvidia.com/gpu") == gpus


@pytest.mark.parametrize("claim", ["", "/var/artifacts", "Not_A_Name"])
def test_what_is_no_claim_is_refused(tmp_path: Path, claim: str) -> None:
    with pytest.raises(SettingsError, match="RLPRETRAIN_ARTIFACTS_MOUNT"):
        pod(tmp_path, artifacts_mount=claim)


def test_the_environment_sets_all_of_it() -> None:
    settings = PodSettings.from_environment(
        {
            "RLPRETRAIN_NAMESPACE": "trading",
            "RLPRETRAIN_ARTIFACTS_MOUNT": "runs",
            "RLPRETRAIN_TRAINER_MEMORY": "512m",
        }
    )
    assert (settings.namespace, settings.container.artifacts_mount) == ("trading", "runs")
    assert settings.resources("pretrain").limits["memory"] == "512Mi"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["network-policy.yaml", "volumes.yaml"])
def test_manifests_are_valid(name: str, version: str) -> None:
    documents = list(yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8")))
    assert documents
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)


def test_the_network_policy_closes_the_trainers_pods(tmp_path: Path) -> None:
    policy = yaml.safe_load((MANIFESTS / "network-policy.yaml").read_text(encoding="utf-8"))["spec"]
    labels = pod(tmp_path)["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert LABELS.items() <= labels.items()
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert policy["ingress"] == policy["egress"] == []


def values() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((MANIFESTS / "values.yaml").read_text(encoding="utf-8"))
    return loaded


def test_the_charts_values_make_a_deployment_that_can_run() -> None:
    environment = {entry["name"]: entry["value"] for entry in values()["env"]}
    config = load_config(environment=environment)
    assert config.trainer == "kubernetes"
    settings = PodSettings.from_environment(environment)
    claims = {
        document["metadata"]["name"]
        for document in yaml.safe_load_all((MANIFESTS / "volumes.yaml").read_text())
    }
    assert {settings.container.artifacts_mount, settings.container.market_mount} == claims
    mounted = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in values()["volumes"]}
    places = {mounted[mount["name"]]: mount["mountPath"] for mount in values()["volumeMounts"]}
    # Airflow's pods see the artifacts where the settings say, and the prices where the trainer's pod mounts them.
    assert places[settings.container.artifacts_mount] == str(config.output_dir)
    assert f"files:{places[settings.container.market_mount]}" == config.market
    assert values()["uid"] == values()["securityContexts"]["pod"]["runAsUser"] == TRAINER_UID


def test_the_charts_values_hold_no_secret() -> None:
    text = (MANIFESTS / "values.yaml").read_text(encoding="utf-8")
    assert "://" not in text
    assert "password:" not in text
    references = [name for name in values() if name.lower().endswith("secretname")]
    assert references == ["fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"]
    assert {"fernetKey", "jwtSecret", "apiSecretKey", "extraSecrets"}.isdisjoint(values())
    assert values()["webserver"]["defaultUser"]["enabled"] is False


def test_the_charts_pods_are_valid_with_our_volumes_and_limits() -> None:
    chart = values()
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "placeholder-name"},
        "spec": {
            "securityContext": chart["securityContexts"]["pod"],
            "volumes": chart["volumes"],
            "containers": [
                {
                    "name": "base",
                    "image": f"{chart['defaultAirflowRepository']}:{chart['defaultAirflowTag']}",
                    "env": chart["env"],
                    "volumeMounts": chart["volumeMounts"],
                    "resources": chart["workers"]["resources"],
                    "securityContext": chart["securityContexts"]["containers"],
                }
            ],
        },
    }
    for version in VERSIONS:
        kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["api-server", "--workers", "2"], "airflow api-server --workers 2"),
        (["airflow", "db", "migrate"], "airflow db migrate"),
        (["bash", "-c", "exec airflow scheduler"], "airflow scheduler"),
        (
            ["python", "-m", "airflow.sdk.execution_time.execute_workload"],
            "python -m airflow.sdk.execution_time.execute_workload",
        ),
    ],
)
def test_the_image_takes_what_compose_and_the_chart_give(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    for program in ("airflow", "python"):
        (tmp_path / program).write_text(f'#!/bin/sh\necho {program} "$@"\n')
        (tmp_path / program).chmod(0o755)
    finished = subprocess.run(
        [PROJECT / "docker" / "entrypoint", *arguments],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.strip() == expected
