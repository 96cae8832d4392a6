"""The page about the generated market contains its conditions."""

from tests.conftest import PROJECT
from tests.market.conditions_table import END, START, conditions_table

PAGE = (PROJECT / "docs/generated_market.md").read_text(encoding="utf-8")


def test_the_page_has_all_conditions() -> None:
    assert PAGE.partition(START)[2].partition(END)[0] == conditions_table()
