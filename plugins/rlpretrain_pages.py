"""Register the pages of `rlpretrain.deployment.web` with Airflow's UI."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from rlpretrain.deployment.web.places import PREFIX, LazyPages, external_views


class PretrainingPages(AirflowPlugin):
    """The page in the navigation, the report's tab, and the app that serves both."""

    name = "rlpretrain_pages"
    fastapi_apps = [{"app": LazyPages(), "url_prefix": PREFIX, "name": "Pre-training"}]  # noqa: RUF012
    external_views = external_views()
