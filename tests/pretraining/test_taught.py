"""A network that learns from the teacher who has seen outcomes, on a market whose truth is known."""

import numpy as np
import pytest

from rlpretrain.market.windows import Windows
from rlpretrain.patterns import mine_patterns
from rlpretrain.patterns.teaching.teachers import teach
from rlpretrain.pretraining.dataset import build_datasets
from rlpretrain.pretraining.evaluation import predict, value_r2
from rlpretrain.pretraining.trainer import train_policy
from rlpretrain.pretraining.trainer_settings import TrainerSettings
from tests.patterns.teaching.planted import DAYS, RULES, VALIDATION_START, Planted, market, signs, voter

WINDOWS = Windows(DAYS[0], VALIDATION_START, DAYS[1300], DAYS[-1])
TRUTH = signs(1)


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted.of(market(0.001 * TRUTH), [voter(str(i), TRUTH > 0) for i in range(3)])


def learned(planted: Planted, teacher: str):
    """Return a network, its validation patterns and the scale of its values."""
    rules = RULES.changed(teacher=teacher, hold_every=1)
    taught = teach(planted.tally, planted.panel, rules, validation_start=VALIDATION_START)
    patterns = mine_patterns(planted.tally, planted.panel, rules, taught=taught)
    train, validation, card = build_datasets(
        patterns, WINDOWS, min_confidence=0.0, expected_values=taught.expects
    )
    # A strong decay: there are 2,000 rows, and most of the 64 numbers say nothing.
    settings = TrainerSettings(
        hidden_dims=[32, 16],
        learning_rate=3e-3,
        weight_decay=0.5,
        num_epochs=25,
        value_coefficient=2.0,
        reward_scale=card["value_scale"],
        seed=1,
    )
    return train_policy(train, validation, settings).best, validation, card["value_scale"]


def test_values_that_a_teacher_expects_are_learned_and_those_that_followed_are_not(planted: Planted) -> None:
    found = {}
    for teacher in ("outcomes", "consensus"):
        network, validation, scale = learned(planted, teacher)
        chances, values = predict(network, validation)
        assert np.mean(chances.argmax(axis=1) == validation.labels.argmax(axis=1)) > 0.8, teacher
        found[teacher] = value_r2(values, validation, scale)
    assert found["outcomes"] > 0.3
    assert found["consensus"] < 0.0
