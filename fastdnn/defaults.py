"""What `fit` chooses when it is not told: one place, each choice with its reason.

The figures are means over 12 seeds (small tables) or 2 (large ones) on penguins (344 rows), titanic (891), abalone
(4,177),
housing (20,640), adult (32,561), diamonds (53,940), MNIST and Fashion-MNIST (60,000 x 784), scored on rows that neither
training nor early stopping saw.
"""

from __future__ import annotations

import math

HOLDOUT_FRACTION = 0.2
# The standard error of an accuracy of 90 % on 10,000 rows is 0.3 points: more rows would tell little.
HOLDOUT_ROWS = 10_000
STOP_FRACTION = 0.1
# Below this many rows a tenth of them is a coin toss that ends training at a random epoch: a fifth chooses it there.
FEW_ROWS = 2_000
STOP_ROWS = 5_000
# So few rows cannot be split again: the epochs run to their end and nothing chooses among them.
MIN_ROWS_TO_STOP = 50

ACTIVATION = "relu"
OPTIMIZER = "adam"
# 1e-3 is Adam's published step; 2e-3 and 3e-4 differ from it by less than the seeds do. Plain gradient descent on
# standardised inputs takes a hundred times longer steps before it diverges.
LEARNING_RATES = {"adam": 1e-3, "adamw": 1e-3, "rmsprop": 1e-3, "sgd": 0.1, "momentum": 0.1, "nesterov": 0.1}

# As many as scikit-learn's. Where a part of the rows chooses among them, patience ends runs earlier: penguins after 31
# iterations, titanic 45, abalone 56, housing 139.
LBFGS_ITERATIONS = 200


def default_layers(n_features: int, n_rows: int) -> tuple[int, ...]:
    """Two hidden layers, wider where there are pixels to see.

    With L2 and early stopping, 128-64 is as good as 64-32 on a few hundred rows (penguins 99.5 and 99.4 %, titanic 81.5
    and 81.7 %), and 256-128-64 gains next to nothing on tables (adult 85.8 instead of 85.7 %).

    Parameters
    ----------
    n_features : columns of the encoded input.
    n_rows : rows that training sees.

    >>> default_layers(8, 200), default_layers(784, 60_000)
    ((128, 64), (256, 128))
    """
    # MNIST: 98.0 % with 256-128, 97.5 % with 128-64. Few images are learned by heart by either.
    return (256, 128) if n_features >= 256 and n_rows >= 5_000 else (128, 64)


def default_batch_size(n_rows: int) -> int:
    """32 to 256, growing with the rows.

    Small batches reach the better score (housing R2 0.800 with 64, 0.787 with 512), large ones use the cores better
    where an epoch is long.

    >>> [default_batch_size(rows) for rows in (200, 15_000, 60_000, 1_000_000)]
    [32, 64, 128, 256]
    """
    for most_rows, size in ((5_000, 32), (30_000, 64), (500_000, 128)):
        if n_rows < most_rows:
            return size
    return 256


def default_epochs(n_rows: int) -> int:
    """The most epochs: 3 million rows seen, from 30 to 300 epochs. Early stopping ends nearly every run before it.

    >>> [default_epochs(rows) for rows in (200, 15_000, 60_000)]
    [300, 200, 50]
    """
    return max(30, min(300, 3_000_000 // max(n_rows, 1)))


def default_patience(epochs: int) -> int:
    """Epochs without a better loss before training ends: a tenth of the most there can be, from 10 to 20.

    Fewer end a run in the noise of a small validation part (diamonds: R2 0.980 with 5, 0.982 with 20).
    """
    return max(10, min(20, epochs // 10))


def default_l2(n_rows: int, *, regression: bool) -> float:
    """Lambda of the course's lambda / (2 m) sum W^2: grows with the square root of the rows m; one significant digit.

    The best of {0, 1, 3, 10, 30} was 1 on penguins, 3 to 10 on titanic, 40 on adult and 30 on both image sets (Fashion
    88.9 %, with 3 87.9 %). Quantities bear less: housing R2 0.802 with 5, 0.794 with 15; diamonds 0.981 with 8, 0.979
    with 50.

    >>> default_l2(250, regression=False), default_l2(55_000, regression=False), default_l2(15_000, regression=True)
    (2.0, 30.0, 5.0)
    """
    return float(f"{(0.04 if regression else 0.12) * math.sqrt(n_rows):.1g}")


def linear_settings(n_features: int, n_rows: int) -> dict[str, float | str]:
    """Optimiser of the linear baseline: Adam, without an L2 term.

    Few rows give few steps an epoch, so those take ten times the step: a convex layer stands it, but for pixels, whose
    many features add up (MNIST: 92.3 % with 1e-3, 91.1 % with 1e-2).
    """
    rate = 1e-2 if n_rows < FEW_ROWS and n_features < 256 else 1e-3
    return {"optimizer": "adam", "learning_rate": rate, "l2": 0.0}


def holdout_fraction(n_rows: int) -> float:
    """Share of the labelled rows kept aside for the score: a fifth, and never more than HOLDOUT_ROWS rows."""
    return min(HOLDOUT_FRACTION, HOLDOUT_ROWS / max(n_rows, 1))


def stop_fraction(n_rows: int) -> float:
    """Share of the training rows that chooses the epoch: 0 where there are too few to split again."""
    if n_rows < MIN_ROWS_TO_STOP:
        return 0.0
    return 2 * STOP_FRACTION if n_rows < FEW_ROWS else min(STOP_FRACTION, STOP_ROWS / n_rows)
