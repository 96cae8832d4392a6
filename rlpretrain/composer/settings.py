"""Settings of Composer's service and of the library that a run takes from it."""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import field_validator

from rlpretrain.sections import Section, deployment_setting, run_setting

__all__ = [
    "AnswerSettings",
    "CatalogueSettings",
    "ChunkSettings",
    "FetchSettings",
    "HistorySettings",
    "LibrarySettings",
    "ServiceSettings",
    "SourceSettings",
]


class CatalogueSettings(Section):
    """What the embedded server serves."""

    catalogue: str = run_setting(
        "generated:knowing=0.125",
        "Library",
        "What the embedded server serves: 'generated:[size=N,knowing=SHARE]' or a folder of symphony files.",
        title="Catalogue",
        examples=["generated:knowing=0.125", "generated:", "generated:size=200", "/data/symphonies"],
    )


class ServiceSettings(CatalogueSettings):
    """Where the service is and how it is called."""

    composer_url: str = deployment_setting(
        "embedded",
        "'embedded[:OPTION=VALUE,...]', 'rest+https://...', 'https://...' of an MCP server, or 'stdio:COMMAND'.",
        min_length=1,
        repr=False,
    )
    composer_concurrency: int = deployment_setting(
        8, "Maximum number of calls to Composer at once.", ge=1, le=64
    )
    composer_page_concurrency: int = deployment_setting(
        24,
        "Maximum number of pages of Composer's listing at once; they cost the service little.",
        ge=1,
        le=64,
    )
    composer_timeout: float = deployment_setting(
        60.0, "Seconds after which one try of a call is abandoned.", gt=0, le=3600
    )
    composer_tries: int = deployment_setting(8, "Maximum number of tries of one call.", ge=1, le=100)
    composer_budget: float | None = deployment_setting(
        3600.0, "Seconds for all calls of one task; no limit if empty.", gt=0, le=604_800
    )


class AnswerSettings(Section):
    """How long cached answers of the service remain valid."""

    backtest_max_age_days: int = run_setting(
        30,
        "Library",
        "Days after which the service's backtest of an unchanged symphony is requested again.",
        title="Maximum age of a backtest, days",
        ge=0,
        le=3_650,
    )
    refresh: bool = run_setting(
        False,
        "Library",
        "Whether to fetch and replay everything again, ignoring the cache of earlier runs, and to download all prices.",
        title="Fetch everything again",
    )
    cache_days: int = deployment_setting(
        30,
        "Days after which files that no run used are removed from the cache of the extraction.",
        ge=2,
        le=3_650,
    )


class FetchSettings(ServiceSettings, AnswerSettings):
    """How the service is called, and when cached answers replace a call."""


class HistorySettings(Section):
    """Which version of a strategy votes on a day."""

    history: Literal["point_in_time", "last_version"] = run_setting(
        "point_in_time",
        "Library",
        "Version of a strategy that votes on a day: the one that existed at that day's close, where the service lists "
        "versions, or today's on all days, which its author may have edited with those days in sight.",
        title="Version that votes",
        choices={"point_in_time": "the one that existed then", "last_version": "today's, on all days"},
    )


class SourceSettings(FetchSettings, HistorySettings):
    """How what is known of a symphony is fetched: its tree, its backtest and, if they vote, its versions."""


class LibrarySettings(FetchSettings):
    """Which strategies a run takes."""

    max_strategies: int = run_setting(
        100,
        "Library",
        "Maximum number of strategies to take from the library.",
        title="Maximum number of strategies",
        ge=1,
        le=50_000,
    )
    search_where: list[Any] = run_setting(
        [],
        "Library",
        'HoneySQL condition that the search applies, as JSON: [">", "num_node_if", 0]; all symphonies if empty.',
        title="Search condition",
    )
    search_order: list[Any] = run_setting(
        [],
        "Library",
        'HoneySQL order of the search, as JSON: [["name", "asc"]]; longest time since the last edit first if empty.',
        title="Search order",
    )

    @field_validator("search_where", "search_order")
    @classmethod
    def _is_json(cls, value: list[Any]) -> list[Any]:
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"must be JSON: {error}") from None
        return value


class ChunkSettings(Section):
    """How the library is split among parallel tasks."""

    chunk_size: int = run_setting(
        50,
        "Library",
        "Strategies that one extraction task handles.",
        title="Strategies per task",
        ge=1,
        le=1_000,
    )
