"""Speed of the pattern store compared with raw COPY and execute_values: ``python -m benchmarks.store [--rows N]``.

Everything runs in one process on one temporary PostgreSQL server, with durable commits; the measurements use the same
rows and take turns. Raw means that the bytes are encoded beforehand, or discarded without decoding. Raw COPY is
measured twice, into a table with the same columns and nothing else, and into one with the same primary key and
constraints. The peak memory of streaming is measured in separate processes.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psycopg2
from psycopg2.extras import execute_values

from rlpretrain.patterns import REGIMES, PatternSet, pattern_keys
from rlpretrain.patterns.store import PatternStore, bulk, open_store, rows, schema
from rlpretrain.patterns.store.binary_copy import RowsFile
from rlpretrain.symphony.evidence import CATEGORIES
from tests.postgres import temporary_postgres

ASSETS = tuple(f"ASSET{i:02d}" for i in range(50))
BY_ROW = 20_000
"""Rows for execute_values: its speed does not depend on their number."""
COMPARED = (
    ("write", "raw_write_same_table"),
    ("write", "raw_write_no_constraints"),
    ("write", "execute_values"),
    ("upsert_all_changed", "raw_write_same_table"),
    ("upsert_all_changed", "execute_values_upsert"),
    ("read", "raw_read"),
    ("stream", "raw_read"),
)
FIRST = np.datetime64("2005-01-03", "D")


def main() -> None:
    """Run all measurements, or the part that a separate process runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stream", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stream:
        print(json.dumps(stream(*options.stream, options.rows)))
        return
    with temporary_postgres("max_wal_size=8GB", "shared_buffers=512MB") as server:
        figures = {"rows": options.rows, "rounds": options.rounds, **measure(server, options)}
        json.dump(figures, sys.stdout, indent=1)
        print()


