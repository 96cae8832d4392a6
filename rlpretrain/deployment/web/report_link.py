"""A button on the task that writes the report, which leads to the report's tab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from rlpretrain.deployment.web.places import report_tab

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

__all__ = ["ReportLink"]


class ReportLink(BaseOperatorLink):
    """A link for an operator's `operator_extra_links`; the address is stored when the task ends."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the report of the task's run."""
        return report_tab(ti_key.dag_id, ti_key.run_id)
