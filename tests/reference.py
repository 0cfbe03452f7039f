"""The oracle of the tests: the course's equations as the course writes them, in loops and NumPy. Never optimised.

Shapes are the course's: examples are columns, so X is (n, m), W[l] (n_l, n_prev), b[l] (n_l, 1). Everything is float64
whatever comes in. Layers are lists from 0, for l = 1 .. L.
"""

from __future__ import annotations

import numpy as np

# --- activations: g(Z, slope), and dZ = dA * g'(Z) as backward(dA, Z, slope) ---


def identity(Z, slope=None):
    return Z.copy()


def identity_backward(dA, Z, slope=None):
    return dA.copy()


def relu(Z, slope=None):
    return np.maximum(Z, 0.0)


def relu_backward(dA, Z, slope=None):
    return np.where(Z > 0, dA, 0.0)


def leaky_relu(Z, slope=0.01):
    return np.where(Z > 0, Z, slope * Z)


def leaky_relu_backward(dA, Z, slope=0.01):
    return np.where(Z > 0, dA, slope * dA)


def sigmoid(Z, slope=None):
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-Z))


def sigmoid_backward(dA, Z, slope=None):
    A = sigmoid(Z)
    return dA * A * (1.0 - A)


def tanh(Z, slope=None):
    return np.tanh(Z)


def tanh_backward(dA, Z, slope=None):
    return dA * (1.0 - np.tanh(Z) ** 2)


def softmax(Z, slope=None):
    T = np.exp(Z - Z.max(axis=0, keepdims=True))
    return T / T.sum(axis=0, keepdims=True)


def softmax_backward(dA, Z, slope=None):
    """The Jacobian dA_i/dZ_j = A_i ((i = j) - A_j), written out, example by example."""
    A, dZ = softmax(Z), np.zeros(Z.shape)
    n, m = Z.shape
    for e in range(m):
        for j in range(n):
            for i in range(n):
                dZ[j, e] += dA[i, e] * A[i, e] * ((i == j) - A[j, e])
    return dZ


def normal(z, kind=np.longdouble):
    """Phi and phi of the normal distribution: Marsaglia's series for |z| < 2, Laplace's continued fraction from there."""
    z = z.astype(kind)
    x = np.abs(z)
    coarse = x.astype(np.float32).astype(kind)  # its square is exact
    density = np.exp(-coarse * coarse / 2) * np.exp(-(x - coarse) * (x + coarse) / 2)
    density /= np.sqrt(8 * np.arctan(kind(1)))
    near = np.minimum(x, 2)
    term, total = near.copy(), near.copy()
    for k in range(3, 121, 2):
        term = term * near * near / k
        total += term
    far, fraction = np.maximum(x, 2), np.zeros_like(x)
    for k in range(300, 0, -1):
        fraction = k / (far + fraction)
    tail = np.where(x < 2, kind(0.5) - density * total, density / (far + fraction))
    return np.where(z < 0, tail, 1 - tail), density


def _sigma(Z):
    return 1.0 / (1.0 + np.exp(-Z))


def _log_exp(Z):
    return np.logaddexp(0.0, Z)


def _elu(Z, scale, alpha):
    return scale * np.where(Z > 0, Z, alpha * np.expm1(np.minimum(Z, 0)))


def _elu_prime(Z, scale, alpha):
    return scale * np.where(Z > 0, 1.0, alpha * np.exp(np.minimum(Z, 0)))


_SELU = 1.0507009873554805, 1.6732632423543772
# g and g', each from Z
ELEMENTWISE = {
    "elu": (lambda Z: _elu(Z, 1, 1), lambda Z: _elu_prime(Z, 1, 1)),
    "selu": (lambda Z: _elu(Z, *_SELU), lambda Z: _elu_prime(Z, *_SELU)),
    "gelu": (lambda Z: Z * normal(Z)[0], lambda Z: normal(Z)[0] + Z * normal(Z)[1]),
    "silu": (lambda Z: Z * _sigma(Z), lambda Z: _sigma(Z) * (1 + Z * (1 - _sigma(Z)))),
    "mish": (
        lambda Z: Z * np.tanh(_log_exp(Z)),
        lambda Z: np.tanh(_log_exp(Z)) + Z * _sigma(Z) * (1 - np.tanh(_log_exp(Z)) ** 2),
    ),
    "softplus": (_log_exp, _sigma),
    "exponential": (np.exp, np.exp),
}


def _forward(g):
    return lambda Z, slope=None: g(Z).astype(np.float64)


def _backward(g_prime):
    return lambda dA, Z, slope=None: dA * g_prime(Z).astype(np.float64)


