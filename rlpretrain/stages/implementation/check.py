"""Check the stored patterns before anything is learned from them."""

from __future__ import annotations

from dataclasses import asdict

from rlpretrain.errors import DataError
from rlpretrain.features import STATE_VERSION
from rlpretrain.patterns.quality import Expected, check_patterns
from rlpretrain.patterns.settings import StoreSettings
from rlpretrain.patterns.store import open_store
from rlpretrain.runs.files import write_json
from rlpretrain.stages.check import FINDINGS, Checked
from rlpretrain.stages.implementation.store import store_url
from rlpretrain.stages.list import LIST
from rlpretrain.stages.mine import MINE
from rlpretrain.stages.work import Work

__all__ = ["check"]


def check(work: Work[StoreSettings]) -> Checked:
    """Check the patterns and trades of this run; warnings go into the manifest and the report.

    Raises
    ------
    DataError
        A check failed; the message names every failure, with some of the rows. All findings are in
        ``pattern_checks.json``.
    """
    mined = work.result(MINE)
    with open_store(store_url(work.settings, work.folder)) as store:
        findings = check_patterns(store, mined.extraction, _expected(work))
    # These are written first: a task that fails leaves its findings.
    write_json(work.write(FINDINGS), [asdict(finding) for finding in findings])
    failures = [str(finding) for finding in findings if finding.failed]
    warnings = [str(finding) for finding in findings if not finding.failed]
    for warning in warnings:
        work.progress(f"warning: {warning}")
    if failures:
        raise DataError(
            f"the stored patterns fail {len(failures)} checks:\n" + "\n".join(failures),
            hint=f"all findings are in {work.folder / FINDINGS}",
        )
    work.progress(f"{mined.patterns:,} patterns checked, {len(warnings)} warnings")
    return Checked(patterns=mined.patterns, warnings=warnings)


def _expected(work: Work[StoreSettings]) -> Expected:
    mined, listed = work.result(MINE), work.result(LIST)
    return Expected(
        counts={**mined.stored, "patterns": mined.patterns},
        first_day=mined.first_day,
        last_day=mined.last_day,
        # The embedded service's present day is that of the prices; the real service's is today.
        as_of=None if listed.service == "embedded" else listed.as_of,
        state_version=STATE_VERSION,
    )
