import pytest
import torch
from torch.nn import functional

from rlpretrain.errors import SettingsError
from rlpretrain.transfer import FeatureAlignmentLoss, KnowledgeDistillationLoss


@pytest.fixture
def logits():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, 3, generator=generator), torch.randn(8, 3, generator=generator), torch.arange(8) % 3


def test_distillation_in_closed_form(logits):
    student, teacher, labels = logits
    t, a = 3.0, 0.3
    p, q = (teacher / t).softmax(1), (student / t).softmax(1)
    expected = a * t**2 * (p * (p / q).log()).sum(1).mean() + (1 - a) * functional.cross_entropy(
        student, labels
    )
    assert KnowledgeDistillationLoss(temperature=t, alpha=a)(
        student, teacher, labels
    ).item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_student_equal_to_its_teacher_has_no_soft_loss(logits):
    student, _, labels = logits
    assert KnowledgeDistillationLoss(alpha=1.0)(student, student, labels).item() == pytest.approx(0, abs=1e-6)


def test_no_gradient_reaches_the_teacher(logits):
    student, teacher, labels = (x.clone() for x in logits)
    student.requires_grad_()
    teacher.requires_grad_()
    KnowledgeDistillationLoss()(student, teacher, labels).backward()
    assert teacher.grad is None and student.grad is not None


def test_alignment_is_zero_for_equal_and_two_for_opposite_features():
    features = torch.randn(4, 5, generator=torch.Generator().manual_seed(1))
    loss = FeatureAlignmentLoss(5, 5)
    assert loss(features, features).item() == pytest.approx(0, abs=1e-6)
    assert loss(features, -features).item() == pytest.approx(2, abs=1e-6)


def test_unequal_widths_are_joined_by_a_learned_map():
    loss = FeatureAlignmentLoss(4, 6, kind="mse")
    assert [tuple(p.shape) for p in loss.parameters()] == [(6, 4)]
    assert loss(torch.zeros(2, 4), torch.ones(2, 6)).item() == pytest.approx(1.0)


def test_impossible_parameters_are_named():
    with pytest.raises(SettingsError, match="alpha"):
        KnowledgeDistillationLoss(alpha=1.5)
    with pytest.raises(SettingsError, match="temperature"):
        KnowledgeDistillationLoss(temperature=0)
