from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.patterns.strategies.version_records import VersionRecord, VersionRecords
from tests.analysis.planted_versions import planted_versions

VERSIONS = planted_versions(3, 2, days=600)


def equal(first: VersionRecord, second: VersionRecord) -> bool:
    return all(np.array_equal(getattr(first, f.name), getattr(second, f.name)) for f in fields(VersionRecord))


def test_before_a_day_only_earlier_days_and_versions_are_known() -> None:
    """Whatever comes later: the versions, their ends and their days."""
    for day in (VERSIONS.records[0].dates[0], VERSIONS.records[1].first_close, np.datetime64("2014-01-01")):
        known = VERSIONS.before(day)
        expected = [record for record in VERSIONS.records if record.first_close < day]
        assert [record.version_id for record in known.records] == [record.version_id for record in expected]
        for record, whole in zip(known.records, expected, strict=True):
            assert (record.dates < day).all()
            assert np.array_equal(record.returns, whole.returns[: len(record.dates)])
            assert record.until is None or record.until < day
    assert all(
        equal(a, b)
        for a, b in zip(VERSIONS.before(np.datetime64("2100-01-01")).records, VERSIONS.records, strict=True)
    )


def test_files_give_back_what_was_saved(tmp_path: Path) -> None:
    VERSIONS.save(tmp_path / "versions.npz")
    found = VersionRecords.load(tmp_path / "versions.npz")
    assert len(found) == len(VERSIONS)
    assert all(equal(a, b) for a, b in zip(found.records, VERSIONS.records, strict=True))
    joined = VersionRecords.concatenate([found, found])
    assert len(joined) == 2 * len(VERSIONS)


def test_columns_that_differ_in_length_are_refused() -> None:
    record = VERSIONS.records[0]
    with pytest.raises(DataError, match="version v0 of s000: its columns differ in length"):
        replace(record, returns=record.returns[:-1])


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="contains no records of versions"):
        VersionRecords.load(tmp_path / "other.npz")
