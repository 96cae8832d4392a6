"""The outlook as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rlpretrain.symphony.wording import counted_words
from rlpretrain.tonight.fragility import FragileRule
from rlpretrain.tonight.outlook import AgentDecision, Outlook
from rlpretrain.tonight.votes import AssetVote

__all__ = ["agent_words", "decision_words", "library_words", "outlook_lines", "rule_words", "vote_words"]

_ASSETS = 12
_NAMES = 3


def outlook_lines(found: Outlook) -> Iterator[str]:
    """Render an outlook: the agent first, then votes, near conditions, and what was rejected."""
    yield f"{found.run_id}, at the close of {found.as_of} ({found.market})"
    yield ""
    yield agent_words(found)
    yield from (f"  {one.asset:10} {decision_words(one)}" for one in found.decisions)
    yield ""
    yield library_words(found)
    yield from (f"  {vote.asset:10} {vote_words(vote)}" for vote in found.votes[:_ASSETS])
    if len(found.votes) > _ASSETS:
        yield f"  … and {counted_words(len(found.votes) - _ASSETS, 'more asset')}, see --json or --html"
    yield ""
    yield "nearest to turning"
    yield from (f"  {rule_words(rule)}" for rule in found.fragile)
    if not found.fragile:
        yield "  no voting strategy has a decision that could turn"
    yield ""
    yield "left out"
    for kind in found.rejected:
        yield f"  {kind.kind:12} {kind.count:>5,}  for example {kind.examples[0][0]}: {kind.examples[0][1]}"
    if not found.rejected:
        yield "  no symphony"


def agent_words(found: Outlook) -> str:
    """Return a sentence on whose decisions these are."""
    if not found.decisions:
        return "The run has no decisions of agents yet."
    version, role = found.decisions[0].version, found.decisions[0].role
    if version == found.champion:
        return f"The champion, version {version}, decides:"
    missing = (
        "There is no champion yet."
        if found.champion is None
        else f"Version {found.champion} became champion after this run; `rlpretrain act` asks it."
    )
    return f"{missing} The {role}, version {version}, would decide:"


def decision_words(one: AgentDecision) -> str:
    """Return one decision: the action, how sure it is, and the position."""
    others = ", ".join(
        f"{name} {value:.0%}"
        for name, value in (("hold", one.hold), ("buy", one.buy), ("sell", one.sell))
        if name != one.action
    )
    return f"{one.action:4} {one.sure:.0%} sure ({others}); {'long' if one.long else 'flat'} afterwards"


def library_words(found: Outlook) -> str:
    """Return a sentence on the strategies behind the votes."""
    return (
        f"{found.voting_now:,} strategies vote now, of {found.listed:,} listed and {found.strategies:,} replayed; "
        "near-identical ones count once in the votes below"
    )


def vote_words(vote: AssetVote) -> str:
    """Return the votes on one asset."""
    return (
        f"{vote.for_it:,} for, {vote.against:,} against ({vote.share:.0%}, {100 * vote.change:+.1f} points since the "
        f"close before, {vote.relative:+.1f} deviations of its year; worth {vote.independent:.1f} independent ones)"
    )


def rule_words(rule: FragileRule) -> str:
    """Return a rule, where it turns, and whose it is."""
    names = ", ".join(rule.strategies[:_NAMES])
    more = len(rule.strategies) - _NAMES
    return f"{rule.rule}: {rule.outcome}; {rule.margin:.2g} days' changes away; {names}" + (
        f" and {more} more" if more > 0 else ""
    )
