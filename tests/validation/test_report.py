"""Both reports: complete, honest, safe and the same bytes each time."""

from __future__ import annotations

import datetime as dt
import html
import re
from functools import lru_cache
from html.parser import HTMLParser

import pytest

from rlpretrain.patterns.voting.quarter_voters import QuarterVoters
from rlpretrain.settings import PretrainingConfig
from rlpretrain.validation import reach_verdict
from rlpretrain.validation.report import (
    Advice,
    ClassifierScores,
    FidelityFigures,
    FollowedLibrary,
    Hindsight,
    HindsightWindow,
    LibraryCounts,
    LibraryRecord,
    PatternCounts,
    PretrainingFigures,
    PriceFigures,
    PriceRuleFigures,
    RegistryDecision,
    Rejection,
    ReplayFidelity,
    ReportData,
    RunFile,
    TransferFigures,
    WindowDates,
    html_report,
    render_report,
    text_report,
)
from rlpretrain.validation.report.fidelity import fidelity_tables
from rlpretrain.validation.report.text import WIDTH
from rlpretrain.validation.report.voters import voters_around_test
from rlpretrain.validation.statistics import Interval
from rlpretrain.validation.verdict import _two_answers

from .conftest import CONFIG, validated

HOSTILE = "<script>alert('x')</script>\x1b[31m \u202edlog $x^2$\n</table>"


def replayed(
    name: str, correlation: float | None, tracking_error: float, status: str = "agrees", **other: float
) -> ReplayFidelity:
    return ReplayFidelity(
        name=name,
        status=status,
        agrees=status == "agrees",
        common_days=1234,
        correlation=correlation,
        tracking_error=tracking_error,
        largest_difference=-0.0321,
        largest_difference_day=dt.date(2018, 2, 5),
        **other,
    )


def followed(state: str, sharpe: float, difference: Interval | None = None) -> FollowedLibrary:
    record = LibraryRecord(
        voters=20, decisions=99, hit_rate=0.5, mean_reward=0.001, sharpe=sharpe, holding_sharpe=0.4
    )
    return FollowedLibrary(state=state, record=record, difference=difference)


HINDSIGHT = Hindsight(
    with_versions=20,
    without_versions=7,
    late=4,
    unknown=2,
    vote=False,
    windows=(
        HindsightWindow(
            name="Test",
            libraries=(
                followed("point in time", 0.25),
                followed("no late edits", 0.5, Interval(estimate=0.25, low=-0.5, high=1.0, level=0.95)),
                followed("last versions", 1.5, Interval(estimate=1.25, low=0.5, high=2.0, level=0.95)),
            ),
        ),
    ),
)


@lru_cache
def data(signal: float = 0.5, *, clean: bool = True) -> ReportData:
    asset = validated(signal=signal) if clean else validated(signal=signal, clean_from=None)
    verdict = reach_verdict([asset], CONFIG)
    return ReportData(
        run_id="manual__2024-12-31T02:00:00+00:00",
        settings=PretrainingConfig().public(),
        market="generated:kind=planted",
        windows=WindowDates(
            start=dt.date(2010, 1, 4),
            validation_start=dt.date(2018, 1, 2),
            test_start=dt.date(2020, 1, 2),
            end=dt.date(2021, 1, 4),
            embargo_days=20,
        ),
        library=LibraryCounts(
            listed=1010,
            replayed=1000,
            rejected=10,
            last_edit_known=990,
            by_level=5,
            by_level_quoted=2,
            reasons={"parse": 7, "fidelity": 3},
            examples=(Rejection(name=HOSTILE, reason="unknown function"),),
        ),
        fidelity=FidelityFigures(
            replays=(
                *(replayed(f"Good {i}", 1.0 - 1e-6 * i, 0.001 * i) for i in range(8)),
                replayed("Still", None, 0.0),
                replayed(HOSTILE, 0.42, 0.21, "never agreed", equal_holdings=0.33),
            ),
            not_compared=3,
            min_correlation=0.95,
            max_tracking_error=0.1,
            embedded=True,
        ),
        patterns=PatternCounts(
            total=4200, actions={"hold": 4000, "buy": 100, "sell": 100}, regimes={"bull": 4200}
        ),
        voters=tuple(
            QuarterVoters(day=dt.date(year, month, 2), point_in_time=2 * (year - 2010), last_version=7)
            for year in range(2010, 2021)
            for month in (1, 4, 7, 10)
        ),
        hindsight=HINDSIGHT,
        advice=(
            Advice(
                finding=f"{HOSTILE} has 81% of the patterns", change="add assets", setting="max_strategies"
            ),
        ),
        pretraining=PretrainingFigures(
            epochs=3,
            best_epoch=2,
            train_patterns=4000,
            validation_patterns=200,
            scores={"clone": ClassifierScores(log_loss=0.7, balanced_accuracy=0.6)},
            train_loss=(1.0, 0.8, 0.7),
            validation_loss=(1.0, 0.9, 0.95),
        ),
        transfer=TransferFigures(
            strategy="fine_tuning",
            chosen_steps=1000,
            total_steps=2000,
            steps=(0, 1000, 2000),
            kl=(0.0, 0.1, 0.2),
            validation_score=(0.4, 0.6, 0.5),
        ),
        assets=(asset,),
        verdict=verdict,
        decision=RegistryDecision(promoted=True, reasons=("There is no champion yet.",)),
        versions={"numpy": "2.4"},
        device="cpu",
        files=(RunFile(name="pattern analysis.html", holds="the patterns"),),
    )


