"""Pages by axe-core in both themes, and on a narrow screen: no serious finding, nothing cut off, no error."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import pytest

from tests.live.conftest import NAME

pytestmark = [pytest.mark.airflow, pytest.mark.slow]
Start = Callable[..., Any]
PAGES = {"runs": "/rlpretrain/", "run": f"/rlpretrain/runs/{NAME}?show=files"}
PACKAGE = "axe_playwright_python"
"""Carries axe-core."""


@pytest.fixture(scope="module")
def axe() -> str:
    if importlib.util.find_spec(PACKAGE) is None:
        pytest.skip(f"{PACKAGE} is not installed")
    return files(PACKAGE).joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_axe_finds_nothing_serious(visit: Start, axe: str, page: str, theme: str) -> None:
    with visit(theme=theme) as tab:
        opened = tab.open(PAGES[page])
        opened.evaluate(axe)
        found = opened.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
        serious = [
            (one["id"], one["help"], [node["target"] for node in one["nodes"][:3]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == []
        tab.picture(f"check-{page}-{theme}")
        assert tab.troubles == []


@pytest.mark.parametrize("page", PAGES)
def test_a_narrow_screen_shows_all_of_it(visit: Start, page: str) -> None:
    with visit(width=420) as tab:
        opened = tab.open(PAGES[page])
        tab.picture(f"check-{page}-narrow")
        assert opened.evaluate("document.documentElement.scrollWidth") <= 420
        pictures = opened.evaluate(
            "[...document.querySelectorAll('svg[role=img], img')].filter("
            "e => !(e.getAttribute('aria-label') || e.getAttribute('alt') || e.querySelector('title'))).length"
        )
        assert pictures == 0
        assert tab.troubles == []