FORWARD = {f.__name__: f for f in (identity, relu, leaky_relu, sigmoid, tanh, softmax)}
FORWARD |= {name: _forward(g) for name, (g, _) in ELEMENTWISE.items()}
BACKWARD = {
    "identity": identity_backward,
    "relu": relu_backward,
    "leaky_relu": leaky_relu_backward,
    "sigmoid": sigmoid_backward,
    "tanh": tanh_backward,
    "softmax": softmax_backward,
    **{name: _backward(g_prime) for name, (_, g_prime) in ELEMENTWISE.items()},
}

# --- losses of each example (m,), from A[L] as the definition has it, and from Z[L] as it stays finite ---


def squared_error(AL, Y):
    return 0.5 * ((AL - Y) ** 2).sum(axis=0)


def squared_error_backward(AL, Y):
    return AL - Y


def binary_cross_entropy(AL, Y):
    return -(Y * np.log(AL) + (1 - Y) * np.log(1 - AL)).sum(axis=0)


def binary_cross_entropy_backward(AL, Y):
    return -(Y / AL - (1 - Y) / (1 - AL))


def categorical_cross_entropy(AL, Y):
    return -(Y * np.log(AL)).sum(axis=0)


def categorical_cross_entropy_backward(AL, Y):
    return -Y / AL


def absolute_error(AL, Y):
    return np.abs(AL - Y).sum(axis=0)


def absolute_error_backward(AL, Y):
    return np.sign(AL - Y)


def huber(AL, Y, delta=1.0):
    e = np.abs(AL - Y)
    return np.where(e <= delta, 0.5 * e**2, delta * (e - 0.5 * delta)).sum(axis=0)


def huber_backward(AL, Y, delta=1.0):
    return np.clip(AL - Y, -delta, delta)


def _taus(quantiles, n):
    return np.full((n, 1), 0.5) if quantiles is None else np.reshape(quantiles, (n, 1))


def quantile(AL, Y, quantiles=None):
    tau = _taus(quantiles, len(AL))
    return np.maximum(tau * (Y - AL), (tau - 1) * (Y - AL)).sum(axis=0)


def quantile_backward(AL, Y, quantiles=None):
    tau = _taus(quantiles, len(AL))
    return np.where(AL > Y, 1 - tau, np.where(AL < Y, -tau, 0.0))


def poisson(AL, Y):
    """Minus the log-likelihood of counts Y at the rate AL, up to log Y!."""
    return (AL - Y * np.log(AL)).sum(axis=0)


def poisson_backward(AL, Y):
    return 1 - Y / AL


def smoothed(Y, label_smoothing, classes):
    """(1 - e) Y + e / classes: what label smoothing makes of targets; classes is 2 where each output is one of two."""
    return (1 - label_smoothing) * Y + label_smoothing / classes


LOSS = {
    f.__name__: f
    for f in (squared_error, absolute_error, huber, quantile, poisson, binary_cross_entropy, categorical_cross_entropy)
}
LOSS_BACKWARD = {
    "squared_error": squared_error_backward,
    "absolute_error": absolute_error_backward,
    "huber": huber_backward,
    "quantile": quantile_backward,
    "poisson": poisson_backward,
    "binary_cross_entropy": binary_cross_entropy_backward,
    "categorical_cross_entropy": categorical_cross_entropy_backward,
}


def sigmoid_cross_entropy_from_logits(Z, Y):
    """log(1 + exp(Z)) - Y Z, finite for every finite Z."""
    return (np.logaddexp(0.0, Z) - Y * Z).sum(axis=0)


def softmax_cross_entropy_from_logits(Z, Y):
    """log(sum of exp(Z)) - Z[label], the largest logit subtracted first."""
    top = Z.max(axis=0)
    return np.log(np.exp(Z - top).sum(axis=0)) + (Y * (top - Z)).sum(axis=0)


def one_hot(labels, n):
    Y = np.zeros((n, len(labels)))
    for e, label in enumerate(labels):
        Y[label, e] = 1.0
    return Y


# --- products ---


def matmul(A, B):
    """sum over p of A[i, p] B[p, j], outer product by outer product, in float64."""
    A, B = np.asarray(A, np.float64), np.asarray(B, np.float64)
    C = np.zeros((A.shape[0], B.shape[1]))
    for p in range(A.shape[1]):
        C += A[:, p : p + 1] * B[p : p + 1, :]
    return C


def matmul_error(A, B, dtype):
    """What rounding can do to `matmul` in `dtype`, whatever the order: (k + 2) eps |A| |B|."""
    return (A.shape[1] + 2) * np.finfo(dtype).eps * matmul(np.abs(A), np.abs(B))


# --- a network: weights, biases, activations are lists over the layers ---


