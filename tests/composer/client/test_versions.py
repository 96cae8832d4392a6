"""Lists of versions, and services that have none."""

import asyncio
import datetime as dt
import logging

import pytest

from rlpretrain.composer import (
    AbsentEndpointError,
    ComposerClient,
    ComposerError,
    RetryPolicy,
    SymphonyVersion,
    Verdict,
)
from rlpretrain.composer.client.failures import http_failure
from rlpretrain.composer.client.versions import parse_versions

from .transports import LikeRest

AS_OF = dt.date(2024, 12, 31)
AT = dt.datetime(2024, 3, 7, 17, tzinfo=dt.UTC)
ROW = {"version_id": "v1", "created_at": "2024-03-07T12:00:00-05:00[America/New_York]", "author": "x"}
EXPLAINED = {"errors": [{"code": "symphony-not-found"}]}


@pytest.mark.parametrize("answer", [[ROW], {"versions": [ROW]}])
def test_versions_are_a_list_alone_or_under_their_name(answer):
    assert parse_versions(answer, "s").versions == (SymphonyVersion("v1", AT),)


@pytest.mark.parametrize("answer", ["v1", None, {"error_code": 1}, 7])
def test_what_is_no_list_rejects_the_symphony(answer):
    with pytest.raises(ComposerError, match="list_symphony_versions s: the answer is not a list") as caught:
        parse_versions(answer, "s")
    assert caught.value.verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("v2", "not an object"),
        ({**ROW, "version_id": None}, "not a version's id"),
        ({**ROW, "version_id": "../accounts"}, "not a version's id"),
        ({**ROW, "version_id": ""}, "not a version's id"),
        ({**ROW, "created_at": "soon"}, "'soon' is not a time"),
        ({"version_id": "v2"}, "'None' is not a time"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(row, reason):
    listed = parse_versions([row, ROW], "s")
    assert [version.version_id for version in listed.versions] == ["v1"]
    (said,) = listed.unreadable
    assert "row 0" in said and reason in said


class Answering(LikeRest):
    """Answers each call by what was prepared for its symphony: a status and perhaps a body, or rows."""

    def __init__(self, prepared, otherwise):
        self.prepared, self.otherwise, self.asked = prepared, otherwise, []

    async def call(self, tool, arguments, timeout):
        symphony_id = arguments["symphony_id"]
        self.asked.append(symphony_id)
        answer = self.prepared.get(symphony_id, self.otherwise)
        if isinstance(answer, list):
            return answer
        status, body = answer
        raise http_failure(tool, status, retry_after=None, about_symphony=True, answer=body)


async def outcomes(transport, count, **options):
    client = ComposerClient(transport, as_of=AS_OF, retry=RetryPolicy(tries=1), **options)
    found = []
    for number in range(count):
        try:
            found.append(await client.list_symphony_versions(f"s{number}"))
        except ComposerError as error:
            found.append(error)
    return found


@pytest.mark.parametrize("status", [405, 501])
def test_a_status_about_the_endpoint_is_believed_at_once_and_said_once(status, caplog):
    transport = Answering({}, (status, None))
    with caplog.at_level(logging.WARNING):
        found = asyncio.run(outcomes(transport, 5))
    assert all(isinstance(error, AbsentEndpointError) for error in found)
    assert all(error.verdict is Verdict.REJECT and f"HTTP {status}" in str(error) for error in found)
    assert transport.asked == ["s0"] and len(caplog.records) == 1


@pytest.mark.parametrize("status", [401, 403, 404])
def test_three_that_find_nothing_are_enough_to_stop_asking(status):
    transport = Answering({}, (status, None))
    found = asyncio.run(outcomes(transport, 5))
    assert [isinstance(error, AbsentEndpointError) for error in found] == [False, False, True, True, True]
    assert all(error.verdict is Verdict.REJECT for error in found)  # a run goes on without versions
    assert len(transport.asked) == 3


@pytest.mark.parametrize(("status", "body"), [(404, None), (403, None), (404, EXPLAINED), (422, EXPLAINED)])
def test_once_the_endpoint_has_answered_a_failure_is_one_symphonys(status, body):
    transport = Answering({"s0": [ROW]}, (status, body))
    found = asyncio.run(outcomes(transport, 8))
    assert not any(isinstance(error, AbsentEndpointError) for error in found)
    assert all(error.verdict is Verdict.REJECT for error in found[1:])
    assert len(transport.asked) == 8


def test_what_the_service_explains_is_never_taken_for_a_missing_endpoint():
    transport = Answering({"s7": [ROW]}, (404, EXPLAINED))
    found = asyncio.run(outcomes(transport, 8))
    assert found[7].versions and len(transport.asked) == 8


def test_a_server_out_of_order_is_not_a_missing_endpoint():
    transport = Answering({}, (503, None))
    found = asyncio.run(outcomes(transport, 4))
    assert all(error.verdict is Verdict.RETRY for error in found) and len(transport.asked) == 4


def test_calls_made_at_once_find_out_one_after_another():
    async def ask(transport):
        client = ComposerClient(transport, as_of=AS_OF, retry=RetryPolicy(tries=1))
        calls = (client.list_symphony_versions(f"s{number}") for number in range(50))
        return await asyncio.gather(*calls, return_exceptions=True)

    transport = Answering({}, (404, None))
    found = asyncio.run(ask(transport))
    assert len(transport.asked) == 3 and sum(isinstance(e, AbsentEndpointError) for e in found) == 48
    transport = Answering({}, [ROW])
    assert all(listed.versions for listed in asyncio.run(ask(transport)))


def test_a_transport_without_versions_is_not_asked():
    transport = Answering({}, [ROW])
    transport.has_versions = False
    (error,) = asyncio.run(outcomes(transport, 1))
    assert isinstance(error, AbsentEndpointError) and "MCP has no versions" in str(error)
    assert transport.asked == []
