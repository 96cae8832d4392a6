"""Each failure has one verdict."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.composer import RetryPolicy, Verdict
from rlpretrain.composer.client.failures import answer_failure, http_failure
from rlpretrain.errors import ServiceError

TOOL_FAILURES = [
    ({"errors": [{"code": "too-many-requests", "title": "Slow down"}]}, "retry", "retry"),
    ({"errors": [{"code": "insufficient-ticker-data"}], "capital": 10000}, "reject", "stop"),
    ({"errors": [{"code": "unrecognized-node-step", "title": "wt-magic"}]}, "reject", "stop"),
    ({"errors": [{"code": "unauthorized"}]}, "stop", "stop"),
    ({"errors": ["Service temporarily unavailable"]}, "retry", "retry"),
    ({"error": {"code": "insufficient-ticker-data"}}, "reject", "stop"),
    ({"error": ""}, "retry", "retry"),
    ({"error": "Expecting value: line 1 column 1 (char 0)"}, "retry", "retry"),
    ({"error": "The read operation timed out"}, "retry", "retry"),
    ({"error": "Server disconnected without sending a response."}, "retry", "retry"),
    ({"error": "upstream answered 504"}, "retry", "retry"),
    ({"error": "Authorization header is required but not set"}, "stop", "stop"),
    ({"error": "symphony not found"}, "reject", "stop"),
]


@pytest.mark.parametrize(("answer", "about_symphony", "about_all"), TOOL_FAILURES)
def test_failures_in_normal_answers(answer, about_symphony, about_all):
    for flag, verdict in ((True, about_symphony), (False, about_all)):
        failure = answer_failure("tool", answer, about_symphony=flag)
        assert failure.verdict == verdict and failure.retryable == (verdict == "retry")
        assert isinstance(failure, ServiceError) and str(failure).startswith("tool: ")


@pytest.mark.parametrize(
    "answer",
    [[], None, {"stats": {}}, {"step": "root", "error": "a tree's own key"}, {"errors": [], "stats": {}}],
)
def test_answers_without_a_failure(answer):
    assert answer_failure("tool", answer, about_symphony=True) is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
def test_statuses_that_may_pass(status):
    assert http_failure("tool", status, retry_after=3.0, about_symphony=True).retry_after == 3.0
    assert http_failure("tool", status, retry_after=None, about_symphony=True).verdict is Verdict.RETRY


@pytest.mark.parametrize(
    ("status", "verdict"), [(401, "stop"), (403, "stop"), (404, "reject"), (422, "reject")]
)
def test_statuses_that_stay(status, verdict):
    assert http_failure("tool", status, retry_after=None, about_symphony=True).verdict == verdict


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "answer", [{"error": nested(3_000)}, {"errors": [nested(3_000)]}, {"errors": [{"code": nested(3_000)}]}]
)
def test_a_failure_nested_too_deep_to_print_is_a_failure(answer):
    failure = answer_failure("tool", answer, about_symphony=True)
    assert failure.verdict is Verdict.REJECT and len(str(failure)) < 100


@pytest.mark.parametrize("status", [302, 307, 406, 418, 451])
def test_a_status_about_one_symphony_stops_nothing_else(status):
    for about_symphony, verdict in ((True, Verdict.REJECT), (False, Verdict.STOP)):
        failure = http_failure("tool", status, retry_after=None, about_symphony=about_symphony)
        assert failure.verdict is verdict


def test_a_long_text_is_cut_and_put_on_one_line():
    failure = answer_failure("tool", {"error": "a\nb " + "x" * 10_000}, about_symphony=True)
    assert "\n" not in str(failure) and len(str(failure)) < 400


@given(st.integers(1, 60), st.integers(0, 2**32))
def test_waits_stay_below_the_ceiling(failures, seed):
    wait = RetryPolicy(first_wait=0.5, longest_wait=30.0).wait(failures, random.Random(seed))
    assert 0.0 <= wait <= min(30.0, 0.5 * 2 ** (failures - 1))
