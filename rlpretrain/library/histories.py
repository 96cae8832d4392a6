"""The histories of a library's strategies, from the cache or from the service."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence

from rlpretrain.composer import AbsentEndpointError, ComposerClient, ComposerError, SymphonySummary, Verdict
from rlpretrain.errors import SymphonyError
from rlpretrain.library.history import (
    PastVersion,
    PlacedVersion,
    Remark,
    RemarkKind,
    StrategyHistory,
    VersionTree,
    build_history,
    count_remarks,
    place_versions,
    remark_last_edit,
)
from rlpretrain.library.version_answers import VersionAnswers
from rlpretrain.runs.cache import DamagedError

__all__ = ["PastVersion", "Remark", "StrategyHistory", "count_remarks", "find_histories"]


async def find_histories(
    client: ComposerClient, answers: VersionAnswers, rows: Sequence[SymphonySummary], *, now: dt.datetime
) -> tuple[StrategyHistory, ...]:
    """Find the history of each strategy, in their order.

    Where the service has no versions, a history is empty and a remark says why: the caller then knows today's tree and
    the last edit alone.

    Parameters
    ----------
    client
        An open client.
    answers
        Earlier answers of the service.
    rows
        The listed symphonies.
    now
        Time of the run, in UTC; later versions are rejected.

    Raises
    ------
    ComposerError
        The service rejects every call, or the budget is spent.
    """
    return tuple(await asyncio.gather(*(_find(client, answers, row, now) for row in rows)))


async def _find(
    client: ComposerClient, answers: VersionAnswers, row: SymphonySummary, now: dt.datetime
) -> StrategyHistory:
    edit = answers.last_edit(row.symphony_id)
    unread = () if edit is None else tuple(Remark("last edit unreadable", text) for text in edit.remarks)
    listed = answers.versions(row)
    if listed is None:
        try:
            listed = await client.list_symphony_versions(row.symphony_id)
        except ComposerError as error:
            return StrategyHistory(row.symphony_id, remarks=(*unread, _failure(error, "no versions")))
        answers.keep_versions(row, listed)
    placed, remarks = place_versions(listed, now)
    if not listed.versions and not listed.unreadable:
        remarks = (Remark("no versions", f"{row.symphony_id}: the list of its versions is empty"),)
    if edit is not None and edit.at is not None:
        remarks = (*remarks, *remark_last_edit(placed, edit.at))
    trees = await asyncio.gather(*(_tree(client, answers, row.symphony_id, one) for one in placed))
    by_version = {one.version.version_id: tree for one, tree in zip(placed, trees, strict=True)}
    return build_history(row.symphony_id, placed, by_version, (*unread, *remarks))


async def _tree(
    client: ComposerClient, answers: VersionAnswers, symphony_id: str, placed: PlacedVersion
) -> VersionTree:
    version_id = placed.version.version_id
    stored = answers.tree(symphony_id, version_id)
    if stored is not None:
        try:
            return _checked(answers, symphony_id, version_id, stored)
        except DamagedError:
            pass  # it has been removed, and is fetched again
    refusal = answers.refusal(symphony_id, version_id)
    if refusal is not None:
        return VersionTree(remark=Remark("no tree", refusal))
    try:
        document = await client.get_symphony_version(symphony_id, version_id)
    except ComposerError as error:
        remark = _failure(error, "no tree")
        if remark.kind == "no tree":
            answers.keep_refusal(symphony_id, version_id, remark.text)
        return VersionTree(remark=remark)
    return _checked(answers, symphony_id, version_id, answers.keep_tree(symphony_id, version_id, document))


def _checked(answers: VersionAnswers, symphony_id: str, version_id: str, tree: str) -> VersionTree:
    try:
        return VersionTree(tree, answers.content_hash(tree))
    except SymphonyError as error:
        return VersionTree(tree, remark=Remark("not parsed", f"{symphony_id} {version_id}: {error}"))


def _failure(error: ComposerError, rejected: RemarkKind) -> Remark:
    """Return what a failed call means for a history.

    Raises
    ------
    ComposerError
        It means that no call can succeed.
    """
    if error.verdict is Verdict.STOP:
        raise error
    if isinstance(error, AbsentEndpointError):
        return Remark("not offered", str(error))
    return Remark("unanswered" if error.verdict is Verdict.RETRY else rejected, str(error))
