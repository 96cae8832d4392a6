"""Check the stored patterns before anything is learned from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path

from rlpretrain.artifacts import StageRecorder, write_json
from rlpretrain.errors import DataError
from rlpretrain.features import STATE_VERSION
from rlpretrain.patterns.quality import Expected, check_patterns
from rlpretrain.patterns.store import open_store
from rlpretrain.stages import library, mining
from rlpretrain.stages.context import StageContext

__all__ = ["FINDINGS", "STAGE", "read_warnings", "run"]

STAGE = "check"
FINDINGS = "pattern_checks.json"


def run(context: StageContext) -> Path:
    """Check the patterns and trades of this run; warnings go into the manifest and the report.

    Raises
    ------
    DataError
        A check failed; the message names every failure, with some of the rows. All findings are in
        ``pattern_checks.json``.
    """
    context.run_stage(STAGE, lambda recorder: _check(context, recorder), needs=[mining.STAGE])
    return context.run / f"{STAGE}.json"


def read_warnings(context: StageContext) -> tuple[str, ...] | None:
    """Read what was suspicious; None where the patterns were not checked."""
    checked = context.run.manifest(STAGE)
    return None if checked is None else tuple(checked.details["warnings"])


def _check(context: StageContext, recorder: StageRecorder) -> None:
    mined = context.run.require(mining.STAGE)
    with open_store(context.store_url) as store:
        findings = check_patterns(store, mined.details["extraction"], _expected(context))
    # Written first: a task that fails leaves what it found.
    write_json(recorder.output(FINDINGS), [asdict(finding) for finding in findings])
    failures = [str(finding) for finding in findings if finding.failed]
    warnings = [str(finding) for finding in findings if not finding.failed]
    for warning in warnings:
        context.progress(f"warning: {warning}")
    if failures:
        raise DataError(
            f"the stored patterns fail {len(failures)} checks:\n" + "\n".join(failures),
            hint=f"all findings: {context.run / FINDINGS}",
        )
    recorder.counts |= {"patterns": mined.counts["patterns"], "warnings": len(warnings)}
    recorder.details["warnings"] = warnings
    context.progress(f"{mined.counts['patterns']:,} patterns checked, {len(warnings)} warnings")


def _expected(context: StageContext) -> Expected:
    mined, listed = context.run.require(mining.STAGE), context.run.require(library.STAGE)
    first, last = (dt.date.fromisoformat(day) for day in mined.details["days"])
    return Expected(
        counts={**mined.details["store"], "patterns": int(mined.counts["patterns"])},
        first_day=first,
        last_day=last,
        # The embedded service lives on the prices' own days, the real one on today's.
        as_of=None if context.embedded else dt.date.fromisoformat(listed.details["as_of"]),
        state_version=STATE_VERSION,
    )
