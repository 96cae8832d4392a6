"""The trainer's pod as it is rendered: valid for Kubernetes' own schema, and no freer than the container."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import kubernetes_validate
import pytest
import yaml
from kubernetes.client import ApiClient

from rlpretrain.artifacts import RunFolder, write_json
from rlpretrain.deployment.container import TRAINER_UID, ContainerSettings
from rlpretrain.deployment.kubernetes_operator import KubernetesTrainerOperator
from rlpretrain.deployment.pod import LABELS, PodSettings
from rlpretrain.errors import SettingsError
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