class Outline(HTMLParser):
    """Collects tags and attributes, and checks that elements are closed in order."""

    VOID = frozenset({"meta", "path", "use", "rect", "br", "link"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("render", [text_report, html_report])
@pytest.mark.parametrize("signal", [0.0, 0.5])
def test_no_figure_is_nonsense(render, signal):
    shown = re.sub(r"<(svg|style).*?</\1>", "", render(data(signal)), flags=re.DOTALL)
    assert not re.search(r"\b(nan|NaN|inf|None|null)\b", shown)


@pytest.mark.parametrize("render", [text_report, html_report])
def test_what_matters_is_said(render):
    shown = html.unescape(render(data()))
    verdict = data().verdict
    for sentence in (verdict.headline, *verdict.cautions):
        assert " ".join(sentence.split()).lower() in " ".join(shown.split()).lower().replace("- ", "")
    for words in (
        "Jump-start", "Sharpe ratio", "Sortino ratio", "Calmar ratio", "Information ratio",
        "Maximum drawdown", "Value at risk 95 %", "Value at risk 99 %", "Expected shortfall", "Volatility",
        "Win rate", "Profit factor", "Average win", "Average loss", "Trade duration",
        "Longest win streak", "Longest loss streak",
        "Vanilla RL", "Frozen BC", "Placebo", "Random", "Buy & hold", "Clean bars", "Contaminated",
        "proves the plumbing, not the rules", "Median tracking error", "0.4200", "21.00 %", "-3.21 %",
        "2018-02-05", "33.0 %", "1,234", "deflated by", "unknown function", "Decide by the level of a price",
        "2020-01-02 to 2021-01-04",
    ):  # fmt: skip
        assert " ".join(words.split()) in " ".join(shown.split()), words


def test_days_left_out_of_the_comparison_are_counted():
    figures = data().fidelity
    near = replayed("Near", 0.99, 0.02, excused_days=3)
    counts, worst = fidelity_tables(figures.model_copy(update={"replays": (*figures.replays, near)}))
    assert (
        "Days left out because a decision lay within the noise of prices",
        "3 in 1 symphonies",
    ) in counts.rows
    left_out = {row[0]: row[-1] for row in worst.rows}
    assert left_out["Near"] == "3"
    assert left_out["Good 7"] == "–"


@pytest.mark.parametrize("render", [text_report, html_report])
def test_hindsight_is_measured_beside_the_figures_without_it(render):
    shown = " ".join(html.unescape(render(data())).split())
    for words in (
        "Test, point in time",
        "Test, no late edits",
        "+1.25 [+0.50, +2.00]",
        "20 strategies decide point in time",
        "The versions of 7 others are unknown",
        "Hindsight, measured on the test window as the difference that the last versions make, is "
        "+1.25 [+0.50, +2.00]: figures with the last versions are too good.",
        "The last edit of 2 strategies is unknown",
    ):
        assert words in shown, words


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (
            Interval(estimate=0.1, low=-0.2, high=0.4, level=0.95),
            "includes zero, so it cannot be distinguished from none",
        ),
        (Interval(estimate=-0.3, low=-0.5, high=-0.1, level=0.95), "are worse, so they show no hindsight"),
        (None, "Hindsight could not be measured on the test window"),
    ],
)
def test_what_the_interval_of_hindsight_means_is_said(gap, words):
    libraries = (followed("point in time", 0.5), followed("last versions", 0.6, gap))
    windows = (HindsightWindow(name="Test", libraries=libraries),)
    found = HINDSIGHT.model_copy(update={"windows": windows})
    assert found.on_test == gap
    assert words in " ".join(text_report(ReportData(run_id="run", hindsight=found)).split())


