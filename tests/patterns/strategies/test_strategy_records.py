from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from rlpretrain.errors import DataError
from rlpretrain.patterns import ChunkRecords, StrategyRecord
from tests.patterns.building import FAITHFUL, record_of, weekdays


def _equal(a: StrategyRecord, b: StrategyRecord) -> bool:
    pairs = [(getattr(a, f.name), getattr(b, f.name)) for f in fields(StrategyRecord)]
    return all(
        np.array_equal(x, y, equal_nan=isinstance(x, np.ndarray) and x.dtype == np.float16) for x, y in pairs
    )


def test_packing_keeps_holdings_and_rounds_categories_to_255ths() -> None:
    rng = np.random.default_rng(0)
    held = rng.random((50, 11)) < 0.3
    scores = rng.random((50, 11, 4))
    record = record_of("a", weekdays(50), dict.fromkeys("abcdefghijk", [0] * 50))
    record = StrategyRecord.pack(
        held=held,
        categories=scores,
        returns=rng.normal(size=50),
        **{
            f.name: getattr(record, f.name)
            for f in fields(record)
            if f.name not in ("held_bits", "category_codes", "returns")
        },
    )
    assert np.array_equal(record.held(), held)
    unpacked = record.categories()
    assert np.allclose(unpacked[held], scores[held] / scores[held].sum(axis=1, keepdims=True), atol=0.01)
    assert np.allclose(unpacked[held].sum(axis=1), 1.0)
    assert (unpacked[~held] == 0).all()
    assert record.held_bits.nbytes == 50 * 2


def test_a_holding_without_reasons_has_equal_scores() -> None:
    dates = weekdays(3)
    record = StrategyRecord.pack(
        held=np.ones((3, 1), dtype=bool),
        categories=np.zeros((3, 1, 4)),
        returns=np.zeros(3),
        symphony_id="a",
        content_hash="h",
        name="a",
        last_edit=None,
        bars_per_year=252,
        holdings=("A",),
        reasons={},
        dates=dates,
        agreement=np.zeros(3, dtype=np.int8),
        fidelity=FAITHFUL,
        margin=np.array([0.0, 2.5, np.nan], np.float32),
        noise_margin=np.array([0.0, 1e9, np.inf], np.float32),
        nearest_rule="",
        remarks=(),
    )
    assert record.margin[:2].tolist() == [0.0, 2.5]
    assert np.isnan(record.margin[2])
    assert record.noise_margin.tolist() == [0.0, np.inf, np.inf]
    assert np.allclose(record.categories(), 0.25)


def test_files_give_back_what_was_saved(tmp_path: Path, chunk: ChunkRecords) -> None:
    odd = record_of(
        "odd",
        weekdays(4),
        {"A": [0, 1, 1, 0]},
        name="\ud800 \0 <b>'",
        last_edit=np.datetime64("2021-05-04"),
        agreement=np.array([0, 0, 1, -1], dtype=np.int8),
        nearest_rule="RSI(10) of SPY > 79",
        remarks=("root/asset[0]: no prices of X; 3 of 7 days need them and are left out, in cash",),
        fidelity=replace(FAITHFUL, correlation=None, equal_holdings=0.75),
    )
    records = ChunkRecords((*chunk.records, odd))
    records.save(tmp_path / "a.npz")
    records.save(tmp_path / "b.npz")
    loaded = ChunkRecords.load(tmp_path / "a.npz")
    assert len(loaded) == len(records)
    assert all(_equal(a, b) for a, b in zip(records.records, loaded.records, strict=True))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert len(ChunkRecords.concatenate([loaded, loaded])) == 2 * len(records)


def test_a_library_stays_small(tmp_path: Path, library) -> None:
    ChunkRecords(library.records).save(tmp_path / "all.npz")
    size = (tmp_path / "all.npz").stat().st_size
    days = sum(len(record.dates) for record in library.records)
    assert size < 12 * days, "bytes for each strategy and day"


def test_what_is_no_record_is_refused(tmp_path: Path) -> None:
    for name, content in (("empty.npz", b""), ("text.npz", b"hello")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=name):
            ChunkRecords.load(tmp_path / name)
    with pytest.raises(DataError, match=r"none\.npz"):
        ChunkRecords.load(tmp_path / "none.npz")
    np.savez(tmp_path / "objects.npz", records=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="objects"):
        ChunkRecords.load(tmp_path / "objects.npz")


def test_replaying_gives_the_holdings_and_returns_of_the_engine(library) -> None:
    for record in library.records[:20]:
        assert record.dates.shape == record.returns.shape
        assert record.returns[0] == 0.0
        assert record.held().any(axis=1).mean() > 0.9, "symphonies can't hold cash but in empty nodes"
