"""The histories of a library's strategies, from the cache or from the service."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

from rlpretrain.composer import (
    AbsentEndpointError,
    ComposerClient,
    ComposerError,
    SymphonySummary,
    Verdict,
    VersionList,
    may_be_about_endpoint,
)
from rlpretrain.errors import SymphonyError
from rlpretrain.library.boundary import unforeseen_version
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

__all__ = [
    "PastVersion",
    "Remark",
    "StrategyHistory",
    "ask_history",
    "count_remarks",
    "find_histories",
    "known_history",
]


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
    return tuple(await asyncio.gather(*(ask_history(client, answers, row, now=now) for row in rows)))


def known_history(
    answers: VersionAnswers, row: SymphonySummary, *, now: dt.datetime
) -> StrategyHistory | None:
    """Return a strategy's history if no call is needed for it; the parameters are those of `find_histories`."""
    refusal = answers.refusal(row.symphony_id)
    if refusal is not None:
        return _without_versions(answers, row, Remark("no versions", refusal))
    listed = answers.versions(row)
    if listed is None:
        return None
    placed, remarks = place_versions(listed, now)
    trees: list[VersionTree] = []
    for one in placed:
        tree = _known_tree(answers, row.symphony_id, one)
        if tree is None:
            return None
        trees.append(tree)
    return _joined(answers, row, listed, placed, trees, remarks)


async def ask_history(
    client: ComposerClient, answers: VersionAnswers, row: SymphonySummary, *, now: dt.datetime
) -> StrategyHistory:
    """Find a strategy's history, and ask for what is not known; see `find_histories`."""
    known = await asyncio.to_thread(known_history, answers, row, now=now)
    if known is not None:
        return known
    listed = answers.versions(row)
    if listed is None:
        try:
            listed = await client.list_symphony_versions(row.symphony_id)
        except ComposerError as error:
            remark = _failure(error, "no versions")
            if remark.kind == "no versions" and not may_be_about_endpoint(error):
                answers.keep_refusal(row.symphony_id, remark.text)
            return _without_versions(answers, row, remark)
        answers.keep_versions(row, listed)
    placed, remarks = place_versions(listed, now)
    trees = await asyncio.gather(*(_tree(client, answers, row.symphony_id, one) for one in placed))
    return _joined(answers, row, listed, placed, trees, remarks)


def _without_versions(answers: VersionAnswers, row: SymphonySummary, remark: Remark) -> StrategyHistory:
    return StrategyHistory(row.symphony_id, remarks=(*_unread_edit(answers, row), remark))


def _unread_edit(answers: VersionAnswers, row: SymphonySummary) -> tuple[Remark, ...]:
    edit = answers.last_edit(row.symphony_id)
    return () if edit is None else tuple(Remark("last edit unreadable", text) for text in edit.remarks)


def _joined(
    answers: VersionAnswers,
    row: SymphonySummary,
    listed: VersionList,
    placed: Sequence[PlacedVersion],
    trees: Sequence[VersionTree],
    remarks: tuple[Remark, ...],
) -> StrategyHistory:
    if not listed.versions and not listed.unreadable:
        remarks = (Remark("no versions", f"{row.symphony_id}: the list of its versions is empty"),)
    edit = answers.last_edit(row.symphony_id)
    if edit is not None and edit.at is not None:
        remarks = (*remarks, *remark_last_edit(placed, edit.at))
    by_version = {one.version.version_id: tree for one, tree in zip(placed, trees, strict=True)}
    return build_history(row.symphony_id, placed, by_version, (*_unread_edit(answers, row), *remarks))


def _known_tree(answers: VersionAnswers, symphony_id: str, placed: PlacedVersion) -> VersionTree | None:
    version_id = placed.version.version_id
    stored = answers.tree(symphony_id, version_id)
    if stored is not None:
        try:
            return _checked(answers, symphony_id, version_id, stored)
        except DamagedError:
            return None  # it has been removed, and is fetched again
    refusal = answers.refusal(symphony_id, version_id)
    return None if refusal is None else VersionTree(remark=Remark("no tree", refusal))


async def _tree(
    client: ComposerClient, answers: VersionAnswers, symphony_id: str, placed: PlacedVersion
) -> VersionTree:
    known = await asyncio.to_thread(_known_tree, answers, symphony_id, placed)
    if known is not None:
        return known
    version_id = placed.version.version_id
    try:
        document = await client.get_symphony_version(symphony_id, version_id)
    except ComposerError as error:
        remark = _failure(error, "no tree")
        if remark.kind == "no tree" and not may_be_about_endpoint(error):
            answers.keep_refusal(symphony_id, remark.text, version_id)
        return VersionTree(remark=remark)
    return await asyncio.to_thread(_kept, answers, symphony_id, version_id, document)


def _kept(
    answers: VersionAnswers, symphony_id: str, version_id: str, document: dict[str, Any]
) -> VersionTree:
    return _checked(answers, symphony_id, version_id, answers.keep_tree(symphony_id, version_id, document))


def _checked(answers: VersionAnswers, symphony_id: str, version_id: str, tree: str) -> VersionTree:
    try:
        return VersionTree(tree, answers.content_hash(tree))
    except SymphonyError as error:
        return VersionTree(tree, remark=Remark("not parsed", f"{symphony_id} {version_id}: {error}"))
    except Exception as error:
        return VersionTree(
            tree, remark=unforeseen_version(symphony_id, version_id, "its tree was read", error)
        )


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
