"""A ConvNet on 1-D data, trained by gradient descent from scratch, in NumPy alone. It tells three wave forms apart.

    INPUT(64x1) -> [CONV(8, 5) -> RELU -> POOL]*2 -> FC(16) -> RELU -> FC(3)

In the shape comments: N waves, L positions, C channels, K filters of F positions each.
"""

import numpy as np


def make_waves(n, seed):
    """Return n noisy sine, square and sawtooth waves of random frequency and phase, and the class of each."""
    rng = np.random.default_rng(seed)
    cycles, phase = rng.uniform(2, 5, (n, 1)), rng.uniform(0, 1, (n, 1))
    t = (cycles * np.arange(64) / 64 + phase) % 1  # (N, L): from 0 to 1 within each cycle
    forms = np.stack([np.sin(2 * np.pi * t), np.where(t < 0.5, 1, -1), 2 * t - 1])  # (3, N, L)
    y = rng.integers(3, size=n)
    return forms[y, np.arange(n), :, None] + 0.3 * rng.standard_normal((n, 64, 1)), y  # (N, L, 1), (N,)


def init(seed):
    """Return normal weights of deviation sqrt(2 / inputs of a neuron) (He et al. 2015, eq. 10) and zero biases."""
    rng = np.random.default_rng(seed)
    shapes = {"1": (5, 1, 8), "2": (5, 8, 8), "3": (128, 16), "4": (16, 3)}  # CONV (F, C, K), FC (inputs, outputs)
    weights = {"W" + i: rng.standard_normal(s) * np.sqrt(2 / np.prod(s[:-1])) for i, s in shapes.items()}
    return weights | {"b" + i: np.zeros(s[-1]) for i, s in shapes.items()}


def conv(X, W, b):
    """Slide the filters along the waves; at x, one filter gives np.dot(X[x:x+F, :].flatten(), W.flatten()) + b."""
    (F, C, K), L = W.shape, X.shape[1]
    X = np.pad(X, [(0, 0), (F // 2, F // 2), (0, 0)])  # zeros at both ends keep L: (N, L+F-1, C)
    return np.stack([X[:, x : x + F, :].reshape(-1, F * C) @ W.reshape(F * C, K) + b for x in range(L)], axis=1)


def conv_backward(dY, X, W):
    """Give each position's share of the gradient to the window that it saw, to the filters and to the biases."""
    (F, C, K), (N, L, _) = W.shape, X.shape
    X = np.pad(X, [(0, 0), (F // 2, F // 2), (0, 0)])  # (N, L+F-1, C)
    dX, dW = np.zeros_like(X), np.zeros_like(W)
    for x in range(L):
        dX[:, x : x + F, :] += (dY[:, x] @ W.reshape(F * C, K).T).reshape(N, F, C)
        dW += (X[:, x : x + F, :].reshape(N, F * C).T @ dY[:, x]).reshape(F, C, K)
    return dX[:, F // 2 : F // 2 + L], dW, dY.sum(axis=(0, 1))


def pool(X):
    """Keep the larger of each two neighbours: (N, L, C) becomes (N, L/2, C)."""
    return np.maximum(X[:, 0::2], X[:, 1::2])


def pool_backward(dY, X):
    """Give the gradient to the neighbour that won; of two equals, to the first."""
    first = X[:, 0::2] >= X[:, 1::2]
    return np.stack([dY * first, dY * ~first], axis=2).reshape(X.shape)  # (N, L/2, 2, C) becomes (N, L, C)


def forward(p, x):
    """Return the values after each step of the network; the last are the scores of the classes."""
    r1 = np.maximum(conv(x, p["W1"], p["b1"]), 0)  # (N, 64, 8)
    h1 = pool(r1)  # (N, 32, 8)
    r2 = np.maximum(conv(h1, p["W2"], p["b2"]), 0)  # (N, 32, 8)
    h2 = pool(r2).reshape(len(x), -1)  # (N, 16 * 8)
    r3 = np.maximum(h2 @ p["W3"] + p["b3"], 0)  # (N, 16)
    return r1, h1, r2, h2, r3, r3 @ p["W4"] + p["b4"]  # the scores are (N, 3)


def softmax_loss(scores, y):
    """Return the mean of -log(probability of the true class), and its gradient: (probability - truth) / N."""
    log_p = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)  # (N, 3), log(exp(score) / sum(exp(scores)))
    truth = np.eye(3)[y]  # (N, 3)
    return -np.sum(log_p * truth) / len(y), (np.exp(log_p) - truth) / len(y)


def loss_and_gradients(p, x, y):
    """Walk the chain rule from the loss back to the input. A ReLU lets the gradient through where it was positive."""
    r1, h1, r2, h2, r3, scores = forward(p, x)
    loss, d = softmax_loss(scores, y)  # (N, 3)
    g = {"W4": r3.T @ d, "b4": d.sum(axis=0)}
    d = d @ p["W4"].T * (r3 > 0)  # (N, 16)
    g |= {"W3": h2.T @ d, "b3": d.sum(axis=0)}
    d = (d @ p["W3"].T).reshape(-1, 16, 8)  # (N, 16, 8)
    d, g["W2"], g["b2"] = conv_backward(pool_backward(d, r2) * (r2 > 0), h1, p["W2"])  # (N, 32, 8)
    d, g["W1"], g["b1"] = conv_backward(pool_backward(d, r1) * (r1 > 0), x, p["W1"])  # (N, 64, 1)
    return loss, g


def gradient_check(p, x, y, h=1e-6):
    """Return, for each parameter, the relative error of its gradient against (loss(w + h) - loss(w - h)) / 2h."""
    errors = {}
    for name, g in loss_and_gradients(p, x, y)[1].items():
        numeric = np.zeros_like(g)
        for i in np.ndindex(g.shape):
            for sign in (1, -1):
                p[name][i] += sign * h
                numeric[i] += sign * softmax_loss(forward(p, x)[-1], y)[0] / (2 * h)
                p[name][i] -= sign * h
        errors[name] = np.linalg.norm(g - numeric) / (np.linalg.norm(g) + np.linalg.norm(numeric))
    return errors


def train(p, x, y, steps, lr):
    """Go downhill, changing the parameters in place; return the loss before each step."""
    losses = []
    for _ in range(steps):
        loss, gradients = loss_and_gradients(p, x, y)
        losses.append(loss)
        for name, dW in gradients.items():
            p[name] -= lr * dW
    return losses


if __name__ == "__main__":
    p, (x, y), (unseen, truth) = init(seed=1), make_waves(300, seed=2), make_waves(1000, seed=3)
    for name, error in gradient_check(p, x[:10], y[:10]).items():
        print(f"gradient of {name}: relative error {error:.1e}")
    losses = train(p, x, y, steps=300, lr=0.03)
    print(*(f"step {step:3}  loss {losses[step]:.4f}" for step in range(0, 300, 20)), sep="\n")
    print(f"accuracy on unseen waves: {np.mean(forward(p, unseen)[-1].argmax(axis=1) == truth):.3f}")
