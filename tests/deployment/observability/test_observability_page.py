"""What docs/observability.md and the files it names say is so."""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path

import yaml

from rlpretrain.deployment.observability.lineage import FLOWS
from rlpretrain.deployment.observability.metrics import METRICS
from rlpretrain.patterns.quality import row_rules, set_rules
from tests.conftest import PROJECT
from tests.deployment.observability.metrics_table import END, START, metrics_table

PAGE = (PROJECT / "docs/observability.md").read_text(encoding="utf-8")


def test_the_table_of_metrics_is_the_programs() -> None:
    assert PAGE.partition(START)[2].partition(END)[0] == metrics_table()


def test_the_table_of_assets_is_the_programs() -> None:
    for task_id, (inlets, outlets) in FLOWS.items():
        for column, assets in ((3, inlets), (2, outlets)):
            for asset in assets:
                (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{asset.uri}`")]
                assert f"`{task_id}`" in row.split("|")[column]


def test_every_check_is_named() -> None:
    code = "".join(Path(module.__file__ or "").read_text() for module in (row_rules, set_rules))
    checks = set(re.findall(r'RowRule\(\s*"(\w+)"', code)) | set(re.findall(r'Finding\("(\w+)"', code))
    checks |= {"identity", "revisions", "unfinished", "share_of_asset", "patterns_count"}
    assert len(checks) > 20
    assert [check for check in checks if f"`{check}`" not in PAGE] == []


def test_prometheus_tells_all_metrics_apart() -> None:
    mappings = yaml.safe_load((PROJECT / "docker/statsd-mapping.yaml").read_text())["mappings"]
    found: dict[str, str] = {}
    for name in (f"airflow.rlpretrain.{name}" for names in METRICS.values() for name in names):
        rule = next(
            one for one in mappings if fnmatch.fnmatch(name, one["match"]) and same_length(name, one["match"])
        )
        parts = [
            part for part, star in zip(name.split("."), rule["match"].split("."), strict=True) if star == "*"
        ]
        text = f"{rule['name']} {rule.get('labels', {})}"
        for i, part in enumerate(parts, start=1):
            text = text.replace(f"${{{i}}}", part).replace(f"${i}", part)
        assert "$" not in text
        found[name] = text
    assert len(set(found.values())) == len(found)
    assert found["airflow.rlpretrain.rejects.fidelity"] == "rlpretrain_rejects {'reason': 'fidelity'}"


def same_length(name: str, pattern: str) -> bool:
    return name.count(".") == pattern.count(".")


def test_compose_sends_the_metrics_of_every_airflow_service() -> None:
    base = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())["services"]
    added = yaml.safe_load((PROJECT / "docker-compose.metrics.yaml").read_text())["services"]
    ours = {
        name for name, service in base.items() if "AIRFLOW__CORE__EXECUTOR" in service.get("environment", {})
    }
    assert ours - {"init", "composer"} <= set(added)
    assert set(added) - set(base) == {"statsd"}
    assert all(port.startswith("127.0.0.1:") for port in added["statsd"]["ports"])
