"""The interactive page: complete, self-contained, and without an error in a browser where there is one."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from rlpretrain.analysis import PatternAnalyzer
from rlpretrain.analysis.decay_words import TRAITS
from rlpretrain.analysis.interactive import write_interactive_page
from tests.analysis.planted import changed, plain_set
from tests.analysis.planted_versions import planted_versions

CHARTS = (
    "map",
    "rewards",
    "matrix",
    "lasting",
    "ages",
    "decay",
    "fifths",
    "reliability",
    "importance",
    "correlation",
    "timeline",
)
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Elements(HTMLParser):
    """Collect the attributes of every element."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def patterns():
    """Two assets, so that each cell has enough on both sides of the split."""
    made, _ = plain_set(n=2_000, days=400)
    return changed(made, asset=np.where(made.asset < "A05", "SPY", "TLT"))


@pytest.fixture(scope="module")
def page(patterns, tmp_path_factory):
    folder = tmp_path_factory.mktemp("interactive")
    analysis = PatternAnalyzer().analyze_patterns(patterns, versions=planted_versions())
    return analysis, write_interactive_page(analysis, folder / "page.html")


def embedded(text: str) -> dict:
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1))


def test_it_needs_nothing_from_elsewhere_and_is_small(page) -> None:
    text = page[1].read_text()
    elements = Elements()
    elements.feed(text)
    for tag, attributes in elements.found:
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:"), (tag, attributes)
    assert "@import" not in text and "fetch(" not in text
    assert len(text) < 5_000_000


def test_the_charts_draw_what_was_found(page, patterns) -> None:
    analysis, path = page
    data = embedded(path.read_text())
    assert len(data["map"]["x"]) == len(patterns)
    assert sum(cell["all"]["rows"] for cell in data["cells"]) == len(patterns)
    assert data["features"] == analysis.to_json()["importance"]["features"]
    assert set(data["groups"]) == {group.dimension for group in analysis.statistics.groups}
    assert len(data["correlation"]["values"]) == len(analysis.correlation)
    assert len(data["versions"]) == analysis.decay.counts.judged
    assert [trait["trait"] for trait in data["traits"]] == list(TRAITS)


def test_what_was_promised_and_what_others_found_is_on_the_page(page) -> None:
    text = page[1].read_text()
    assert "Versions promised" in text and "Not measured here: Wiecki" in text and "rank correlation" in text


def test_a_page_without_versions_says_so(patterns, tmp_path) -> None:
    analysis = PatternAnalyzer().analyze_patterns(patterns)
    text = write_interactive_page(analysis, tmp_path / "page.html").read_text()
    assert "no versions of strategies were given" in text and "Not measured here" not in text
    assert embedded(text)["versions"] == []


def test_names_cannot_break_out_of_the_page(page, tmp_path) -> None:
    hostile = "</script><b>A"
    assignments = page[0].assignments.assign(asset=hostile)
    path = write_interactive_page(
        page[0].model_copy(update={"assignments": assignments}), tmp_path / "page.html"
    )
    assert hostile not in path.read_text()
    assert set(embedded(path.read_text())["map"]["asset"]) == {hostile}


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize("one_pattern", [False, True])
def test_a_browser_draws_every_chart_without_an_error(one_pattern, page, patterns, tmp_path) -> None:
    path = page[1]
    if one_pattern:
        analysis = PatternAnalyzer().analyze_patterns(patterns.take(slice(0, 1)))
        path = write_interactive_page(analysis, tmp_path / "page.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *options, "--virtual-time-budget=2000", profile, path.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    for chart in CHARTS:
        drawn = re.search(rf'<div id="{chart}">(<svg|<p>)', done.stdout)
        assert drawn, chart
        assert one_pattern or drawn.group(1) == "<svg", chart
