"""Write the night's decisions into the forward record before their outcome exists, and settle earlier ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlpretrain.record import ForwardRecord, live_figures, open_record, outcomes
from rlpretrain.record.entries import subject_of
from rlpretrain.record.forward_record import record_url, utc_now
from rlpretrain.record.timing import why_late
from rlpretrain.runs.files import write_json
from rlpretrain.stages.decide import DECIDE, DECISIONS
from rlpretrain.stages.implementation.market import listed_market
from rlpretrain.stages.seal import LIVE_RECORD, Sealed, SealSettings
from rlpretrain.stages.work import Work

__all__ = ["seal"]

_Facts = Mapping[str, Any]


def seal(work: Work[SealSettings]) -> Sealed:
    """Settle what has an outcome, then append the decisions that are in time; repeating this adds nothing.

    Decisions on a generated market are never recorded: its future is known to whoever has its seed.
    """
    document = work.read_json(DECIDE, DECISIONS)
    made = [facts for facts in document["facts"] if facts["kind"] == "decision"]
    with open_record(record_url(work.settings, work.output_dir)) as chain:
        late = _late_on_generated(made) if document["generated"] else _extend(work, chain, document["facts"])
        entries = chain.entries()
    for reason in sorted(set(late)):
        work.progress(f"not recorded: {reason}")
    if entries:
        work.progress(f"forward record: {len(entries)} entries, the last with hash {entries[-1].hash}")
    agents = [one.as_json() for one in live_figures(entries)]
    write_json(work.write(LIVE_RECORD), {"agents": agents})
    subjects = {entry.subject for entry in entries}
    champion = next((one for one in agents if one["role"] == "champion"), None)
    return Sealed(
        decisions=sum(subject_of(facts) in subjects for facts in made),
        late=len(late),
        outcomes=sum(entry.facts["kind"] == "outcome" for entry in entries),
        champion_days=0 if champion is None else champion["days"],
        champion_p_value=None if champion is None or not champion["drift"] else champion["drift"]["p_value"],
    )


def _late_on_generated(made: Sequence[_Facts]) -> list[str]:
    return ["the market is generated, and its future is known" for _ in made]


def _extend(work: Work[SealSettings], chain: ForwardRecord, facts: Sequence[_Facts]) -> list[str]:
    """Append outcomes, then the decisions that are in time with the backtests of their agents.

    Returns
    -------
    list
        For each decision that is not in the record, the reason.
    """
    known = chain.entries()
    subjects, now = {entry.subject for entry in known}, utc_now()
    new = [one for one in facts if one["kind"] == "decision" and subject_of(one) not in subjects]
    reasons = {subject_of(one): why_late(one, now) for one in new}
    in_time = [one for one in new if not reasons[subject_of(one)]]
    deciding = {(one["agent"], one["symbol"]) for one in in_time}
    backtests = [
        one for one in facts if one["kind"] == "backtest" and (one["agent"], one["symbol"]) in deciding
    ]
    settled = outcomes(known, listed_market(work), now) if known else []
    appended = chain.append([*settled, *backtests, *in_time])
    return [*filter(None, reasons.values()), *appended.late]
