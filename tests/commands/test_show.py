"""The tree on standard output and as JSON."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlpretrain.cli import main
from tests.commands.conftest import RULE, answer, deep, write
from tests.symphony import building as b

TREE = """\
root
└─ if RSI(10) of AAA > 55
   ├─ then
   │  └─ specified weights
   │     ├─ 60 %  BBB
   │     └─ 40 %  CCC
   └─ else
      └─ AAA
"""


def test_the_tree(rule: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["symphony", "show", str(rule)]) == 0
    header, tree = capsys.readouterr().out.split("\n\n")
    assert header.splitlines()[0] == "A test"
    assert "rebalanced daily" in header and "8, 5 of them distinct" in header and "AAA BBB CCC" in header
    assert tree == TREE


def test_remarks_stand_at_their_node_and_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "x.json", b.root(b.equal(b.asset("AAA"), {"step": "empty"}), rebalance="none"))
    assert main(["symphony", "show", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "   └─ 50 %  cash  ! is empty; its share stays in cash" in lines
    assert lines[-2:] == [
        "remarks (1)",
        "  root/wt-cash-equal[0]/empty[1]: is empty; its share stays in cash",
    ]
    assert any("when other leaves become active" in line for line in lines)


def test_json_is_a_flat_list(rule: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "show", rule)
    assert found["rebalance"] == "daily"
    assert found["tickers"] == ["AAA", "BBB", "CCC"]
    assert found["nodes"] == len(found["tree"]) == 8
    assert [row["depth"] for row in found["tree"]] == [0, 1, 2, 3, 4, 4, 2, 3]
    assert [row["parent"] for row in found["tree"]] == [None, 0, 1, 2, 3, 3, 1, 6]
    assert found["tree"][4]["path"] == "root/if[0]/if-child[0]/wt-cash-specified[0]/asset[0]"
    assert found["tree"][4]["weight"] == pytest.approx(0.6)
    assert "active" not in found["tree"][0]
    folded = answer(capsys, "show", rule, "--depth", 2)
    assert [row["nodes_below"] for row in folded["tree"]] == [7, 6, 3, 1]


def test_activity_with_a_market(rule: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "show", rule, "--market", market, "--start", "2021-01-01", "--end", "2021-12-31")
    rows = {row["text"]: row for row in found["tree"]}
    assert found["first_day"] == "2021-01-04" and found["last_market_day"] == "2021-12-31"
    assert rows["then"]["active"] + rows["else"]["active"] == pytest.approx(1.0)
    assert rows["BBB"]["active"] == pytest.approx(rows["then"]["active"])
    assert rows["BBB"]["mean_weight"] == pytest.approx(0.6 * rows["then"]["active"])
    assert main(["symphony", "show", str(rule), "--market", market]) == 0
    text = capsys.readouterr().out
    assert "in force" in text and "   days   weight\n" in text


def test_a_symphony_that_lacks_prices_is_shown_without_the_days_that_need_them(
    tmp_path: Path, market: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = b.when(
        ("relative-strength-index", {"window": 10}, "AAA"), "gt", 55, [b.asset("BBB")], [b.asset("XXX")]
    )
    file = write(tmp_path / "x.json", b.root(tree))
    error = answer(capsys, "show", file, "--market", market, status=1)["error"]
    assert "no prices of XXX at root/if[0]" in error
    found = answer(capsys, "show", file, "--market", market, "--missing-tickers", "replay_without")
    (remark,) = found["remarks"]
    assert "no prices of XXX; " in remark and "left out" in remark
    rows = {row["text"]: row for row in found["tree"]}
    assert rows["BBB"]["active"] == rows["then"]["active"] == 1 - found["days_left_out"] / found["days"]
    assert 0 < found["days_left_out"] < found["days"]
    assert rows["XXX"]["active"] == 0, "what was held on the days left out is unknown"
    assert found["decisions"]
    assert main(["symphony", "show", str(file), "--market", market, "--missing-tickers=replay_without"]) == 0
    assert remark in capsys.readouterr().out


def test_a_chain_of_5000_groups(tmp_path: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path / "deep.json", deep(5_000))
    assert main(["symphony", "show", str(file)]) == 0
    assert sum("─ level" in line for line in capsys.readouterr().out.splitlines()) == 5_000
    assert main(["symphony", "show", str(file), "--depth", "3"]) == 0
    assert "… 4,998 nodes" in capsys.readouterr().out
    found = answer(capsys, "show", file, "--market", market)
    assert found["tree"][-1]["depth"] == 5_001
    assert found["tree"][-1]["mean_weight"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--market", "moon:"], 2, "unknown market 'moon:'"),
        (["--market", "files:/nowhere"], 1, "/nowhere does not exist"),
        (["--start", "2021-13"], 2, "--start '2021-13' is not a date"),
        (["--end", "yesterday"], 2, "--end 'yesterday' is not a date"),
        (["--depth", "-1"], 2, "--depth -1 is negative"),
        (["--set", "seed=x"], 2, "seed"),
    ],
)
def test_impossible_requests(
    rule: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, words: str
) -> None:
    assert words in answer(capsys, "show", rule, *arguments, status=status)["error"]


def test_no_day_in_the_window(rule: Path, market: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = answer(capsys, "show", rule, "--market", market, "--start", "2031-01-01", status=1)["error"]
    assert "on any day from 2031-01-01 to the end" in error and "it can be replayed from 2020-06-15" in error


def test_plain_where_the_output_cannot_encode(
    rule: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ascii_output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", ascii_output)
    assert main(["symphony", "show", str(write(tmp_path / "x.json", {**RULE, "name": "Größe 😀"}))]) == 0
    ascii_output.seek(0)
    text = ascii_output.read()
    assert text.startswith("Gr??e ?\n")
    assert "`- if RSI(10) of AAA > 55\n   |- then" in text


def test_colour_on_a_terminal_only(
    rule: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["symphony", "show", str(rule)])
    assert "\x1b" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    main(["symphony", "show", str(rule)])
    assert "\x1b[36mif RSI(10) of AAA > 55\x1b[0m" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["symphony", "show", str(rule)])
    assert "\x1b" not in capsys.readouterr().out


def test_readers_may_stop(tmp_path: Path) -> None:
    file = write(tmp_path / "deep.json", deep(3_000))
    command = f"{sys.executable} -m rlpretrain.cli symphony show {file} | head -n 1"
    process = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (process.returncode, process.stdout, process.stderr) == (0, "Deep\n", "")


def test_showing_a_file_is_light(rule: Path) -> None:
    code = (
        "import sys; from rlpretrain.cli import main; assert main(['symphony', 'show', sys.argv[1]]) == 0; "
        "print([name for name in ('torch', 'sklearn', 'mcp', 'matplotlib', 'rich') if name in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(rule)], capture_output=True, text=True, env={**os.environ}
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "[]"