def forward_pass(weights, biases, activations, X, slope=0.01):
    """Z[1] .. Z[L] and A[0] .. A[L]."""
    Zs, As = [], [np.asarray(X, np.float64)]
    for W, b, name in zip(weights, biases, activations, strict=True):
        Zs.append(np.asarray(W, np.float64) @ As[-1] + np.asarray(b, np.float64))
        As.append(FORWARD[name](Zs[-1], slope))
    return Zs, As


def cost(weights, biases, activations, loss, X, Y, l2=0.0, slope=0.01):
    """J = mean loss + lambda/(2m) sum of squared weights."""
    AL = forward_pass(weights, biases, activations, X, slope)[1][-1]
    m = X.shape[1]
    return LOSS[loss](AL, Y).sum() / m + l2 / (2 * m) * sum((np.asarray(W, np.float64) ** 2).sum() for W in weights)


def gradients(weights, biases, activations, loss, X, Y, decay=0.0, slope=0.01):
    """dW[l], db[l] of mean loss + decay/2 sum of squared weights, by the chain rule without the fused forms."""
    Zs, As = forward_pass(weights, biases, activations, X, slope)
    m, L = X.shape[1], len(weights)
    dWs, dbs = [None] * L, [None] * L
    dA = LOSS_BACKWARD[loss](As[-1], Y)
    for l in range(L - 1, -1, -1):
        dZ = BACKWARD[activations[l]](dA, Zs[l], slope)
        dWs[l] = dZ @ As[l].T / m + decay * weights[l]
        dbs[l] = dZ.sum(axis=1, keepdims=True) / m
        dA = np.asarray(weights[l], np.float64).T @ dZ
    return dWs, dbs


def gradient_descent(parameters, grads, learning_rate):
    """New parameters; both are lists of arrays."""
    return [theta - learning_rate * g for theta, g in zip(parameters, grads, strict=True)]


def adam(parameters, grads, v, s, t, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """New parameters, v and s: epsilon outside the root, on the corrected moment, as the course writes it."""
    new, new_v, new_s = [], [], []
    for theta, g, v_old, s_old in zip(parameters, grads, v, s, strict=True):
        v_new = beta1 * v_old + (1 - beta1) * g
        s_new = beta2 * s_old + (1 - beta2) * g**2
        v_corrected = v_new / (1 - beta1**t)
        s_corrected = s_new / (1 - beta2**t)
        new.append(theta - learning_rate * v_corrected / (np.sqrt(s_corrected) + epsilon))
        new_v.append(v_new)
        new_s.append(s_new)
    return new, new_v, new_s


def train(weights, biases, activations, loss, X, Y, orders, batch, optimizer, learning_rate, l2=0.0, epsilon=1e-8):
    """Epochs over the examples in the given orders. Returns weights, biases, and the mean loss of each epoch.

    Leaky ReLU has its slope of 0.01. Losses are of each mini-batch at its own parameters and leave the L2 term out; lambda
    is divided by all m examples.
    """
    L, m = len(weights), X.shape[1]
    theta = [np.array(a, np.float64) for a in (*weights, *biases)]
    v, s = [np.zeros(a.shape) for a in theta], [np.zeros(a.shape) for a in theta]
    t, means = 0, []
    for order in orders:
        total = 0.0
        for first in range(0, m, batch):
            here = order[first : first + batch]
            W, b = theta[:L], theta[L:]
            AL = forward_pass(W, b, activations, X[:, here])[1][-1]
            total += LOSS[loss](AL, Y[:, here]).sum()
            dW, db = gradients(W, b, activations, loss, X[:, here], Y[:, here], l2 / m)
            t += 1
            if optimizer == "sgd":
                theta = gradient_descent(theta, [*dW, *db], learning_rate)
            else:
                theta, v, s = adam(theta, [*dW, *db], v, s, t, learning_rate, epsilon=epsilon)
        means.append(total / m)
    return theta[:L], theta[L:], means


# --- random numbers, in Python's integers ---

_MASK = (1 << 64) - 1


def splitmix64(x):
    """One draw of SplitMix64 in the state x."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


def random_uint64(seed, stream, counter):
    """SplitMix64 over the three words in turn, each added without carry to what came of those before."""
    x = 0
    for word in (seed, stream, counter):
        x = splitmix64(x ^ (word & _MASK))
    return x


def permutation(rows, seed, epoch):
    """Fisher and Yates from the front ("inside out"), place j of i + 1 by the upper 32 bits of the draw."""
    order = []
    for i, row in enumerate(rows):
        j = ((random_uint64(seed, epoch, i) >> 32) * (i + 1)) >> 32
        order.append(None)
        order[i] = order[j]
        order[j] = row
    return np.array(order, np.int64)
