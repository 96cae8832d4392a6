"""The loss by hand, and the schedules against torch's own."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.pretraining.losses import cloning_loss, harden
from rlpretrain.pretraining.schedules import learning_rate

LOGITS = torch.tensor([[1.0, 0.0, -1.0], [0.3, 0.3, 2.0]])
LABELS = torch.tensor([[0.7, 0.3, 0.0], [0.2, 0.0, 0.8]])
NONE = torch.zeros(2)


def loss(**options):
    return cloning_loss(LOGITS, NONE, LABELS, NONE, **{"value_coefficient": 0.0, **options}).numpy()


def test_each_part_by_hand():
    policy = torch.softmax(LOGITS, 1).numpy()
    cross_entropy = -(LABELS.numpy() * np.log(policy)).sum(1)
    np.testing.assert_allclose(loss(), cross_entropy, rtol=1e-6)
    smooth = 0.9 * LABELS.numpy() + 0.1 / 3
    np.testing.assert_allclose(loss(label_smoothing=0.1), -(smooth * np.log(policy)).sum(1), rtol=1e-6)
    entropy = -(policy * np.log(policy)).sum(1)
    np.testing.assert_allclose(loss(confidence_penalty=0.2), cross_entropy - 0.2 * entropy, rtol=1e-5)
    value = cloning_loss(
        LOGITS, torch.tensor([0.5, 3.0]), LABELS, torch.tensor([0.0, 0.0]), value_coefficient=2.0
    ).numpy()
    np.testing.assert_allclose(value, cross_entropy + 2.0 * np.array([0.125, 2.5]), rtol=1e-6)


def test_hard_labels_keep_the_likeliest_action():
    assert harden(LABELS).tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_one_cycle_is_torchs():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=50, cycle_momentum=False)
    for step in range(50):
        assert learning_rate("one_cycle", 0.3, step, 50, []) == pytest.approx(
            oracle.get_last_lr()[0], rel=1e-9
        )
        optimizer.step()
        if step < 49:
            oracle.step()


def test_cosine_warms_up_and_ends_low():
    rates = [learning_rate("cosine", 1.0, step, 100, []) for step in range(100)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[5] == 1.0
    assert rates[52] == pytest.approx(0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * 47 / 95)))
    assert 0.05 < rates[99] < 0.06


def test_plateau_halves_after_three_epochs_without_gain():
    def rate(losses):
        return learning_rate("plateau", 1.0, 50, 100, losses)

    assert rate([]) == rate([1.0, 0.9]) == rate([1.0, 1.0, 1.0]) == 1.0
    assert rate([1.0, 1.0, 1.0, 1.0]) == 0.5
    assert rate([1.0] * 7) == 0.25
    assert rate([1.0] * 4 + [0.5]) == 0.5
    # As torch's ReduceLROnPlateau, whose patience counts the epochs that are borne: one less.
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    oracle = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=2, threshold=1e-3)
    losses = np.random.default_rng(0).uniform(0.9, 1.0, 40).tolist()
    for epoch, value in enumerate(losses, start=1):
        oracle.step(value)
        assert rate(losses[:epoch]) == optimizer.param_groups[0]["lr"]


@given(
    st.sampled_from(["cosine", "one_cycle", "plateau", "constant"]),
    st.integers(1, 1000),
    st.lists(st.floats(0.1, 9), max_size=30),
)
def test_a_rate_is_positive_and_never_above_the_peak(schedule, total, losses):
    rates = [learning_rate(schedule, 0.1, step, total, losses) for step in range(total)]
    assert all(0 < rate <= 0.1 + 1e-12 for rate in rates)
