"""Which loss and which output activation go together, and what one is where only the other is given."""

from __future__ import annotations

from fastdnn import vocabulary
from fastdnn.custom_losses import registered_losses
from fastdnn.errors import ParameterError, check_name

# The loss of an output activation; of all others squared error.
_LOSS_OF = {"sigmoid": "binary_cross_entropy", "softmax": "categorical_cross_entropy", "exponential": "poisson"}


def loss_and_output(loss: str | None, output: str | None, n_y: int) -> tuple[str, str]:
    """A loss and an output activation that go together; where one is None it follows from the other.

    With neither it is binary cross-entropy for one output and categorical for more.

    Raises
    ------
    ParameterError : an unknown name, or a pair that does not make sense with n_y outputs.

    Examples
    --------
    >>> loss_and_output(None, "identity", 1), loss_and_output("poisson", None, 1)
    (('squared_error', 'identity'), ('poisson', 'exponential'))
    """
    if output is not None:
        check_name("output activation", output, vocabulary.ACTIVATIONS)
    if loss is None:
        default = "binary_cross_entropy" if n_y == 1 else "categorical_cross_entropy"
        loss = default if output is None else _LOSS_OF.get(output, "squared_error")
    check_name("loss", loss, (*vocabulary.LOSSES, *registered_losses()))
    allowed = vocabulary.OUTPUTS.get(loss, vocabulary.ELEMENTWISE_OUTPUTS)
    output = output or allowed[0]
    if output not in allowed:
        raise ParameterError(
            f"Output activation '{output}' does not go with loss '{loss}'. Allowed with it: {', '.join(allowed)}."
        )
    if loss == "categorical_cross_entropy" and n_y < 2:
        raise ParameterError(
            "Categorical cross-entropy needs at least 2 outputs; for two classes with one output use 'binary_cross_entropy'."
        )
    return loss, output
