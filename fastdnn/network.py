"""Network: layer sizes, activations, a loss, and one flat buffer of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastdnn import vocabulary
from fastdnn.custom_activations import hidden_activations
from fastdnn.errors import DataError, ParameterError, check_name, check_number, check_seed
from fastdnn.examples import Examples, as_examples
from fastdnn.initialization import initial_weights, warn_of_symmetry
from fastdnn.loss_and_output import loss_and_output
from fastdnn.loss_options import checked_loss_options, kernel_parameters

if TYPE_CHECKING:
    from fastdnn.diagnosis import Diagnosis
    from fastdnn.predictor import Predictor

Array = NDArray[Any]


class Network:
    """A fully connected network: Z[l] = W[l] A[l-1] + b[l], A[l] = g[l](Z[l]), l = 1 .. L; A[0] is the input.

    Parameters
    ----------
    layer_dims : [n_x, n_1, ..., n_y]; two numbers make logistic or linear regression.
    activation : of the hidden layers, one of vocabulary.HIDDEN_ACTIVATIONS or a registered one (fastdnn.register_activation), or
        a list with one for each hidden layer.
    output_activation, loss : one of each pair that vocabulary.OUTPUTS allows; with one given the other follows, with
        neither it is binary cross-entropy for one output and categorical for more. A registered loss (fastdnn.register_loss) goes
        with all of vocabulary.ELEMENTWISE_OUTPUTS. Several outputs of binary cross-entropy are labels that exclude nothing.
    loss_options : {'delta': 1.0} of 'huber'; {'quantiles': [0.1, 0.5, 0.9]} of 'quantile', one for each output; {'label_smoothing':
        0.1} of the cross-entropies: the part of a target that is spread over all classes.
    initialization : 'auto' (by the activation, see initial_weights), 'he', 'lecun', 'glorot', 'small_random', 'zeros'.
    dtype : 'float32' or 'float64', of parameters and arithmetic.
    seed : of the initial weights.
    leaky_slope : slope of leaky ReLU below zero, 0 < slope < 1.

    Attributes
    ----------
    weights, biases : lists of L views into `parameters`, shapes (n_l, n_{l-1}) and (n_l, 1); assign into them to set them.
    parameters : flat array W[1], b[1], W[2], ... in C order.
    activations : L names, the output's last.
    loss_options : the loss's options with every default filled in; empty for a loss that has none.

    Raises
    ------
    ParameterError : an unknown name, a pair that does not make sense, or a size below 1.

    Examples
    --------
    >>> network = Network([2, 3, 1], activation="tanh")
    >>> [W.shape for W in network.weights], network.n_parameters
    ([(3, 2), (1, 3)], 13)
    """

    def __init__(
        self,
        layer_dims: Sequence[int],
        activation: str | Sequence[str] = "relu",
        output_activation: str | None = None,
        loss: str | None = None,
        *,
        initialization: str = "auto",
        dtype: str = "float32",
        seed: int = 0,
        leaky_slope: float = 0.01,
        loss_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.layer_dims = _checked_dims(layer_dims)
        hidden = [activation] * (self.L - 1) if isinstance(activation, str) else list(activation)
        if len(hidden) != self.L - 1:
            raise ParameterError(
                f"{self.L - 1} hidden layers need as many activations, got {len(hidden)}.",
                "one activation for all hidden layers, or one for each",
            )
        for name in {*hidden, *([activation] if isinstance(activation, str) else [])}:
            check_name("activation", name, hidden_activations())
        self.loss, output = loss_and_output(loss, output_activation, self.layer_dims[-1])
        self.loss_options = checked_loss_options(self.loss, loss_options, self.layer_dims[-1])
        self.activations = [*hidden, output]
        self.dtype = np.dtype(check_name("dtype", getattr(dtype, "__name__", str(dtype)), vocabulary.DTYPES))
        self.leaky_slope = check_number("leaky_slope", leaky_slope, 0.0, 1.0, above=True, below=True)
        check_name("initialization", initialization, vocabulary.INITIALIZATIONS)
        size = sum(n * n_prev + n for n_prev, n in pairwise(self.layer_dims))
        self.parameters = np.zeros(size, self.dtype)
        self.weights, self.biases = layer_views(self.parameters, self.layer_dims)
        generator = np.random.default_rng(check_seed(seed))
        for W, name in zip(self.weights, self.activations, strict=True):
            W[:] = initial_weights(initialization, W.shape[0], W.shape[1], name, generator)
        if initialization == "zeros":
            warn_of_symmetry(self.layer_dims)

    @classmethod
    def from_parameters(
        cls,
        weights: Sequence[Array],
        biases: Sequence[Array],
        activations: Sequence[str],
        loss: str | None = None,
        *,
        dtype: str = "float32",
        leaky_slope: float = 0.01,
        loss_options: Mapping[str, Any] | None = None,
    ) -> Network:
        """A network with given parameters: weights[l] (n_l, n_{l-1}) and biases[l] (n_l, 1) or (n_l,), copied.

        Raises ParameterError where shapes do not fit each other.
        """
        shapes = [np.shape(W) for W in weights]
        dims = [shapes[0][1], *(shape[0] for shape in shapes)] if shapes and all(len(s) == 2 for s in shapes) else []
        expected = [(n, n_prev) for n_prev, n in pairwise(dims)]
        if not dims or shapes != expected or [np.size(b) for b in biases] != dims[1:]:
            given = ", ".join(f"W{l} {np.shape(W)}" for l, W in enumerate(weights, 1))
            raise ParameterError(
                f"Weights must have the shapes (n_l, n_(l-1)) of a chain, biases n_l numbers; got {given}."
            )
        if len(activations) != len(weights):
            raise ParameterError(f"{len(weights)} layers need as many activations, got {len(activations)}.")
        network = cls(
            dims, list(activations[:-1]), activations[-1], loss,
            initialization="small_random", dtype=dtype, leaky_slope=leaky_slope, loss_options=loss_options,
        )  # fmt: skip
        for W, given_W, b, given_b in zip(network.weights, weights, network.biases, biases, strict=True):
            W[:] = given_W
            b[:] = np.reshape(given_b, b.shape)
        return network

    def __getstate__(self) -> dict[str, Any]:
        """Pickled and copied without the views, which would become arrays of their own."""
        return {name: value for name, value in vars(self).items() if name not in ("weights", "biases")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        # joblib hands large arrays to its processes as files that cannot be written.
        self.parameters = np.require(self.parameters, requirements="W")
        self.weights, self.biases = layer_views(self.parameters, self.layer_dims)

    @property
    def L(self) -> int:
        """Number of layers with parameters."""
        return len(self.layer_dims) - 1

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return int(self.parameters.size)

    def predict(self, X: Any, threads: int = 1) -> Array:
        """A[L] of each example.

        X : (m, n_x) matrix, a vector (n_x,) as one row, or Examples. threads : at least 1; the result has the same bits for
            every number.
        Returns (m, n_y) of the network's dtype; row i belongs to example i of `rows`. Raises DataError for a wrong width.
        Outputs for several quantiles may cross: fastdnn.quantiles.rearranged sorts them.
        """
        return self.predictor(threads)(X)

    def predictor(self, threads: int = 1, rows: int | None = None) -> Predictor:
        """What predicts again and again from buffers it keeps, and a copy of the parameters; see fastdnn.Predictor."""
        from fastdnn.predictor import Predictor

        return Predictor(self, threads) if rows is None else Predictor(self, threads, rows)

    def cost(self, examples: Examples, l2: float = 0.0, threads: int = 1, *, l1: float = 0.0) -> float:
        """J = mean loss + l2/(2m) sum W^2 + l1/m sum |W|, computed from the logits.

        Examples with weights: the weighted mean, and m the sum of the weights; else m is their number.
        """
        from fastdnn.inference import evaluate
        from fastdnn.objective import penalty

        losses = evaluate(self, examples, threads, with_losses=True)[1]
        weights = None if examples.weights is None else examples.weights[examples.indices]
        return float(np.average(losses, weights=weights)) + penalty(self.weights, l2, l1, examples.total_weight)

    def gradients(self, examples: Examples, l2: float = 0.0, *, l1: float = 0.0) -> tuple[list[Array], list[Array]]:
        """dW[l] (n_l, n_{l-1}) and db[l] (n_l, 1) of `cost` over all the examples as one batch, by the training kernels.

        The subgradient of |W| at 0 is 0.
        """
        from fastdnn.objective import Objective

        return Objective(self, examples, l2=l2, l1=l1).gradients()

    def loss_parameters(self) -> Array:
        """The loss's options as kernels take them, (p,) of the network's dtype."""
        return kernel_parameters(self.loss_options, self.dtype)

    def check_width(self, X: Array) -> None:
        """Raise DataError unless the rows of X have n_x numbers."""
        if X.shape[1] != self.layer_dims[0]:
            raise DataError(f"X has {X.shape[1]} features, but the network reads {self.layer_dims[0]}.")

    def to_sklearn(self, classes: Any = None) -> Any:
        """A fitted scikit-learn estimator with equal predictions: `fastdnn.sklearn_conversion.to_sklearn`."""
        from fastdnn.sklearn_conversion import to_sklearn

        return to_sklearn(self, classes)

    def to_torch_state_dict(self) -> dict[str, Array]:
        """Arrays named as in a PyTorch Sequential of Linear: `fastdnn.torch_conversion.to_torch_state_dict`."""
        from fastdnn.torch_conversion import to_torch_state_dict

        return to_torch_state_dict(self)

    def diagnose(self, X: Any, y: Any = None, **options: Any) -> Diagnosis:
        """What is wrong with the network on these examples, and what to do: see fastdnn.diagnosis.diagnose for the options.

        X : (m, n_x) matrix with targets y, or Examples that have theirs.
        """
        from fastdnn.diagnosis import diagnose

        return diagnose(self, as_examples(X) if y is None else Examples(X, y), **options)


def layer_views(flat: Array, layer_dims: Sequence[int]) -> tuple[list[Array], list[Array]]:
    """W[l] (n_l, n_{l-1}) and b[l] (n_l, 1), l = 1 .. L: views into a flat array that is laid out as Network.parameters."""
    weights, biases, at = list[Array](), list[Array](), 0
    for n_prev, n in pairwise(layer_dims):
        end = at + n * n_prev
        weights.append(flat[at:end].reshape(n, n_prev))
        biases.append(flat[end : end + n].reshape(n, 1))
        at = end + n
    return weights, biases


def float_type(weights: Sequence[Array]) -> str:
    """The dtype of a network that holds these weights: 'float64' if any is, else 'float32'."""
    return "float64" if any(W.dtype == np.float64 for W in weights) else "float32"


def _checked_dims(layer_dims: Sequence[int]) -> list[int]:
    given: list[object] = list(layer_dims) if isinstance(layer_dims, Iterable) else []
    if len(given) < 2 or not all(isinstance(n, Integral) and int(n) >= 1 for n in given):
        raise ParameterError(
            "layer_dims needs at least an input and an output size, each a whole number of 1 or more; "
            f"got {layer_dims!r}."
        )
    return [int(n) for n in layer_dims]
