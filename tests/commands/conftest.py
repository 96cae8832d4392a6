"""A market and symphonies as files, made by the tests."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlpretrain.cli import main
from tests.symphony import building as b

DAYS = b.weekdays(600, first=b.dt.date(2020, 6, 1))


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A provider with closes of SPY, AAA, BBB and CCC on 600 weekdays, in 2020, 2021 and 2022."""
    moves = np.random.default_rng(5).normal(0.0004, 0.01, (len(DAYS), 4))
    closes = 100.0 * np.exp(np.cumsum(moves, axis=0))
    folder = tmp_path_factory.mktemp("market")
    rows = [",".join([str(day), *map(repr, row)]) for day, row in zip(DAYS, closes.tolist(), strict=True)]
    (folder / "closes.csv").write_text("\n".join(["date,SPY,AAA,BBB,CCC", *rows]))
    return f"files:{folder}"


RULE: dict[str, Any] = b.root(
    b.when(
        ("relative-strength-index", {"window": 10}, "AAA"), "gt", 55,
        [b.specified(b.weighted(b.asset("BBB"), 60), b.weighted(b.asset("CCC"), 40))],
        [b.asset("AAA")],
    )
)  # fmt: skip


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """A file with a small symphony."""
    return write(tmp_path / "rule.json", RULE)


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def deep(levels: int) -> str:
    """JSON of a chain of groups that Python's own reader can neither read nor write."""
    start = '{"step":"group","name":"level","children":['
    body = start * levels + '{"step":"asset","ticker":"AAA"}' + "]}" * levels
    return f'{{"step":"root","name":"Deep","rebalance":"daily","children":[{body}]}}'


def answer(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> dict[str, Any]:
    assert main(["symphony", *map(str, arguments), "--json"]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=_refuse)
    return found


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")
