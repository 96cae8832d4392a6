"""The conditions of the generated market as a table in Markdown, as docs/generated_market.md must hold it.

``python -m tests.market.conditions_table`` prints it.
"""

from rlpretrain.market.conditions import CONDITIONS, Condition, Reading

START = "<!-- conditions: python -m tests.market.conditions_table prints this table -->\n"
END = "<!-- end of conditions -->"


def conditions_table() -> str:
    rows = [
        f"| {condition.group} | {_words(condition)} | {'rises' if condition.sign > 0 else 'falls'} |"
        for condition in CONDITIONS
    ]
    return "\n".join(["| group | while | it |", "|---|---|---|", *rows]) + "\n"


def _words(condition: Condition) -> str:
    right = condition.right
    return f"{_reading(condition.left)} is above {_reading(right) if isinstance(right, Reading) else f'{right:g}'}"


def _reading(reading: Reading) -> str:
    return {
        "rsi": f"RSI({reading.window}) of {reading.ticker}",
        "price": f"the price of {reading.ticker}",
        "average": f"its mean of {reading.window} days",
        "return": f"the {reading.window}-day return of {reading.ticker}",
    }[reading.function]


if __name__ == "__main__":
    print(conditions_table(), end="")  # noqa: T201
