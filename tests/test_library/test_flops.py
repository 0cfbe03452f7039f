"""fastdnn/flops.py: the arithmetic of a training step."""

from __future__ import annotations

from fastdnn.flops import training_flops


def test_by_hand():
    """3-4-2: forward 12 + 8, dW 12 + 8, dA of layer 2 only 8: 48 multiply-adds an example."""
    assert training_flops((3, 4, 2), 10) == 2 * 48 * 10
    assert training_flops((3, 1), 1) == 2 * (3 + 3)
