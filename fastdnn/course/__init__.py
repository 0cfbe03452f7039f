"""The course's own functions under its own names, on the kernels that training uses.

    course.logistic     week 2: sigmoid, initialize_with_zeros, propagate, optimize, predict, model
    course.shallow      week 3: layer_sizes, initialize_parameters, forward_propagation, ..., nn_model, predict
    course.deep         week 4: initialize_parameters, ..., two_layer_model, L_layer_model, predict
    course.improving    the sequel: initialisation, L2, dropout, gradient checking, mini-batches, momentum, Adam, decay
    course.activations  sigmoid, tanh, relu, leaky_relu, identity, softmax, each with `_backward`; also here

Arrays have the course's shapes, examples as columns: X (n_x, m), W (n_l, n_{l-1}), b (n_l, 1), Y (1, m); everything is float64.
`parameters` and `grads` are dictionaries ("W1", "b1", "dW1", ...). Where the course draws random numbers, `seed` draws the same.
Shapes that do not fit and labels other than 0 and 1 raise fastdnn.errors.DataError; NumPy would have broadcast them.

Source: Andrew Ng, Deep Learning Specialization, courses 1, "Neural Networks and Deep Learning", and 2, "Improving Deep Neural
Networks".
"""

from fastdnn.course import activations, deep, improving, logistic, shallow
from fastdnn.course.activations import (
    L1,
    L2,
    identity,
    identity_backward,
    identity_derivative,
    leaky_relu,
    leaky_relu_backward,
    leaky_relu_derivative,
    relu,
    relu_backward,
    relu_derivative,
    sigmoid,
    sigmoid_backward,
    sigmoid_derivative,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
    tanh_derivative,
)

__all__ = [
    "L1",
    "L2",
    "activations",
    "deep",
    "identity",
    "identity_backward",
    "identity_derivative",
    "improving",
    "leaky_relu",
    "leaky_relu_backward",
    "leaky_relu_derivative",
    "logistic",
    "relu",
    "relu_backward",
    "relu_derivative",
    "shallow",
    "sigmoid",
    "sigmoid_backward",
    "sigmoid_derivative",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
    "tanh_derivative",
]
