"""fastdnn/vocabulary.py: the names people may type are those that the engine has codes for."""

from __future__ import annotations

import ast
from pathlib import Path

from fastdnn import loss_codes, training, vocabulary, workspace


def test_names_are_those_of_the_engine():
    assert set(vocabulary.ACTIVATIONS) == set(workspace.ACTIVATION_CODES)
    assert set(vocabulary.LOSSES) == set(loss_codes.LOSS_CODES)
    assert set(vocabulary.OPTIMIZERS) == set(training.LEARNING_RATES)
    assert len(set(workspace.ACTIVATION_CODES.values())) == len(vocabulary.ACTIVATIONS)
    assert len(set(loss_codes.LOSS_CODES.values())) == len(vocabulary.LOSSES)


def test_hidden_layers_have_every_activation_but_those_of_outputs():
    assert set(vocabulary.ACTIVATIONS) - set(vocabulary.HIDDEN_ACTIVATIONS) == {"softmax", "exponential"}


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
