"""Which agents are followed day by day in the forward record."""

from __future__ import annotations

from typing import Literal

from rlpretrain.registry.records import ModelVersion
from rlpretrain.registry.registry import Registry

__all__ = ["NEWEST", "Role", "followed", "waiting"]

NEWEST = 10
"""Number of newest agents that are followed, whatever the rule decided on them."""

Role = Literal["champion", "challenger"]


def waiting(registry: Registry, own: int) -> list[ModelVersion]:
    """Return the agents that have won against the champion and wait to be promoted, the oldest first.

    Parameters
    ----------
    own
        Version of the run that asks; its agent is looked at as before the run promoted it, and later ones are left out.
    """
    champion = registry.champion(besides=registry.version(own).run_id)
    number = None if champion is None else champion.version
    found = []
    for version in registry.versions()[:own]:
        decision = registry.decision(version.version)
        if decision is not None and decision.champion == number:
            found += [version] if registry.standing(version.version) == "waiting" else []
    return found


def followed(registry: Registry, own: int) -> list[tuple[ModelVersion, Role]]:
    """Return the agents that a run follows: the champion, those that wait to be promoted, and the newest.

    A run that is repeated after others follows the same agents, unless there is another champion since. Of versions
    with the same agent's file, the newest is followed.

    Parameters
    ----------
    own
        Version of the run's own agent. It is a challenger still when the run has made it champion.
    """
    champion = registry.champion(besides=registry.version(own).run_id)
    newest = registry.versions()[:own][-NEWEST:]
    chosen = {version.agent_sha256: version for version in (*waiting(registry, own), *newest)}
    if champion is not None:
        chosen[champion.agent_sha256] = champion
    return [
        (version, "champion" if version == champion else "challenger")
        for version in sorted(chosen.values(), key=lambda version: version.version)
    ]
