"""Foreign text and ids: carried or refused with a reason, never executed, never a path."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlpretrain.composer import (
    CatalogueEntry,
    ComposerError,
    FolderCatalogue,
    Verdict,
    check_search,
    list_library,
    open_composer,
)
from rlpretrain.composer.client.failures import answer_failure
from rlpretrain.composer.client.wire import parse_page
from rlpretrain.errors import SettingsError
from rlpretrain.limits import DESCRIPTION, NAME, shorten

from .conftest import AS_OF, walk

TEXTS = {
    "sql": "'; DROP TABLE strategies; -- %s {0} $1",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "path": "../../../etc/passwd\\..\\C:\\Windows",
    "megabyte": "x" * 1_000_000,
    "surrogate": "a\ud800b\udfff",
    "nul": "a\x00b",
    "control": "\x1b[2J\r\n[ERROR] forged line\x07",
    "bidi": "\u202egnp.exe\u2066 🙂",
    "benchmark": "SPY",
    "date key": "cumulative_return_dates",
    "empty": "",
}


class Hostile:
    def entries(self):
        plain = {"step": "root", "rebalance": "daily", "children": []}
        return [
            CatalogueEntry(f"id{i}", {**plain, "id": f"id{i}", "name": text, "description": text}, AS_OF)
            for i, text in enumerate(TEXTS.values())
        ]


@pytest.mark.parametrize("transport", ["mcp", "rest"])
async def test_any_text_arrives_as_it_is_or_shortened(transport, caplog):
    async with open_composer(
        f"embedded:transport={transport}", catalogue=Hostile(), backtester=walk, as_of=AS_OF
    ) as client:
        listed = {summary.symphony_id: summary for summary in await list_library(client)}
        assert len(listed) == len(TEXTS)
        for entry in Hostile().entries():
            text = entry.document["name"]
            found = listed[entry.symphony_id]
            assert (found.name, found.description) == (shorten(text, NAME), shorten(text, DESCRIPTION))
            assert await client.get_saved_symphony(entry.symphony_id) == entry.document
            if transport == "mcp" and text == "SPY":
                # MCP keys daily values by display name: its own series is lost under the benchmark's.
                with pytest.raises(ComposerError, match="expected one series") as caught:
                    await client.backtest_symphony_by_id(entry.symphony_id)
                assert caught.value.verdict is Verdict.REJECT
                continue
            answer = await client.backtest_symphony_by_id(entry.symphony_id)
            assert list(answer.daily.benchmarks) == ["SPY"] and len(answer.daily.symphony) > 1000
    assert "forged line" not in caplog.text


ODD_IDS = ["../../etc/passwd", "..", "", "a b", "a\\b", "a\x00", "a\n", "\ud800", "a" * 65, "ü"]


@pytest.mark.parametrize(
    "row",
    [{"symphony_sid": odd} for odd in [*ODD_IDS, "a/b", None, 5, {"a": 1}]]
    + [{"symphony_url": f"https://app.composer.trade/symphony/{odd}/details"} for odd in ODD_IDS]
    + [{"symphony_url": None}, {}],
    ids=ascii,
)
def test_an_id_that_could_mean_anything_else_is_left_out_with_its_reason(row):
    page = parse_page([{**row, "name": "A"}, {"symphony_sid": "good"}])
    assert [row.symphony_id for row in page.rows] == ["good"] and page.received == 2
    assert page.unreadable[0].isprintable() and len(page.unreadable[0]) < 300


def test_a_files_name_is_never_an_id_that_could_be_a_path(tmp_path):
    names = ["..hidden", "a b", "-rf", "%2e%2e", "'; DROP TABLE", "ü", "x" * 200, "$(id)"]
    for name in names:
        (tmp_path / f"{name}.json").write_text('{"step": "root"}')
    (tmp_path / "outside.json").symlink_to("/etc/hostname")
    ids = [entry.symphony_id for entry in FolderCatalogue(tmp_path).entries()]
    assert len(set(ids)) == len(names) + 1
    assert all(symphony_id.replace("-", "").isalnum() for symphony_id in ids)


def test_files_nested_too_deep_or_torn_are_defects_with_a_reason(tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000)
    (tmp_path / "digits.json").write_text('{"step": ' + "9" * 10_000 + "}")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    entries = FolderCatalogue(tmp_path).entries()
    assert all(entry.document is None and entry.defect for entry in entries)


@given(st.text(st.characters(), max_size=400))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_an_error_message_fits_any_log(text):
    for answer in ({"error": text}, {"errors": [{"code": "x" + text, "title": text}]}, {"errors": [text]}):
        failure = answer_failure("tool", answer, about_symphony=True)
        assert str(failure).isprintable() and len(str(failure)) < 4000
        assert str(failure).encode("utf-8")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=12,
    )
)
def test_no_answer_breaks_the_reader(answer):
    try:
        page = parse_page(answer)
    except ComposerError as error:
        assert error.verdict is Verdict.STOP
    else:
        assert page.received == (1 if isinstance(answer, dict) else len(answer))
    json.dumps(answer_failure("tool", answer, about_symphony=False), default=str)


@pytest.mark.parametrize(
    ("where", "order_by", "named"),
    [
        ([">", "oos_sharp_ratio", 1], [], "search_where: unknown column 'oos_sharp_ratio'.*oos_sharpe_ratio"),
        (["drop", "name", 1], [], "search_where: operator 'drop'"),
        (["raw", "1=1; DROP TABLE x"], [], "search_where: operator 'raw'"),
        ([">", "num_node_if"], [], "search_where: operator '>' with 1 operands"),
        ([], [["oos_luck", "asc"]], "search_order: unknown column"),
        ([], [["name", "sideways"]], "search_order: order must be asc or desc"),
        (["and"] * 40, [], "search_where: expected"),
    ],
)
def test_a_search_from_the_settings_is_checked_before_the_first_call(where, order_by, named):
    with pytest.raises(SettingsError, match=named):
        check_search(where, order_by)


def test_searches_that_can_be_made():
    check_search([], [])
    check_search(
        ["and", [">", "num_node_if", 0], ["like", "name", "%DROP%"]], [["name", "asc"], "num_node_if"]
    )
