"""The service of a run: what the settings choose, and what they may change."""

from __future__ import annotations

import asyncio

import pytest

from rlpretrain.composer import BudgetSpentError
from rlpretrain.composer.settings import LibrarySettings
from rlpretrain.library.service import has_versions, open_service
from rlpretrain.market import load_market
from rlpretrain.settings import PretrainingConfig


def test_a_budget_ends_a_task_that_may_go_on_later() -> None:
    settings = LibrarySettings(composer_url="embedded:latency=2s", composer_budget=0.2)

    async def ask() -> None:
        async with open_service(settings, load_market("generated:years=6", seed=3)) as client:
            await client.search_symphonies()

    with pytest.raises(BudgetSpentError, match=r"budget of 0\.2 s .* search_symphonies 0 of 1") as caught:
        asyncio.run(ask())
    assert caught.value.retryable


@pytest.mark.parametrize("section", [LibrarySettings, PretrainingConfig])
def test_the_way_to_the_service_changes_no_result(section: type[LibrarySettings]) -> None:
    plain = section()
    changed = section(composer_concurrency=2, composer_timeout=5, composer_tries=3, composer_budget=None)
    assert plain.digest() == changed.digest()
    assert plain.digest() != section(search_where=[">", "num_node_if", 0]).digest()
    assert "unseen" not in repr(section(composer_url="https://unseen.example/mcp"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("embedded", True),
        ("embedded:transport=mcp", False),
        ("embedded:url=http://composer:8000", True),
        ("rest+https://composer.example", True),
        ("https://composer.example/mcp", False),
        ("stdio:serve", False),
    ],
)
def test_rest_alone_can_have_versions(url: str, expected: bool) -> None:
    assert has_versions(LibrarySettings(composer_url=url)) == expected
