"""Count the library's votes, mine and store its patterns, and write the data sets."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from rlpretrain.features import STATE_VERSION, market_context
from rlpretrain.features.asset import CASH_VOLATILITY
from rlpretrain.market import Dates, Floats, PricePanel
from rlpretrain.market.windows import Windows
from rlpretrain.patterns import (
    ACTIONS,
    AGREES,
    Electorate,
    PatternSet,
    Reject,
    StrategyRecord,
    TradeTable,
    VotePanel,
    mine_patterns,
    select_voters,
    tally_votes,
)
from rlpretrain.patterns.settings import ElectorateSettings
from rlpretrain.patterns.store import open_store
from rlpretrain.patterns.strategies.shrinkage import weights_in_force
from rlpretrain.patterns.teaching.advice import Advice
from rlpretrain.patterns.teaching.teachers import teach
from rlpretrain.patterns.voting.electorate import MIN_ELECTORATE
from rlpretrain.patterns.voting.library_sums import KNOWN_FOR
from rlpretrain.patterns.voting.most_voted import rank_by_votes, yearly_volatility
from rlpretrain.patterns.voting.near_duplicates import quarter_starts
from rlpretrain.patterns.voting.quarter_voters import QuarterVoters
from rlpretrain.pretraining.dataset import build_datasets, write_dataset
from rlpretrain.runs.files import write_json
from rlpretrain.stages.extract import EXTRACT
from rlpretrain.stages.implementation.extract import chunk_files, read_records, read_versions
from rlpretrain.stages.implementation.market import listed_market, windows_of
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.list import LEFT_OUT, LIST
from rlpretrain.stages.mine import (
    ADVICE,
    CARD,
    REASONS,
    REJECTS,
    REMARKS,
    VOTES,
    Mined,
    MineSettings,
    PatternSettings,
)
from rlpretrain.stages.work import Work
from rlpretrain.validation.chosen_assets import MOST_ASSETS

__all__ = ["elect", "mine", "quarters", "split_late_edits", "standing_on"]


def mine(work: Work[MineSettings]) -> Mined:
    """Mine the patterns of all chunks."""
    settings, panel = work.settings, listed_market(work)
    windows = windows_of(panel, settings)
    files = [chunk_files(chunk) for chunk in work.results(EXTRACT)]
    library = read_records(work)
    trades = TradeTable.concatenate([TradeTable.load(work.read(EXTRACT, f["trades"])) for f in files])
    rejects = [Reject(**row) for f in files for row in work.read_json(EXTRACT, f["rejects"])]
    rejects += [Reject(**row) for row in work.read_json(LIST, LEFT_OUT)]
    others, late = split_late_edits(library.records, windows.test_start)
    if settings.allow_late_edits:
        others, late = list(library.records), []
    electorate = elect(others, settings, windows.validation_start)
    rejects += [
        Reject(record.symphony_id, "hindsight", f"last edited {record.last_edit}, in the test window "
               f"from {windows.test_start}")
        for record in late
    ]  # fmt: skip
    work.progress(f"{len(electorate.voters)} of {len(library)} strategies vote")
    weights = _weights(work, electorate, panel, windows) if settings.shrink_standing else None
    tally = tally_votes(electorate.voters, panel, electorate.admitted, weights)
    taught = teach(tally, panel, settings, validation_start=windows.validation_start)
    context = market_context(panel, settings.regimes)
    patterns = mine_patterns(tally, panel, settings, context=context, taught=taught)
    own, related = _voted_assets(tally.votes)
    work.progress(
        f"{len(patterns)} patterns mined; {own} assets have votes, {related} more have votes on related assets alone"
    )

    identity = {
        "library": sorted(_behind(record) for record in library.records),
        "agreement": _agreement_digest(library.records),
        "market": panel.digest,
        "settings": settings.part(PatternSettings).digest(),
        "source": work.result(LIST).source,
        "state_version": STATE_VERSION,
    }
    with open_store(store_url(settings, work.folder)) as store:
        extraction = store.add_run(work.run_id, identity)
        store.add_strategies(library.records)
        store.add_fidelities(extraction, library.records)
        store.add_electorate(extraction, electorate)
        store.add_rejects(extraction, rejects)
        store.add_trades(extraction, trades)
        store.add_patterns(extraction, patterns)
        stored = store.counts(extraction)

    train, validation, card = build_datasets(
        patterns, windows, min_confidence=settings.min_confidence, expected_values=taught.expects
    )
    card["teacher"] = {"name": settings.teacher, **taught.summary}
    for part, data in (("train", train), ("validation", validation)):
        write_dataset(work.write(f"datasets/{part}.{settings.dataset_format}"), data)
    write_json(work.write(CARD), card)
    tally.votes.save(work.write(VOTES))
    Advice.of(taught, tally.votes, panel).save(work.write(ADVICE))
    all_rejects = [*rejects, *electorate.rejects]
    write_json(work.write(REJECTS), _as_json(all_rejects))
    incomplete = [
        Reject(record.symphony_id, "replay", remark)
        for record in electorate.voters
        for remark in record.remarks
    ]
    write_json(work.write(REMARKS), _as_json([*electorate.remarks, *incomplete]))
    write_json(work.write(REASONS), _reasons(library.records))
    return Mined(
        strategies=len(library),
        agree=sum(record.fidelity_status == AGREES for record in library.records),
        voters=len(electorate.voters),
        rejected=len(all_rejects),
        trades=len(trades),
        patterns=len(patterns),
        assets_with_votes=own,
        assets_with_related_votes=related,
        extraction=extraction,
        stored=stored,
        first_day=panel.dates[0].astype(object),
        last_day=panel.dates[-1].astype(object),
        windows={name: dt.date.fromisoformat(day) for name, day in windows.as_json().items()},
        actions=dict(zip(ACTIONS, np.bincount(patterns.action, minlength=3).tolist(), strict=True)),
        categories=_counted(patterns.category),
        regimes=_counted(patterns.regime),
        training_assets=_training_assets(patterns, panel, windows.validation_start, settings),
        most_voted=rank_by_votes(
            tally.votes, panel, validation_start=windows.validation_start, test_start=windows.test_start
        )[:MOST_ASSETS],
        clean_from=_clean_from(electorate.voters, panel),
        standing=standing_on(electorate, quarters(panel)),
    )


def _weights(
    work: Work[MineSettings], electorate: Electorate, panel: PricePanel, windows: Windows
) -> Sequence[Floats]:
    """Compute what each voter's standing is multiplied by, at the run's reviews."""
    return weights_in_force(
        electorate.voters, read_versions(work), quarters(panel), validation_start=windows.validation_start
    )


def _reasons(records: Sequence[StrategyRecord]) -> dict[str, Mapping[str, Sequence[str]]]:
    """Return the reasons for the categories of each tree, by its content hash."""
    found: dict[str, Mapping[str, Sequence[str]]] = {}
    for record in records:
        if not record.versions:
            found[record.content_hash] = record.reasons
        for version in record.versions:
            if version.content_hash is not None and version.holdings:
                found[version.content_hash] = version.reasons
    return found


def _voted_assets(votes: VotePanel) -> tuple[int, int]:
    """Count the assets that enough strategies can hold, and those that only votes on related assets are about."""
    own = (votes.eligible >= MIN_ELECTORATE).any(axis=0)
    related = (votes.related >= MIN_ELECTORATE).any(axis=0)
    return int(own.sum()), int((related & ~own).sum())


def _as_json(rejects: Sequence[Reject]) -> list[dict[str, str]]:
    """Return the rejects as JSON values, ordered by symphony and stage."""
    return [asdict(reject) for reject in sorted(rejects, key=lambda r: (r.symphony_id, r.stage))]


def _behind(record: StrategyRecord) -> tuple[str, str, list[list[str]]]:
    """Return what a strategy's decisions depend on, and the names of its versions, which the store keeps."""
    versions = [[str(version.first_close), version.version_id] for version in record.versions]
    return record.content_hash, str(record.last_edit), versions


