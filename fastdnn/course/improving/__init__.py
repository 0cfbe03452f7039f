"""The later course's functions under its own names: initialisation, regularisation, gradient checking, optimisation.

    improving.initialization     week 1: initialize_parameters_zeros, _random, _he, model
    improving.regularization     week 1: compute_cost_with_regularization, backward_propagation_with_regularization, model
    improving.dropout            week 1: forward_propagation_with_dropout, backward_propagation_with_dropout
    improving.gradient_checking  week 1: gradient_check, gradient_check_n, and what they are made of
    improving.mini_batches       week 2: random_mini_batches
    improving.optimization       week 2: update_parameters_with_gd, _momentum, _adam, and how their moments begin
    improving.decay              week 2: update_lr, schedule_lr_decay
    improving.optimization_model week 2: model
    improving.propagation        forward_propagation, backward_propagation, compute_cost, predict, ... of all of these

Every function but the three called `model` and those of the one-dimensional gradient check is also here. Arrays have the course's
shapes, examples as columns; the network is [linear -> ReLU] * (L - 1) -> linear -> sigmoid, L = 3 in the course and any here.

Source: Andrew Ng, Deep Learning Specialization, course 2, "Improving Deep Neural Networks".
"""

from fastdnn.course.improving import (
    decay,
    dropout,
    gradient_checking,
    initialization,
    mini_batches,
    optimization,
    optimization_model,
    propagation,
    regularization,
)
from fastdnn.course.improving.decay import schedule_lr_decay, update_lr
from fastdnn.course.improving.dropout import backward_propagation_with_dropout, forward_propagation_with_dropout
from fastdnn.course.improving.gradient_checking import (
    backward_propagation_n,
    dictionary_to_vector,
    forward_propagation_n,
    gradient_check,
    gradient_check_n,
    gradients_to_vector,
    vector_to_dictionary,
)
from fastdnn.course.improving.initialization import (
    initialize_parameters_he,
    initialize_parameters_random,
    initialize_parameters_zeros,
)
from fastdnn.course.improving.mini_batches import random_mini_batches
from fastdnn.course.improving.optimization import (
    initialize_adam,
    initialize_velocity,
    update_parameters_with_adam,
    update_parameters_with_gd,
    update_parameters_with_momentum,
)
from fastdnn.course.improving.propagation import (
    backward_propagation,
    compute_cost,
    compute_loss,
    forward_propagation,
    predict,
    predict_dec,
    update_parameters,
)
from fastdnn.course.improving.regularization import (
    backward_propagation_with_regularization,
    compute_cost_with_regularization,
    initialize_parameters,
)

__all__ = [
    "backward_propagation",
    "backward_propagation_n",
    "backward_propagation_with_dropout",
    "backward_propagation_with_regularization",
    "compute_cost",
    "compute_cost_with_regularization",
    "compute_loss",
    "decay",
    "dictionary_to_vector",
    "dropout",
    "forward_propagation",
    "forward_propagation_n",
    "forward_propagation_with_dropout",
    "gradient_check",
    "gradient_check_n",
    "gradient_checking",
    "gradients_to_vector",
    "initialization",
    "initialize_adam",
    "initialize_parameters",
    "initialize_parameters_he",
    "initialize_parameters_random",
    "initialize_parameters_zeros",
    "initialize_velocity",
    "mini_batches",
    "optimization",
    "optimization_model",
    "predict",
    "predict_dec",
    "propagation",
    "random_mini_batches",
    "regularization",
    "schedule_lr_decay",
    "update_lr",
    "update_parameters",
    "update_parameters_with_adam",
    "update_parameters_with_gd",
    "update_parameters_with_momentum",
    "vector_to_dictionary",
]
