"""Trust in the prior: what counts as evidence, and how much of the prior it leaves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.transfer import make_agent
from rlpretrain.transfer.evidence import (
    agreement,
    centred,
    day_blocks,
    first_trust,
    gradient_agreement,
    mean_cosine,
    trust,
)

DAYS = np.datetime64("2020-01-01") + np.arange(400)


@pytest.mark.parametrize(
    ("seen", "expected"), [(0.0, 1.0), (0.02, 1.0), (0.06, 0.5), (0.10, 0.0), (-1.0, 1.0), (3.0, 0.0)]
)
def test_the_agreement_between_days_sets_the_trust(seen: float, expected: float) -> None:
    assert trust(seen) == pytest.approx(expected)


def test_the_last_rollout_counts_for_half_of_the_agreement_and_the_one_before_for_a_quarter() -> None:
    found = 0.0
    for cosine in (0.8, 0.4, 0.2):
        found = agreement(found, cosine)
    assert found == pytest.approx(0.2 / 2 + 0.4 / 4 + 0.8 / 8)


def test_a_prior_is_trusted_at_first_by_its_standard_errors_above_the_placebo() -> None:
    # Deviation 1 with n - 1, so that the standard error of four days is one half.
    spread = np.array([1.0, -1.0, 1.0, -1.0]) * np.sqrt(3 / 4)
    assert first_trust(spread + 0.5) == pytest.approx(1.0)
    assert first_trust(spread + 0.3) == pytest.approx(0.6)
    assert first_trust(spread + 0.001) == first_trust(spread - 5.0) == 0.25
    assert first_trust(np.zeros(4)) == first_trust(np.ones(1)) == 0.25


@given(st.lists(st.integers(0, 399), min_size=1, max_size=300), st.integers(1, 6))
def test_blocks_share_no_day_and_lose_no_sample(rows: list[int], count: int) -> None:
    days = DAYS[rows]
    blocks = day_blocks(days, count)
    assert len(blocks) <= count
    assert sorted(np.concatenate(blocks).tolist()) == list(range(len(rows)))
    for before, after in itertools.pairwise(blocks):
        assert days[before].max() < days[after].min()


def test_blocks_are_quarters_where_days_have_equal_counts() -> None:
    assert [len(block) for block in day_blocks(np.repeat(DAYS[:8], 3))] == [6, 6, 6, 6]


def test_what_an_action_earned_on_average_is_taken_out() -> None:
    gains = np.array([1.0, 3.0, 10.0, -2.0, 2.0], dtype=np.float32)
    np.testing.assert_allclose(centred(gains, np.array([0, 0, 4, 5, 5])), [-1, 1, 0, -2, 2])


def test_the_mean_cosine_by_hand() -> None:
    east, north = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 3.0])
    assert mean_cosine([east, east, -east]) == pytest.approx(-1 / 3)
    assert mean_cosine([east, north]) == pytest.approx(0.0)
    assert mean_cosine([east]) == 0.0


@pytest.mark.parametrize(("sign_by_day", "low", "high"), [(False, 0.4, 1.0), (True, -0.5, 0.0)])
def test_a_rule_that_repeats_on_other_days_is_evidence_and_one_that_turns_is_none(
    sign_by_day: bool, low: float, high: float, network, env
) -> None:
    # Action 1 is good exactly where the first number is positive; or, by turns of 50 days, where it is negative.
    rng = np.random.default_rng(0)
    states = rng.normal(size=(6_000, 64)).astype(np.float32)
    days = np.repeat(DAYS[:200], 30)
    actions = rng.integers(0, 3, 6_000)
    gains = np.where(actions == 1, np.sign(states[:, 0]), -np.sign(states[:, 0])).astype(np.float32)
    if sign_by_day:
        gains *= np.where(np.repeat(np.arange(200), 30) // 50 % 2, 1, -1)
    policy = make_agent(env, network, seed=0).policy
    assert low < gradient_agreement(policy, states, actions, gains, days) < high


def test_a_bull_market_is_no_evidence(network, env) -> None:
    # Being long pays on all days alike, whatever the state says.
    rng = np.random.default_rng(1)
    states = rng.normal(size=(800, 64)).astype(np.float32)
    actions = rng.integers(0, 3, 800)
    gains = ((actions == 1) + 0.01 * rng.normal(size=800)).astype(np.float32)
    policy = make_agent(env, network, seed=0).policy
    assert abs(gradient_agreement(policy, states, actions, gains, np.repeat(DAYS[:200], 4))) < 0.3


def test_an_actor_that_does_not_learn_has_no_evidence(network, env) -> None:
    policy = make_agent(env, network, seed=0).policy.requires_grad_(False)
    ones = np.ones(8, dtype=np.float32)
    assert gradient_agreement(policy, np.zeros((8, 64), np.float32), np.arange(8) % 3, ones, DAYS[:8]) == 0.0
