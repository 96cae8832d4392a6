"""All checks of one extraction, in one reading transaction."""

from __future__ import annotations

from rlpretrain.patterns.quality import row_rules, set_rules
from rlpretrain.patterns.quality.findings import Expected, Finding
from rlpretrain.patterns.store import PatternStore, identities, schema
from rlpretrain.patterns.store.connection import reading
from rlpretrain.patterns.store.contents import find_content, require_content
from rlpretrain.patterns.store.revisions import visible

__all__ = ["check_patterns"]

_SMALL = {"voters": "voters_count", "rejects": "rejects_count"}


def check_patterns(store: PatternStore, extraction: str, expected: Expected) -> tuple[Finding, ...]:
    """Check an extraction's patterns and trades.

    The database does the counting; only the states are transferred, once.

    Parameters
    ----------
    store
        Postgres or SQLite.
    extraction
        Digest that `PatternStore.add_run` returned.
    expected
        What the run that wrote them recorded.

    Returns
    -------
    tuple of Finding
        Failures first; empty if there is nothing to report.

    Raises
    ------
    DataError
        There is no such extraction, or its patterns were never completely written, or are archived.
    """
    findings: list[Finding] = []
    with reading(store.engine) as connection:
        number = identities.extraction_id(connection, extraction)
        require_content(connection, extraction, "patterns")
        rules = {"patterns": row_rules.pattern_rules(expected), "trades": row_rules.trade_rules(expected)}
        for table in (schema.patterns, schema.trades):
            content = find_content(connection, number, table.name)
            if content is None:
                findings += set_rules.counted(None, table.name, 0, expected)
                continue
            conditions = visible(table, content.collection, content.revision)
            rows, broken = row_rules.broken(connection, table, rules[table.name], conditions)
            findings += broken
            findings += set_rules.counted(content, table.name, rows, expected)
            findings += set_rules.duplicates(connection, table, conditions)
            findings += set_rules.revisions(connection, table, content.collection)
            if table is schema.patterns and rows:
                findings += set_rules.feature_version(connection, content.collection, expected)
                findings += set_rules.unfinite_states(connection, conditions)
                findings += set_rules.one_sided(connection, conditions, rows)
                findings += set_rules.volume(connection, content.collection, number, rows)
    small = store.counts(extraction)
    findings += [
        Finding(
            check, True, 0, f"{small[kind]:,} rows are stored, but the run recorded {expected.counts[kind]:,}"
        )
        for kind, check in _SMALL.items()
        if small[kind] != expected.counts[kind]
    ]
    return tuple(sorted(findings, key=lambda finding: not finding.failed))
