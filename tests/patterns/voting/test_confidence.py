import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlpretrain.patterns.voting.confidence import confidence

share = st.floats(0, 1)


def _confidence(count=10, skill=0.9, clean=0.5, firm=1.0, independence=0.2) -> float:
    values = {"skill": skill, "clean": clean, "firm": firm, "independence": independence}
    arrays = {name: np.array([value]) for name, value in values.items()}
    return float(confidence(count=np.array([count], dtype=np.int32), **arrays)[0])


def test_by_hand() -> None:
    # Ten strategies worth two: breadth 2/3; records right with 0.9: skill 0.8; half of them out of sample.
    assert _confidence() == pytest.approx(0.6 * 0.8 + 0.3 * 2 / 3 + 0.1 * 0.5)
    assert _confidence(firm=0.75) == pytest.approx(0.75 * _confidence())
    assert _confidence(count=0) == 0.0
    assert _confidence(skill=0.2, clean=0.0, independence=0.0) == pytest.approx(0.3 * 0.5)


@given(count=st.integers(0, 5000), skill=share, clean=share, firm=share, independence=share, more=share)
def test_bounded_and_never_falling_in_its_parts(count, skill, clean, firm, independence, more) -> None:
    parts = {"skill": skill, "clean": clean, "firm": firm, "independence": independence}
    value = _confidence(count, **parts)
    assert 0.0 <= value <= 1.0
    for name, part in parts.items():
        assert _confidence(count, **{**parts, name: max(part, more)}) >= value - 1e-12
    assert _confidence(count + 1, **parts) >= value - 1e-12
