"""Tables of the run behind the agent: library, fidelity, patterns, pre-training, transfer, settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlpretrain.validation.report.data import (
    Advice,
    LibraryCounts,
    PatternCounts,
    PretrainingFigures,
    PriceFigures,
    ReportData,
    TransferFigures,
)
from rlpretrain.validation.report.fidelity import fidelity_tables
from rlpretrain.validation.report.hindsight import hindsight_table
from rlpretrain.validation.report.table import NOTHING, Table, number, percent
from rlpretrain.validation.report.voters import voters_table

__all__ = ["pipeline_tables", "settings_table", "transfer_table"]


def pipeline_tables(data: ReportData) -> list[Table]:
    """Return the tables of the agent's origin; parts that are missing are left out."""
    tables = []
    if data.prices is not None:
        tables += _price_tables(data.prices)
    if data.library is not None:
        tables.append(_library_table(data.library))
        if data.library.examples:
            rows = tuple((rejection.name, rejection.reason) for rejection in data.library.examples)
            tables.append(Table("Examples of rejected symphonies", ("Symphony", "Reason"), rows))
    if data.fidelity is not None:
        tables += fidelity_tables(data.fidelity)
    if data.voters and data.windows is not None:
        tables.append(voters_table(data.voters, data.windows))
    if data.hindsight is not None:
        tables.append(hindsight_table(data.hindsight))
    if data.patterns is not None:
        tables.append(_patterns_table(data.patterns))
    if data.pattern_warnings is not None:
        tables.append(_checks_table(data.pattern_warnings))
    if data.advice is not None:
        tables.append(_advice_table(data.advice))
    if data.pretraining is not None:
        tables.append(_pretraining_table(data.pretraining))
    if data.transfer is not None and data.transfer.steps:
        tables.append(transfer_table(data.transfer))
    return tables


def settings_table(data: ReportData) -> Table:
    """Return the table of the settings and versions that reproduce the run."""
    rows = [(name, _plain(value)) for name, value in sorted(data.settings.items())]
    rows += [(f"version of {name}", version) for name, version in sorted(data.versions.items())]
    if data.device:
        rows.append(("device", data.device))
    return Table("Settings", ("Setting", "Value"), tuple(rows))


def _price_tables(prices: PriceFigures) -> list[Table]:
    """Return the table of the rules about prices that found something, and the table of the findings."""
    rules = Table(
        "Checks of the prices",
        ("Rule", "Done", "Findings", "Tickers", "Bars"),
        tuple(
            (rule.rule, rule.action, f"{rule.findings:,}", f"{rule.tickers:,}", f"{rule.bars:,}")
            for rule in prices.rules
        ),
        "" if prices.rules else "No rule found anything.",
    )
    if not prices.examples:
        return [rules]
    more = prices.findings - len(prices.examples)
    note = f"And {more:,} more, in list/price_findings.json." if more else ""
    return [
        rules,
        Table("Findings in the prices", ("Finding",), tuple((text,) for text in prices.examples), note),
    ]


def _library_table(library: LibraryCounts) -> Table:
    rows = [("Listed", library.listed), ("Replayed", library.replayed), ("Rejected", library.rejected)]
    rows += [(f"  rejected: {reason}", count) for reason, count in sorted(library.reasons.items())]
    if library.last_edit_known is not None:
        rows.append(("Last edit known", library.last_edit_known))
    rows.append(("On each day the version that existed then", library.histories))
    if library.histories:
        rows.append(("  versions replayed", library.versions))
    rows += [
        (f"  remarks on versions: {kind}", count) for kind, count in sorted(library.history_remarks.items())
    ]
    rows.append(("Decide by the level of a price", library.by_level))
    if library.by_level:
        rows.append(("  on raw prices, so that they may vote", library.by_level_quoted))
        rows.append(("  without raw prices, so left out", library.by_level - library.by_level_quoted))
    return Table("Library", ("Symphonies", "Count"), tuple((name, f"{count:,}") for name, count in rows))


def _patterns_table(patterns: PatternCounts) -> Table:
    groups = {"Action": patterns.actions, "Category": patterns.categories, "Regime": patterns.regimes}
    rows = [("All", f"{patterns.total:,}")]
    for name, counts in groups.items():
        rows += [(f"{name}: {key}", shown) for key, shown in _counts(counts)]
    return Table("Patterns", ("Decisions", "Count"), tuple(rows))


def _checks_table(warnings: Sequence[str]) -> Table:
    """Return the table of warnings from the checks of the stored patterns; a failed check stops the run earlier."""
    return Table(
        "Checks of the stored patterns",
        ("Warning",),
        tuple((warning,) for warning in warnings),
        "" if warnings else "Every check passed without a warning.",
    )


def _advice_table(advice: Sequence[Advice]) -> Table:
    """Return the table of the changes that the analysis of the patterns recommends."""
    return Table(
        "What the analysis of the patterns recommends",
        ("Finding", "Change", "Setting"),
        tuple((found.finding, found.change, found.setting or NOTHING) for found in advice),
        "" if advice else "Nothing: no finding crossed its threshold.",
    )


def _pretraining_table(figures: PretrainingFigures) -> Table:
    return Table(
        "Pre-training on validation patterns",
        ("Model", "Log loss", "Balanced accuracy", "Accuracy"),
        tuple(
            (
                name.replace("_", " ").capitalize(),
                number(scores.log_loss, 4),
                percent(scores.balanced_accuracy),
                percent(scores.accuracy),
            )
            for name, scores in figures.scores.items()
        ),
        f"The clone was trained on {figures.train_patterns:,} patterns and judged on {figures.validation_patterns:,} "
        f"later ones; the best of {figures.epochs} epochs was epoch {figures.best_epoch}. "
        f"{' '.join(figures.findings)}".rstrip(),
    )


_REWARDS = {
    "net": "RL was rewarded for net growth, which exposure alone can bring.",
    "exposure_adjusted": "RL was rewarded for net growth less what holding the asset had paid before.",
}


def transfer_table(transfer: TransferFigures) -> Table:
    """Return the table of the agent's checkpoints: its score, and how far it has moved from the clone."""
    columns: Mapping[str, tuple[Sequence[float | None], int]] = {
        "Validation score": (transfer.validation_score, 2),
        "KL from the start, nats": (transfer.kl, 4),
        "Stances kept, share": (transfer.stances_kept, 3),
        "Critic's explained variance": (transfer.explained_variance, 2),
        "Weight of the frozen clone": (transfer.prior_weight, 2),
    }
    shown = {name: values for name, values in columns.items() if len(values[0]) == len(transfer.steps)}
    return Table(
        f"Transfer by {transfer.strategy.replace('_', '-')}",
        ("Environment steps", *shown),
        tuple(
            (f"{steps:,}", *(number(values[i], digits) for values, digits in shown.values()))
            for i, steps in enumerate(transfer.steps)
        ),
        f"The weights after {transfer.chosen_steps:,} steps were kept, chosen on the validation window. "
        f"{_REWARDS[transfer.reward]} The score never counts exposure.",
    )


def _counts(counts: Mapping[str, int]) -> list[tuple[str, str]]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(name, f"{count:,}") for name, count in ordered]


def _plain(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value) or "none"
    return "none" if value is None else str(value)
