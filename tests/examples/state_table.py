"""The state vector as a table in Markdown: ``python -m tests.examples.state_table`` prints what the page must hold."""

from rlpretrain.features import FEATURES

START = "<!-- state vector: python -m tests.examples.state_table prints this table -->\n"
END = "<!-- end of state vector -->"


def state_table() -> str:
    rows = [
        f"| {number} | {feature.block} | `{feature.name}` | {feature.description} | {feature.unit} |"
        for number, feature in enumerate(FEATURES)
    ]
    return "\n".join(["| | block | name | meaning | unit |", "|---|---|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    print(state_table(), end="")  # noqa: T201
