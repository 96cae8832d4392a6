"""What docs/prices.md says of the rules is what they say themselves."""

from tests.conftest import PROJECT
from tests.market.quality.rules_table import END, START, rules_table

PAGE = (PROJECT / "docs" / "prices.md").read_text(encoding="utf-8")


def test_the_table_of_rules_is_the_programs() -> None:
    assert PAGE.partition(START)[2].partition(END)[0] == rules_table()