def _agreement_digest(records: Sequence[StrategyRecord]) -> str:
    """Hash which replays agreed with the service, and when: patterns depend on it."""
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda r: (r.content_hash, r.symphony_id)):
        digest.update(record.agreement.tobytes())
    return digest.hexdigest()


def split_late_edits(
    records: Sequence[StrategyRecord], start: np.datetime64
) -> tuple[list[StrategyRecord], list[StrategyRecord]]:
    """Separate strategies edited since `start`, whose authors knew those days, from all others; return others, late.

    A strategy whose versions are known decides on no day by what was written later.
    """
    late = [
        record
        for record in records
        if not record.versions and record.last_edit is not None and record.last_edit >= start
    ]
    names = {record.symphony_id for record in late}
    return [record for record in records if record.symphony_id not in names], late


def elect(
    records: Sequence[StrategyRecord], settings: ElectorateSettings, validation_start: np.datetime64
) -> Electorate:
    """Select the voters among some strategies, by the run's settings."""
    return select_voters(
        records,
        validation_start=validation_start,
        min_sharpe=settings.min_performance_threshold,
        max_correlation=settings.max_correlation,
    )


def _counted(names: np.ndarray[Any, Any]) -> dict[str, int]:
    values, counts = np.unique(names, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _training_assets(
    patterns: PatternSet, panel: PricePanel, start: np.datetime64, settings: MineSettings
) -> list[str]:
    """Choose the assets with the most pre-training patterns, ties by name; later windows have no influence.

    Cash-like assets are skipped: a trade there costs more than months of price changes, so there is nothing to time.
    """
    counts = _counted(
        patterns.asset[(patterns.date < start) & (patterns.confidence >= settings.min_confidence)]
    )
    moving = [asset for asset in counts if yearly_volatility(panel, asset, start) >= CASH_VOLATILITY]
    ranked = sorted(moving, key=lambda asset: (-counts[asset], asset))
    return sorted(ranked[: settings.max_training_assets])


def _clean_from(voters: Sequence[StrategyRecord], panel: PricePanel) -> dt.date | None:
    """Return the first day that no voter's author can have known; see `Mined.clean_from`."""
    edits = [voter.last_edit for voter in voters if not voter.versions]
    known = [edit for edit in edits if edit is not None]
    if len(known) < len(edits):
        return None
    first = max(known) + 1 if known else panel.dates[0]
    return dt.date.fromisoformat(str(first))


def quarters(panel: PricePanel) -> Dates:
    """Return the first session of each quarter."""
    sessions = panel.dates[panel.sessions]
    return sessions[quarter_starts(sessions, sessions[-1] + 1)]


def standing_on(electorate: Electorate, days: Dates) -> list[QuarterVoters]:
    """Count the strategies that vote at the closes of some days."""
    counts = {kind: np.zeros(len(days), np.intp) for kind in (True, False)}
    for voter, admitted in zip(electorate.voters, electorate.admitted, strict=True):
        last = np.searchsorted(voter.dates, days, side="right") - 1
        decided = np.maximum(last, 0)
        in_force = (last >= 0) & (days - voter.dates[decided] <= KNOWN_FOR)
        counts[bool(voter.versions)] += in_force & admitted[decided]
    return [
        QuarterVoters(day=dt.date.fromisoformat(str(day)), point_in_time=int(then), last_version=int(last))
        for day, then, last in zip(days, counts[True], counts[False], strict=True)
    ]
