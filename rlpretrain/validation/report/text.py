"""The plain-text report."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from rlpretrain.validation.report.data import ReportData
from rlpretrain.validation.report.day_groups import day_groups_tables
from rlpretrain.validation.report.evidence_tables import (
    asset_tables,
    contaminated_tables,
    primary_table,
    windows_table,
)
from rlpretrain.validation.report.executions import execution_tables
from rlpretrain.validation.report.further_tests import further_tests
from rlpretrain.validation.report.pipeline_tables import pipeline_tables, settings_table
from rlpretrain.validation.report.rule_gains import rule_gains_table
from rlpretrain.validation.report.table import Table, clean

__all__ = ["WIDTH", "data_sentences", "text_report"]

WIDTH = 100
_GAP = "  "
_NARROWEST = 12


def text_report(data: ReportData) -> str:
    """Write the report as plain text, at most 100 columns wide."""
    lines = [clean(f"Validation of run {data.run_id}"), "=" * WIDTH, ""]
    lines += _verdict(data)
    if data.assets:
        if data.verdict is not None:
            lines += _table(primary_table(data.verdict, data.assets))
            if data.verdict.rule_gains:
                lines += _table(rule_gains_table(data.verdict, data.assets))
            for table in (*day_groups_tables(data.verdict), *execution_tables(data.verdict)):
                lines += _table(table)
            lines += [*_heading("Further tests"), *_bullets(further_tests(data.verdict, data.assets)), ""]
        lines += _table(windows_table(data.assets))
    if data.verdict is not None:
        lines += [*_heading("What the evidence cannot show"), *_bullets(data.verdict.cautions), ""]
    for asset in data.assets:
        lines += ["=" * WIDTH, asset.symbol, "=" * WIDTH, ""]
        for table in (*asset_tables(asset), *contaminated_tables(asset)):
            lines += _table(table)
    if data.windows is not None or data.market is not None:
        lines += [*_heading("Data"), *_bullets(data_sentences(data)), ""]
    for table in pipeline_tables(data):
        lines += _table(table)
    if data.settings:
        lines += _table(settings_table(data))
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def _verdict(data: ReportData) -> list[str]:
    if data.verdict is None:
        return ["Nothing was validated, so this report shows no effect.", ""]
    lines = [f"{data.verdict.headline.upper()}.", "", *_bullets(data.verdict.sentences), ""]
    if data.decision is not None:
        word = "PROMOTED" if data.decision.promoted else "NOT PROMOTED"
        lines += [f"Registry: {word}.", *_bullets(data.decision.reasons), ""]
    return lines


def data_sentences(data: ReportData) -> list[str]:
    """Return sentences on the source of the prices and the split of time."""
    sentences = []
    if data.market is not None:
        sentences.append(f"Prices: {data.market}.")
    if data.windows is not None:
        windows = data.windows
        sentences.append(
            f"The pre-training window starts on {windows.start}, the validation window on "
            f"{windows.validation_start}, and the test window runs from {windows.test_start} to {windows.end}. "
            "Only the validate stage reads the test window."
        )
        if windows.embargo_days is not None:
            sentences.append(
                f"Between two windows, an embargo of {windows.embargo_days} bars belongs to neither."
            )
    return sentences


def _heading(title: str) -> list[str]:
    return [title, "-" * len(title)]


def _bullets(sentences: Iterable[str]) -> list[str]:
    lines: list[str] = []
    for sentence in sentences:
        lines += textwrap.wrap(clean(sentence), WIDTH, initial_indent="- ", subsequent_indent="  ")
    return lines


def _table(table: Table) -> list[str]:
    widths = [max(len(row[i]) for row in (table.columns, *table.rows)) for i in range(len(table.columns))]
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - WIDTH
    if excess > 0:
        widest = max(range(len(widths)), key=widths.__getitem__)
        widths[widest] = max(_NARROWEST, widths[widest] - excess)
    lines = [*_heading(table.title), *_row(table.columns, widths, table.figures)]
    lines.append(_GAP.join("-" * width for width in widths))
    for row in table.rows:
        lines += _row(row, widths, table.figures)
    if table.note:
        lines += textwrap.wrap(table.note, WIDTH)
    return [*lines, ""]


def _row(cells: tuple[str, ...], widths: list[int], right: tuple[bool, ...]) -> list[str]:
    """Lay out one row; a cell that is too long continues below."""
    wrapped = [
        [cell] if len(cell) <= width else textwrap.wrap(cell, width) or [""]
        for cell, width in zip(cells, widths, strict=True)
    ]
    lines = []
    for i in range(max(len(parts) for parts in wrapped)):
        texts = [parts[i] if i < len(parts) else "" for parts in wrapped]
        lines.append(
            _GAP.join(
                text.rjust(width) if flush else text.ljust(width)
                for text, width, flush in zip(texts, widths, right, strict=True)
            )
        )
    return lines
