"""fastdnn/data_digests.py: the same examples in any form have the same facts, and any change is seen where it is looked for."""

from __future__ import annotations

import numpy as np
import pytest

from fastdnn import data_digests
from fastdnn.data_digests import data_facts
from fastdnn.examples import Examples
from fastdnn.network import Network
from fastdnn.workspace import Workspace

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(50, 3)).astype(np.float32), RNG.integers(0, 2, 50)


def facts(examples, **options):
    workspace = Workspace(Network([3, 4, 2], **options), 8, 1, weighted=examples.weights is not None)
    return data_facts(examples, workspace.data(examples, with_targets=True))


def test_the_form_does_not_matter():
    wanted = facts(Examples(X, Y))
    assert (wanted["rows"], wanted["columns"]) == (50, 3)
    turned = Examples(X[::-1], Y[::-1].astype(np.int8), rows=np.arange(50)[::-1])
    assert facts(Examples(np.asfortranarray(X).astype(np.float64), Y)) == facts(turned) == wanted
    assert facts(Examples(X, Y), dtype="float64")["X"] != wanted["X"]


def test_pixels_count_with_their_scale():
    pixels = RNG.integers(0, 256, (50, 3), np.uint8)
    wanted = facts(Examples(pixels, Y))
    assert facts(Examples(pixels, Y, scale=1 / 255, shift=0.0)) == wanted
    assert facts(Examples(pixels, Y, shift=0.5))["X"] != wanted["X"]
    assert facts(Examples(pixels[:, ::-1], Y))["X"] != wanted["X"]


@pytest.mark.parametrize("row", range(0, 50, 7))
def test_a_bit_anywhere_is_seen(row):
    wanted = facts(Examples(X, Y, weights=np.ones(50)))
    other, labels, weights = X.copy(), Y.copy(), np.ones(50)
    other[row, 1] = np.nextafter(other[row, 1], np.float32(9))
    labels[row] = 1 - labels[row]
    weights[row] = 2.0
    changed = facts(Examples(other, labels, weights=weights))
    assert all(changed[part] != wanted[part] for part in ("X", "Y", "weights"))
    assert facts(Examples(X, Y))["weights"] is None


def test_of_large_data_evenly_spread_rows_are_read(monkeypatch):
    """600 bytes of X where 100 may be read: every sixth row."""
    monkeypatch.setattr(data_digests, "_READ_BYTES", 100)
    wanted = facts(Examples(X, Y))
    seen = []
    for row in range(50):
        other = X.copy()
        other[row] += 1
        if facts(Examples(other, Y))["X"] != wanted["X"]:
            seen.append(row)
    assert seen == list(range(0, 50, 6))
