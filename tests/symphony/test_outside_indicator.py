"""docs/extending.md: an installed package adds the indicator that the page shows, and nothing else is needed."""

import json
import os
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from rlpretrain.symphony.indicator_function import IndicatorFunction
from tests.examples.documents import PROJECT, blocks

PAGE = PROJECT / "docs" / "extending.md"


def block(kind, said):
    (found,) = [block.text for block in blocks(PAGE) if block.kind == kind and said in block.text]
    return found


@pytest.fixture
def site(tmp_path):
    """A folder with the page's package, as an installer leaves it."""
    (tmp_path / "my_indicators.py").write_text(block("python", "IndicatorFunction("), encoding="utf-8")
    groups = tomllib.loads(block("toml", "rlpretrain.indicators"))["project"]["entry-points"]
    metadata = tmp_path / "my_indicators-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-indicators\nVersion: 1.0\n")
    points = groups["rlpretrain.indicators"].items()
    lines = ["[rlpretrain.indicators]", *(f"{name} = {value}" for name, value in points)]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def run(*arguments, path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300)


def test_the_page_s_function_by_hand():
    module = {}
    exec(compile(block("python", "IndicatorFunction("), "docs/extending.md", "exec"), module)  # noqa: S102
    row = module["STOCHASTIC"]
    assert isinstance(row, IndicatorFunction)
    nan = np.nan
    closes = np.array([10.0, 12.0, 11.0, 13.0, 12.0, 11.0, 11.0, 11.0])
    expected = [nan, nan, 50.0, 100.0, 50.0, 0.0, 0.0, 50.0]
    np.testing.assert_allclose(row.compute(closes, 3), expected)
    assert np.isnan(row.compute(closes[:2], 3)).all()


def test_an_installed_package_s_indicator_is_used_everywhere(site):
    done = run("-m", "tests.symphony.outside_indicator", path=(PROJECT, site))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # From the third close: 50, 100, 50, 0, 100.
    above = [False, True, False, False, True]
    assert found["held"] == [[float(held), float(not held)] for held in above]
    assert found["drawn"] == [
        "root",
        "└─ if stochastic(3) of AAA > 80",
        "   ├─ then",
        "   │  └─ AAA",
        "   └─ else",
        "      └─ BIL",
    ]
    assert found["reasons"] == [
        ["stochastic(3) of AAA > 80 holds -> momentum 1.00"],
        ["stochastic(3) of AAA > 80 fails -> momentum 1.00"],
    ]


def test_an_installed_package_s_row_is_walked_like_the_others(site):
    walked = ("tests/symphony/test_indicators.py", "tests/symphony/test_evidence_rules.py")
    done = run(
        "-m", "pytest", "-q", "-k", "stochastic", "-p", "no:cacheprovider", *walked, path=(PROJECT, site)
    )
    assert done.returncode == 0, done.stdout


def test_without_the_package_the_document_is_refused():
    done = run("-m", "tests.symphony.outside_indicator", path=(PROJECT,))
    assert done.returncode != 0
    assert "'stochastic', which is not a known function" in done.stderr