@pytest.mark.parametrize("render", [text_report, html_report])
def test_how_many_strategies_stood_behind_the_votes_over_time_is_shown(render):
    shown = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", render(data()))).split())
    for words in (
        "Strategies behind the votes",
        "First votes 2010-01-02 0 7 7",
        "Start of the validation window 2018-01-02 16 7 23",
        "Start of the test window 2020-01-02 20 7 27",
        "End of the test window 2020-10-02 20 7 27",
    ):
        assert words in shown, words


def test_voters_are_those_of_the_quarter_in_which_the_test_window_begins():
    quarters = [
        QuarterVoters(day=dt.date(2020, month, 1), point_in_time=month, last_version=0) for month in (1, 4, 7)
    ]
    assert voters_around_test(quarters, dt.date(2020, 5, 20)) == (4, 7)
    assert voters_around_test(quarters, dt.date(2019, 12, 31)) is None
    assert voters_around_test([], dt.date(2020, 5, 20)) is None


@pytest.mark.parametrize("render", [text_report, html_report])
def test_a_window_clean_from_its_start_is_said_to_be_so(render):
    asset = validated(signal=0.5, clean_from=dt.date(2010, 1, 4))
    shown = html.unescape(render(data().model_copy(update={"assets": (asset,)})))
    assert "its start" in shown
    if render is html_report:
        assert "all 239 bars are clean: no rule that votes on them was written later" in shown


def test_who_decides_by_levels_and_who_is_left_out_is_counted():
    shown = text_report(data())
    for words in (
        "Decide by the level of a price +5",
        "on raw prices, so that they may vote +2",
        "left out +3",
    ):
        assert re.search(words, shown), words


def test_noise_is_called_no_effect_in_the_first_lines():
    assert text_report(data(0.0)).splitlines()[3].startswith("NO EFFECT")
    assert re.search(r"<h1>No effect", html_report(data(0.0)))


def test_the_first_screen_has_the_answer_its_picture_the_decision_and_what_is_needed():
    page = html.unescape(html_report(data()))
    verdict = data().verdict
    places = [
        page.index(text)
        for text in (f"<h1>{verdict.headline}", "<figure", "Promoted to champion", verdict.needed)
    ]
    assert places == sorted(places)
    folded = page.index("<details")
    assert places[-1] < folded < page.index("<table")
    assert page.count(verdict.needed) == 1


def test_a_small_p_value_beside_no_effect_is_reconciled():
    verdict = data(0.0).verdict
    better, unclear = (Interval(estimate=0.1, low=low, high=0.3, level=0.95) for low in (0.05, -0.2))
    seeds = dict.fromkeys(verdict.pooled, verdict.pooled["area"].model_copy(update={"interval": unclear}))
    days = dict.fromkeys(verdict.days, unclear)
    assert _two_answers(seeds, days) == ""
    gain = verdict.pooled["area"].model_copy(update={"interval": better, "p_value": 0.002})
    said = _two_answers({**seeds, "area": gain}, days)
    assert "p = 0.002" in said and "gain in area on these very days" in said
    assert _two_answers({**seeds, "area": gain}, {**days, "area": better}) == ""


def test_a_contaminated_window_is_said_to_be_one():
    for report in (text_report(data(clean=False)), html_report(data(clean=False))):
        assert "unknown" in report
        assert "The whole test window is contaminated" in report


