"""The metrics as a table in Markdown, as the page must hold it.

``python -m tests.deployment.observability.metrics_table`` prints it.
"""

from rlpretrain.deployment.observability.metrics import METRICS

START = "<!-- metrics: python -m tests.deployment.observability.metrics_table prints this table -->\n"
END = "<!-- end of metrics -->"


def metrics_table() -> str:
    rows = [
        f"| `rlpretrain.{name}` | `{task}` | {text} |"
        for task, names in METRICS.items()
        for name, text in names.items()
    ]
    return "\n".join(["| metric | task | is |", "|---|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    print(metrics_table(), end="")  # noqa: T201
