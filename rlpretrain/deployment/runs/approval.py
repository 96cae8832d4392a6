"""Ask for approval before a challenger that has won becomes champion."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowSkipException

from rlpretrain.registry import Registry
from rlpretrain.registry.followed import waiting

if TYPE_CHECKING:
    from airflow.sdk import Context

    from rlpretrain.registry import Decision, ModelVersion

__all__ = ["PromotionApproval"]

PATIENCE = timedelta(hours=8)
"""Less than the time between two nights: a waiting run delays the next one."""

_REASON = "The reason, which is recorded with the decision."


class PromotionApproval(ApprovalOperator):
    """Wait, without occupying a worker, until a user approves or rejects the promotion of a run's agent.

    Where the rule keeps the champion, the task is skipped without asking. The answer is recorded in the registry with
    the user's name and reason. If there is no answer within eight hours, nothing is promoted and nothing is recorded:
    the agent keeps waiting, and ``rlpretrain models promote`` can still make it champion.

    Parameters
    ----------
    run_folder
        Folder of the run. (templated)
    """

    template_fields = ("run_folder", *ApprovalOperator.template_fields)

    def __init__(self, *, run_folder: str, **kwargs: Any) -> None:
        self.run_folder = run_folder
        # The form asks only for this, not for the settings of the run, which Airflow passes here too.
        kwargs["params"] = {"reason": Param("", type="string", description=_REASON, source="task")}
        super().__init__(
            subject="Promote the agent of {{ run_id }} to champion?",
            defaults=self.REJECT,
            response_timeout=PATIENCE,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Show what the rule read, and wait.

        Raises
        ------
        AirflowSkipException
            The rule keeps the champion, or the agent is champion already, and no approved agent of an earlier run
            waits for its live record.
        """
        registry, version, decision = self._asked()
        if self._approved_earlier(registry, version):
            # An agent that waited for its live record may be promoted, whatever became of this one.
            return None
        if not decision.promote:
            raise AirflowSkipException(f"No approval is needed: {decision.reasons[-1]}")
        if registry.approval(version.version) is not None:
            return None  # an earlier try was answered before it failed
        if registry.standing(version.version) != "waiting":
            raise AirflowSkipException(
                f"No approval is needed: the agent's standing is '{registry.standing(version.version)}'."
            )
        self.body = _body(version, decision, Path(self.run_folder) / "report.html")
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Record the answer, then continue or skip the tasks that follow."""
        person = event.get("responded_by_user")
        if person is not None:
            registry, version, _ = self._asked()
            registry.answer(
                version.version,
                approved=event["chosen_options"] == [self.APPROVE],
                by=person["name"] if isinstance(person, dict) else person.name,
                reason=(event.get("params_input") or {}).get("reason") or "",
            )
        return super().execute_complete(context, event)

    def _approved_earlier(self, registry: Registry, version: ModelVersion) -> bool:
        """Return whether nothing is to be asked about this agent, but an earlier one is approved and waits."""
        if registry.standing(version.version) == "waiting" and registry.approval(version.version) is None:
            return False
        earlier = [one.version for one in waiting(registry, version.version) if one != version]
        return any(registry.approval(one) is not None for one in earlier)

    def _asked(self) -> tuple[Registry, ModelVersion, Decision]:
        folder = Path(self.run_folder)
        registry = Registry(folder.parent)
        version = registry.version_of_run(folder.name)
        decision = None if version is None else registry.decision(version.version)
        if version is None or decision is None:
            raise AirflowSkipException(f"{folder} has registered no agent.")
        return registry, version, decision


def _body(version: ModelVersion, decision: Decision, report: Path) -> str:
    against = "no champion" if decision.champion is None else f"champion version {decision.champion}"
    tried = f"rule {decision.rule}, challenger number {decision.trials}"
    figures = [
        f"| {name} | {figure:+.5g} |"
        for name, figure in {**version.figures, **decision.figures}.items()
        if isinstance(figure, int | float)
    ]
    return "\n".join(
        [
            f"Version {version.version}, against {against}; {tried}.",
            "",
            *(f"- {reason}" for reason in decision.reasons),
            f"- Report: `{report}`",
            "",
            "| figure | value |",
            "|---|---|",
            *figures,
        ]
    )
