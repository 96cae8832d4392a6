"""Where the pages are, and how they are registered with Airflow; light, because every Airflow process imports it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote, urlsplit

from airflow.configuration import conf

__all__ = ["DAG_ID", "PREFIX", "LazyPages", "external_views", "report_tab", "task_page"]

DAG_ID = "rl_pretraining"
"""Users who may read the runs of this DAG may see the pages."""
PREFIX = "/rlpretrain"
"""Path under which the app is mounted; not one of Airflow's own."""
_NAV, _TAB = "rlpretrain", "rlpretrain-report"
"""Last parts of the addresses that Airflow's UI gives the two views."""

_Message = MutableMapping[str, Any]


def _root() -> str:
    """Return the path under which Airflow is served, without a slash at its end."""
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")


def external_views() -> list[dict[str, Any]]:
    """Describe the views that Airflow's UI embeds: a page in the navigation, and a tab of each run."""
    return [
        {
            "name": "Pre-training",
            "href": f"{_root()}{PREFIX}/",
            "destination": "nav",
            "nav_top_level": True,
            "url_route": _NAV,
            "icon": f"{_root()}{PREFIX}/static/icon.svg",
            "icon_dark_mode": f"{_root()}{PREFIX}/static/icon-dark.svg",
        },
        {
            "name": "Report",
            "href": f"{_root()}{PREFIX}/dags/{{DAG_ID}}/runs/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": _TAB,
            "icon": f"{_root()}{PREFIX}/static/icon.svg",
            "icon_dark_mode": f"{_root()}{PREFIX}/static/icon-dark.svg",
        },
    ]


def report_tab(dag_id: str, run_id: str) -> str:
    """Return the address of a run's report in Airflow's UI."""
    return f"{_root()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}/plugin/{_TAB}"


def task_page(run_id: str, task_id: str, map_index: int) -> str:
    """Return the address of a task of a run in Airflow's UI, with its log."""
    mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
    return f"{_root()}/dags/{DAG_ID}/runs/{quote(run_id, safe='')}/tasks/{quote(task_id, safe='')}{mapped}"


class LazyPages:
    """The pages as an ASGI app that is created at the first request.

    Creating it imports FastAPI, Airflow's models and numpy, which a task that merely reads the plugin must not pay for.
    """

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        from rlpretrain.deployment.web.app import pages

        await pages()(scope, receive, send)
