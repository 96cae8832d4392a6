"""The rules about prices as a table in Markdown, as docs/prices.md must hold it.

``python -m tests.market.quality.rules_table`` prints it.
"""

from rlpretrain.market.quality import PRICE_RULES

START = "<!-- rules: python -m tests.market.quality.rules_table prints this table -->\n"
END = "<!-- end of rules -->"


def rules_table() -> str:
    rows = [f"| {rule.name} | {rule.statement} | {_done(rule)} |" for rule in PRICE_RULES.values()]
    return "\n".join(["| rule | what it doubts | done |", "|---|---|---|", *rows]) + "\n"


def _done(rule) -> str:
    return (
        f"{' and '.join(filter(None, [', '.join(rule.fields[:-1]), *rule.fields[-1:]]))} left out"
        if rule.fields
        else rule.action
    )


if __name__ == "__main__":
    print(rules_table(), end="")  # noqa: T201
