"""The HTML report: one file that needs no network."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from rlpretrain.validation.asset_result import AssetValidation
from rlpretrain.validation.report.charts import (
    Chart,
    equity_chart,
    forest_chart,
    history_chart,
    learning_chart,
    score_chart,
)
from rlpretrain.validation.report.data import ReportData
from rlpretrain.validation.report.day_groups import day_groups_tables
from rlpretrain.validation.report.drawing import colour_variables
from rlpretrain.validation.report.evidence_tables import (
    asset_tables,
    contaminated_tables,
    primary_table,
    windows_table,
)
from rlpretrain.validation.report.executions import execution_tables
from rlpretrain.validation.report.fidelity import fidelity_chart
from rlpretrain.validation.report.further_tests import further_tests
from rlpretrain.validation.report.pipeline_tables import pipeline_tables, settings_table
from rlpretrain.validation.report.rule_gains import rule_gains_table
from rlpretrain.validation.report.table import Table
from rlpretrain.validation.report.text import data_sentences
from rlpretrain.validation.report.voters import voters_chart

__all__ = ["html_report"]


@dataclass(frozen=True)
class _Section:
    symbol: str
    window: str
    charts: list[Chart]
    tables: list[Table]
    contaminated: list[Table]


def html_report(data: ReportData) -> str:
    """Write the report as one HTML file; every text is escaped."""
    environment = Environment(
        loader=PackageLoader("rlpretrain.validation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    verdict = data.verdict
    pipeline_charts = []
    if data.fidelity is not None and data.fidelity.replays:
        pipeline_charts.append(fidelity_chart(data.fidelity))
    if data.voters and data.windows is not None:
        pipeline_charts.append(voters_chart(data.voters, data.windows))
    if data.pretraining is not None and data.pretraining.validation_loss:
        pipeline_charts.append(history_chart(data.pretraining))
    return environment.get_template("report.html.j2").render(
        data=data,
        verdict=verdict,
        colours=colour_variables(),
        forest=forest_chart(verdict, data.assets) if verdict is not None and data.assets else None,
        primary=primary_table(verdict, data.assets) if verdict is not None and data.assets else None,
        rules=rule_gains_table(verdict, data.assets) if verdict is not None and verdict.rule_gains else None,
        splits=[*day_groups_tables(verdict), *execution_tables(verdict)]
        if verdict is not None and data.assets
        else (),
        further=further_tests(verdict, data.assets) if verdict is not None and data.assets else (),
        windows=windows_table(data.assets) if data.assets else None,
        sections=[_section(asset) for asset in data.assets],
        data_sentences=data_sentences(data),
        pipeline_charts=pipeline_charts,
        pipeline=pipeline_tables(data),
        settings=settings_table(data) if data.settings else None,
    )


def _section(asset: AssetValidation) -> _Section:
    window = asset.window
    if window.clean_from is not None and window.clean_from <= window.start:
        days = f"all {window.clean_bars} bars are clean: no rule that votes on them was written later"
    elif window.main == "clean":
        days = f"the {window.clean_bars} clean bars from {window.clean_from} onwards are the primary evidence"
    else:
        days = f"all {window.contaminated_bars} bars are contaminated by hindsight"
    return _Section(
        symbol=asset.symbol,
        window=f"{window.start} to {window.end}: {days}.",
        charts=[learning_chart(asset), score_chart(asset), equity_chart(asset)],
        tables=asset_tables(asset),
        contaminated=contaminated_tables(asset),
    )