def measure(server: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure writing and reading in turns; return medians over the rounds."""
    patterns = PatternSet.concatenate(list(night(options.rows)))
    seconds: dict[str, list[float]] = {}
    for round_number in range(options.rounds):
        url = database(server, f"round{round_number}")
        with open_store(url) as store:
            for name, spent in one_round(store, url, patterns):
                seconds.setdefault(name, []).append(spent)
                print(f"{round_number} {name}: {spent:.3g} s", file=sys.stderr)
    speed = {
        name: median(spent) if name.endswith("seconds") else options.rows / median(spent)
        for name, spent in seconds.items()
    }
    # Ratios are within a round, because the other load on the machine changes from round to round.
    ratios = {
        f"{name}_of_{other}": median(b / a for a, b in zip(seconds[name], seconds[other], strict=True))
        for name, other in COMPARED
    }
    return {
        "rows_per_second": {name: round(value) for name, value in speed.items() if "seconds" not in name},
        "seconds": {name: round(value, 2) for name, value in speed.items() if "seconds" in name},
        "ratios": {name: round(value, 2) for name, value in ratios.items()},
        "streaming": [
            json.loads(own_process(database(server, f"stream{size}"), way, size))
            for size in (options.rows // 4, options.rows)
            for way in ("write", "read")
        ],
    }


def one_round(store: PatternStore, url: str, patterns: PatternSet) -> Iterator[tuple[str, float]]:
    """Measure everything once on a new database."""
    table, count = schema.patterns, len(patterns)
    connection = psycopg2.connect(url)
    cursor = connection.cursor()
    chunks = encoded(patterns)
    for name, like in (("no_constraints", ""), ("same_table", " INCLUDING ALL")):
        cursor.execute(f"CREATE TABLE raw_{name} (LIKE {table.name}{like})")
        connection.commit()
        yield f"raw_write_{name}", timed(lambda name=name: copy_in(connection, f"raw_{name}", chunks))
    extraction = store.add_run("first", {"market": 1})
    yield "write", timed(lambda: store.add_patterns(extraction, patterns))
    yield "raw_read", timed(lambda: copy_out(connection, table.name))
    yield "read", timed(lambda: store.patterns(extraction))
    yield "stream", timed(lambda: sum(len(part) for part in store.stream_patterns(extraction)))
    yield "rerun_same_run_seconds", timed(lambda: store.add_patterns(extraction, patterns))
    again = store.add_run("again", {"market": 2})
    yield "next_night_nothing_changed_seconds", timed(lambda: store.add_patterns(again, patterns))
    third = store.add_run("one in a hundred", {"market": 3})
    some = np.arange(count) % 100 == 0
    touched = replace(patterns, reward=patterns.reward + some)
    yield "next_night_1_percent_changed_seconds", timed(lambda: store.add_patterns(third, touched))
    fourth = store.add_run("all", {"market": 4})
    changed = replace(patterns, reward=patterns.reward + 1)
    yield "upsert_all_changed", timed(lambda: store.add_patterns(fourth, changed))
    few = by_row(patterns, min(BY_ROW, count))
    cursor.execute(f"CREATE TABLE by_row (LIKE {table.name} INCLUDING ALL)")
    connection.commit()
    for name in ("execute_values", "execute_values_upsert"):
        spent = timed(lambda: insert_values(connection, few))
        yield name, spent * count / len(few)
    connection.close()


def encoded(patterns: PatternSet) -> list[bytes]:
    """Encode the rows as the store does, in its chunks."""
    ids = {symbol: i + 1 for i, symbol in enumerate(ASSETS)}
    parts = []
    for start in range(0, len(patterns), bulk.ROWS):
        part = patterns.take(np.arange(start, min(start + bulk.ROWS, len(patterns))))
        fixed = {"collection_id": 1, "since": 1, "until": schema.CURRENT}
        columns = rows.pattern_columns(part, lambda _: ids) | {
            name: np.full(len(part), value, dtype=np.int32) for name, value in fixed.items()
        }
        file = RowsFile(list(schema.patterns.columns), columns)
        parts.append(b"".join(iter(file.read, b"")))
    return parts


def copy_in(connection: Any, table: str, chunks: list[bytes]) -> None:
    """COPY bytes, one transaction for each chunk."""
    cursor = connection.cursor()
    for chunk in chunks:
        cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", io.BytesIO(chunk), size=1 << 20)
        connection.commit()


def by_row(patterns: PatternSet, count: int) -> list[tuple[Any, ...]]:
    """Return the first rows as the tuples that execute_values takes."""
    part = patterns.take(np.arange(count))
    columns = rows.pattern_columns(part, lambda symbols: {symbol: i for i, symbol in enumerate(symbols)})
    fixed = {"collection_id": 1, "since": 1, "until": schema.CURRENT}
    values = []
    for column in schema.patterns.columns:
        if column.name in fixed:
            values.append([fixed[column.name]] * count)
        elif column.name == "state":
            values.append([psycopg2.Binary(state.tobytes()) for state in columns["state"]])
        else:
            values.append(columns[column.name].tolist())
    return list(zip(*values, strict=True))


def insert_values(connection: Any, values: list[tuple[Any, ...]]) -> None:
    """Upsert rows with execute_values."""
    key = [column.name for column in schema.patterns.primary_key]
    rest = [column.name for column in schema.patterns.columns if column.name not in key]
    update = ", ".join(f"{name} = excluded.{name}" for name in rest)
    statement = f"INSERT INTO by_row VALUES %s ON CONFLICT ({', '.join(key)}) DO UPDATE SET {update}"  # noqa: S608
    execute_values(connection.cursor(), statement, values, page_size=1_000)
    connection.commit()


def night(count: int, seed: int = 1) -> Iterator[PatternSet]:
    """Generate patterns of every kind, in parts of whole days."""
    a_day = 2 * len(ASSETS)
    for start in range(0, count, 200 * a_day):
        rng = np.random.default_rng([seed, start])
        row = np.arange(start, min(start + 200 * a_day, count))
        n = len(row)
        date, asset, in_position = (
            FIRST + row // a_day,
            np.array(ASSETS)[row // 2 % len(ASSETS)],
            row % 2 == 1,
        )
        label, scores = rng.random((n, 3), dtype=np.float32), rng.random((n, 4), dtype=np.float32)
        yield PatternSet(
            key=pattern_keys(asset, date, in_position),
            asset=asset,
            date=date,
            in_position=in_position,
            action=label.argmax(axis=1).astype(np.int8),
            label=label,
            state=rng.standard_normal((n, 64), dtype=np.float32),
            supporters=rng.integers(0, 1_000, n).astype(np.int32),
            dissenters=rng.integers(0, 1_000, n).astype(np.int32),
            category=np.array(CATEGORIES)[scores.argmax(axis=1)],
            category_scores=scores,
            regime=np.array(REGIMES)[rng.integers(0, 4, n)],
            confidence=rng.random(n, dtype=np.float32),
            strategy_weight=rng.random(n, dtype=np.float32) + np.float32(0.1),
            reward=rng.standard_normal(n, dtype=np.float32),
            value=rng.standard_normal(n, dtype=np.float32),
            settled=date + rng.integers(1, 20, n),
        )


def stream(url: str, way: str, count: int) -> dict[str, Any]:
    """Write or read in parts; return the peak memory before and after, in MB."""
    with open_store(url) as store:
        extraction = store.add_run("stream", {"market": 1})
        before = peak_memory()
        seconds = timed(
            lambda: (
                store.add_patterns(extraction, night(count))
                if way == "write"
                else sum(len(part) for part in store.stream_patterns(extraction))
            )
        )
    return {"rows": count, "way": way, "seconds": round(seconds, 2), "peak_memory_mb_before": before,
            "peak_memory_mb": peak_memory()}  # fmt: skip


def own_process(url: str, way: str, count: int) -> str:
    """Run `stream` in a separate process."""
    command = [sys.executable, "-m", "benchmarks.store", "--stream", url, way, "--rows", str(count)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def database(server: str, name: str) -> str:
    """Create a database unless it exists; return its URL."""
    connection = psycopg2.connect(f"{server}/postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    return f"{server}/{name}"


def copy_out(connection: Any, table: str) -> None:
    """COPY a table's bytes to nowhere."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no path
        connection.cursor().copy_expert(f"COPY {table} TO STDOUT (FORMAT binary)", nowhere)
    connection.commit()


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that `work` took."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_memory() -> int:
    """Return the peak memory of this process, MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024


if __name__ == "__main__":
    main()
