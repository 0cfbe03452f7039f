"""Hypothesis strategies, named by shape letters: m examples, k units below, n units, L layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fastdnn import vocabulary

SIZES = {"m": st.integers(1, 40), "k": st.integers(1, 40), "n": st.integers(1, 40)}


def floats(dtype, largest=3.0):
    """Bounded numbers of a float type, none so small that products of two vanish."""
    width = 8 * np.dtype(dtype).itemsize
    small = float(np.float32(1e-3))
    largest = float(np.float32(largest))
    return st.one_of(st.just(0.0), st.floats(small, largest, width=width), st.floats(-largest, -small, width=width))


@st.composite
def shaped(draw, dtype, **shapes):
    """A dict of arrays whose shapes are words of letters: shaped("float64", A="mk", B="kn", b="n")."""
    sizes = {letter: draw(SIZES[letter]) for letter in sorted(set("".join(shapes.values())))}
    return {
        name: draw(hnp.arrays(dtype, tuple(sizes[letter] for letter in word), elements=floats(dtype)))
        for name, word in shapes.items()
    }


@dataclass(frozen=True)
class Job:
    """A network and examples for it, of any loss and depth: what a training run needs."""

    layer_dims: list[int]
    activation: list[str]
    output_activation: str
    loss: str
    m: int
    batch: int
    seed: int

    def inputs(self):
        """X (m, n_x) float64."""
        return np.random.default_rng(self.seed).normal(size=(self.m, self.layer_dims[0]))

    def targets(self):
        """Y as Examples takes it for the loss."""
        rng, n_y = np.random.default_rng(self.seed + 1), self.layer_dims[-1]
        if self.loss == "categorical_cross_entropy":
            return rng.integers(0, n_y, self.m)
        if self.loss == "binary_cross_entropy":
            return rng.integers(0, 2, (self.m, n_y)).astype(np.float64)
        if self.loss == "poisson":
            return rng.poisson(2.0, (self.m, n_y)).astype(np.float64)
        return rng.normal(size=(self.m, n_y))


@st.composite
def jobs(draw, most_layers=4, widest=40):
    """Jobs of every loss and output activation, 1 to `most_layers` layers, batches shorter and longer than the data."""
    loss = draw(st.sampled_from(vocabulary.LOSSES))
    units = st.integers(1, widest)
    least = 2 if loss == "categorical_cross_entropy" else 1
    L = draw(st.integers(1, most_layers))
    return Job(
        layer_dims=[*(draw(units) for _ in range(L)), draw(st.integers(least, widest))],
        activation=[draw(st.sampled_from(vocabulary.HIDDEN_ACTIVATIONS)) for _ in range(L - 1)],
        output_activation=draw(st.sampled_from(vocabulary.OUTPUTS[loss])),
        loss=loss,
        m=draw(st.integers(1, 60)),
        batch=draw(st.integers(1, 70)),
        seed=draw(st.integers(0, 999)),
    )
