"""fastdnn/vocabulary.py: the names people may type are those that the engine has codes for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from fastdnn import loss_codes, training, vocabulary
from fastdnn.activation_codes import activation_code
from fastdnn.errors import ParameterError


def test_names_are_those_of_the_engine():
    assert set(vocabulary.LOSSES) == set(loss_codes.LOSS_CODES)
    assert set(vocabulary.OPTIMIZERS) == set(training.LEARNING_RATES)
    assert len(set(loss_codes.LOSS_CODES.values())) == len(vocabulary.LOSSES)


@pytest.mark.parametrize("dtype", vocabulary.DTYPES)
def test_every_activation_has_a_code_of_its_own(dtype):
    assert len({activation_code(name, dtype) for name in vocabulary.ACTIVATIONS}) == len(vocabulary.ACTIVATIONS)
    with pytest.raises(ParameterError, match="Did you mean 'gelu'"):
        activation_code("gelu_", dtype)


def test_hidden_layers_have_every_activation_but_those_of_outputs():
    assert set(vocabulary.ACTIVATIONS) - set(vocabulary.HIDDEN_ACTIVATIONS) == {"exponential", "softmax"}


def test_every_loss_has_its_outputs_and_the_fused_one_comes_first():
    assert set(vocabulary.OUTPUTS) == set(vocabulary.LOSSES)
    assert set().union(*vocabulary.OUTPUTS.values()) <= set(vocabulary.ACTIVATIONS)
    first = {"poisson": "exponential", "binary_cross_entropy": "sigmoid", "categorical_cross_entropy": "softmax"}
    for loss, outputs in vocabulary.OUTPUTS.items():
        assert outputs[0] == first.get(loss, "identity")


def test_imports_nothing():
    tree = ast.parse(Path(vocabulary.__file__).read_text())
    imported = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [n.module for n in imported] == ["__future__"]
