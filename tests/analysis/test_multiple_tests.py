"""Holm's correction against a worked example."""

import pytest

from rlpretrain.analysis.multiple_tests import holm


def test_holm_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({}) == {}