def test_names_from_others_stay_text():
    page = html_report(data())
    parsed = outline(page)
    assert "script" not in parsed.tags
    assert "&lt;script&gt;" in page
    for report in (page, text_report(data())):
        assert "\x1b" not in report
        assert "\u202e" not in report


def test_a_hostile_run_name_and_asset_stay_text():
    asset = data().assets[0]
    window = asset.window.model_copy(update={"symbol": "<b>$a$"})
    hostile = data().model_copy(
        update={"run_id": HOSTILE, "assets": (asset.model_copy(update={"window": window}),)}
    )
    hostile = hostile.model_copy(update={"verdict": reach_verdict(hostile.assets, CONFIG)})
    parsed = outline(html_report(hostile))
    assert "script" not in parsed.tags
    assert "b" not in parsed.tags
    assert text_report(hostile).splitlines()[0].isprintable()


BESIDE = "pattern%20analysis.html"


def test_the_page_needs_no_network():
    page = html_report(data())
    for name, value in outline(page).attributes:
        if name in {"src", "href", "xlink:href", "srcset", "action"}:
            assert value.startswith("#") or value == BESIDE, (name, value)
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_references_within_the_page_are_found():
    parsed = outline(html_report(data()))
    identifiers = {value for name, value in parsed.attributes if name == "id"}
    links = {value for name, value in parsed.attributes if name in {"href", "xlink:href"}}
    assert BESIDE in links
    assert {link.removeprefix("#") for link in links - {BESIDE}} <= identifiers


def test_what_the_analysis_recommends_is_said():
    for report in (html.unescape(html_report(data())), text_report(data())):
        assert "max_strategies" in report
        assert "81%" in report
    nothing = text_report(data().model_copy(update={"advice": ()}))
    assert "Nothing: no finding crossed its threshold." in nothing


def test_charts_take_the_pages_colours():
    page = html_report(data())
    assert page.count("<svg") == 7
    assert "var(--arm-agent)" in page
    assert not re.search(r"#000[01][0-9a-f]{2}", page), "a marker colour was left"


def test_text_fits_the_page():
    assert max(len(line) for line in text_report(data()).splitlines()) <= WIDTH


def test_equal_data_give_equal_bytes(tmp_path):
    first, again = tmp_path / "a", tmp_path / "b"
    render_report(data(), first)
    render_report(ReportData.model_validate_json(data().model_dump_json()), again)
    for name in ("validation_report.txt", "report.html"):
        assert (first / name).read_bytes() == (again / name).read_bytes()


def test_a_report_of_nothing_says_so(tmp_path):
    text, page = render_report(ReportData(run_id="empty"), tmp_path)
    assert "shows no effect" in text.read_text()
    assert "Nothing was validated" in page.read_text()
    outline(page.read_text())


def test_what_the_checks_of_the_prices_found_is_told():
    rule = PriceRuleFigures(rule="hole", action="kept", findings=61, tickers=61, bars=1234)
    prices = PriceFigures(rules=(rule,), examples=(f"{HOSTILE}: 3 days missing",), findings=61)
    for report in (text_report, html_report):
        told = report(ReportData(run_id="run", prices=prices))
        for words in ("Checks of the prices", "1,234", "3 days missing", "And 60 more"):
            assert words in told
        assert HOSTILE not in told or report is text_report
        clean = report(ReportData(run_id="run", prices=PriceFigures(rules=())))
        assert "No rule found anything." in clean
        assert "Checks of the prices" not in report(ReportData(run_id="run"))


@pytest.mark.parametrize(
    ("warnings", "told"),
    [(("volume: few <b>",), "volume: few"), ((), "Every check passed without a warning.")],
)
def test_warnings_of_the_pattern_checks_are_told(warnings: tuple[str, ...], told: str) -> None:
    data = ReportData(run_id="run", pattern_warnings=warnings)
    for report in (text_report(data), html_report(data)):
        assert "Checks of the stored patterns" in report and told in report
    assert "<b>" not in html_report(data)
    assert "Checks of the stored patterns" not in text_report(ReportData(run_id="run"))
