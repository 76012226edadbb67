"""Independent formulas: explicit centred weighted copies of X, in long doubles.

Nothing here calls skreg. With A = omega^(1/2) (X - m) and b = omega^(1/2) (y - ybar),
where the weights omega sum to one, every problem of the tests reads

    1/2 ||b - A w||^2 + l1 ||w||_1 + l2 / 2 ||w||^2.
"""

import numpy as np
from scipy import linalg, sparse

LONG = np.longdouble


def dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def row_weights(n_samples, sample_weight):
    if sample_weight is None:
        sample_weight = np.ones(n_samples)
    weights = np.asarray(sample_weight, dtype=LONG)
    return weights / weights.sum()


def explicit(X, y, sample_weight=None, fit_intercept=True):
    """A and b as long doubles."""
    X, y = dense(X).astype(LONG), np.asarray(y, dtype=LONG)
    omega = row_weights(len(X), sample_weight)
    if fit_intercept:
        X, y = X - omega @ X, y - omega @ y
    roots = np.sqrt(omega)
    return roots[:, None] * X, (roots if y.ndim == 1 else roots[:, None]) * y


def mean_squares(X, y, coef, intercept, sample_weight=None):
    """1/2 weighted mean of the squared residuals of stored coefficients."""
    X, y = dense(X).astype(LONG), np.asarray(y, dtype=LONG)
    residual = y - X @ np.asarray(coef, dtype=LONG) - LONG(intercept)
    return row_weights(len(y), sample_weight) @ residual**2 / 2


def penalty_value(coef, l1, l2):
    coef = np.asarray(coef, dtype=LONG)
    return l1 * np.abs(coef).sum() + l2 * (coef @ coef) / 2


def objective(A, b, coef, l1, l2):
    residual = b - A @ np.asarray(coef, dtype=LONG)
    return residual @ residual / 2 + penalty_value(coef, l1, l2)


def dual_value(A, b, theta, l1, l2, positive=False):
    """Value of the dual at any theta; -inf where theta is not feasible."""
    correlation = A.T @ theta
    excess = np.maximum((correlation if positive else np.abs(correlation)) - l1, 0)
    value = b @ theta - theta @ theta / 2
    if l2 > 0:
        return value - excess @ excess / (2 * LONG(l2))
    return value if not np.any(excess > 0) else LONG(-np.inf)


def best_dual(A, b, coef, l1, l2, positive=False):
    """The better of two dual points built from the residual.

    One is the residual itself. The other is the residual of the rows (A; sqrt(l2) I)
    scaled into the feasible set of the lasso on those rows.
    """
    coef = np.asarray(coef, dtype=LONG)
    theta = b - A @ coef
    direct = dual_value(A, b, theta, l1, l2, positive)
    stacked = np.vstack([A, np.sqrt(LONG(l2)) * np.eye(len(coef), dtype=LONG)])
    target = np.append(b, np.zeros(len(coef), dtype=LONG))
    residual = target - stacked @ coef
    correlation = stacked.T @ residual
    size = np.max(correlation if positive else np.abs(correlation), initial=0)
    theta = residual if size <= l1 else l1 / size * residual  # feasible by its scale
    scaled = target @ theta - theta @ theta / 2
    return max(direct, scaled)


def strengths(alpha, l1_ratio):
    return alpha * l1_ratio, alpha * (1.0 - l1_ratio)


def certificate(model, X, y, sample_weight=None):
    """(gap, null objective) of a fitted Lasso or ElasticNet with one target."""
    l1, l2 = strengths(model.alpha, getattr(model, "l1_ratio", 1.0))
    A, b = explicit(X, y, sample_weight, model.fit_intercept)
    loss = mean_squares(X, y, model.coef_, model.intercept_, sample_weight)
    primal = loss + penalty_value(model.coef_, l1, l2)
    dual = best_dual(A, b, model.coef_, l1, l2, model.positive)
    return float(primal - dual), float(b @ b / 2)


def least_squares(B, c):
    """Least squares by Householder reflections in long doubles; B of full rank."""
    R, goal = np.array(B, dtype=LONG), np.array(c, dtype=LONG)
    n_columns = R.shape[1]
    for j in range(n_columns):
        v = R[j:, j].copy()
        v[0] += np.copysign(np.sqrt(v @ v), v[0])
        v /= np.sqrt(v @ v)
        R[j:, j:] -= 2 * np.outer(v, v @ R[j:, j:])
        goal[j:] -= 2 * np.multiply.outer(v, v @ goal[j:])
    solution = np.zeros((n_columns, *goal.shape[1:]), dtype=LONG)
    for j in reversed(range(n_columns)):
        solution[j] = (goal[j] - R[j, j + 1 :] @ solution[j + 1 :]) / R[j, j]
    return solution


def ridge(A, b, l2):
    """argmin 1/2 ||b - A w||^2 + l2 / 2 ||w||^2 from the stacked rows, l2 > 0."""
    n_features = A.shape[1]
    stacked = np.vstack([A, np.sqrt(LONG(l2)) * np.eye(n_features, dtype=LONG)])
    return least_squares(stacked, np.concatenate([b, np.zeros_like(b, shape=n_features)]))


def solve_support(A, b, support, signs, l1, l2):
    """Stationary point with a known support and signs, refined in long doubles."""
    part = A[:, support]
    stacked = np.vstack([part, np.sqrt(LONG(l2)) * np.eye(len(support), dtype=LONG)])
    (R,) = linalg.qr(stacked.astype(float), mode="r")
    R = R[: len(support)]
    coef = np.zeros(len(support), dtype=LONG)
    for _ in range(4):
        slope = part.T @ (b - part @ coef) - l2 * coef - l1 * signs
        half = linalg.solve_triangular(R, slope.astype(float), trans="T")
        coef = coef + linalg.solve_triangular(R, half)
    return coef


def active_set(A, b, l1, l2, positive=False, rtol=1e-12):
    """The optimum by feature-sign search: exact, one support at a time, from zero.

    Reference: Lee, Battle, Raina and Ng, Efficient sparse coding algorithms, 2006.
    """
    coef = np.zeros(A.shape[1], dtype=LONG)
    slack = rtol * np.abs(A.T @ b).max(initial=0)
    fresh = None
    for _ in range(100 * A.shape[1] + 100):
        slope = A.T @ (b - A @ coef) - l2 * coef
        if fresh is None:
            score = np.where(coef == 0, slope if positive else np.abs(slope), -np.inf)
            j = int(np.argmax(score))
            if score[j] <= l1 + slack:
                return coef
            fresh = j
        signs = np.sign(coef)
        signs[fresh] = np.sign(slope[fresh]) if coef[fresh] == 0 else signs[fresh]
        support = np.flatnonzero(signs)
        goal = solve_support(A, b, support, signs[support], l1, l2)
        start = coef[support]
        crossing = (goal * signs[support] <= 0) & (start != 0)
        steps = np.ones(len(support), dtype=LONG)
        steps[crossing] = start[crossing] / (start - goal)[crossing]
        step = steps.min()
        coef[support] = start + step * (goal - start)
        if step < 1:
            coef[support[np.argmin(steps)]] = 0
        else:
            fresh = None
    raise AssertionError("feature-sign search did not end")


def optimality_violation(A, b, coef, l1, l2, positive=False):
    """Largest distance of the slope from the subdifferential of l1 ||w||_1."""
    coef = np.asarray(coef, dtype=LONG)
    slope = A.T @ (b - A @ coef) - l2 * coef
    at_zero = np.maximum((slope if positive else np.abs(slope)) - l1, 0)
    away = np.abs(slope - l1 * np.sign(coef))
    return float(np.max(np.where(coef == 0, at_zero, away), initial=0))


def alpha_max(X, y, sample_weight=None, fit_intercept=True, positive=False, l1_ratio=1):
    A, b = explicit(X, y, sample_weight, fit_intercept)
    correlation = A.T @ b
    return float(np.max(correlation if positive else np.abs(correlation))) / l1_ratio


def row_sizes(rows):
    """Norms of the rows of features: what the multi-task penalty adds up."""
    return np.sqrt(np.sum(np.asarray(rows, dtype=LONG) ** 2, axis=1))


def joint_objective(A, B, W, l1, l2):
    """1/2 ||B - A W||^2 + l1 sum_j ||W_j|| + l2 / 2 ||W||^2, W of shape (p, T)."""
    sizes = row_sizes(W)
    residual = B - A @ np.asarray(W, dtype=LONG)
    return np.sum(residual**2) / 2 + l1 * sizes.sum() + l2 * (sizes @ sizes) / 2


def joint_dual(A, B, W, l1, l2):
    """The better of the two dual points of :func:`best_dual`, for row norms."""
    W = np.asarray(W, dtype=LONG)
    theta = B - A @ W
    value = np.sum(B * theta) - np.sum(theta**2) / 2
    excess = np.maximum(row_sizes(A.T @ theta) - l1, 0)
    if l2 > 0:
        direct = value - excess @ excess / (2 * LONG(l2))
    else:
        direct = value if not np.any(excess > 0) else LONG(-np.inf)
    size = row_sizes(A.T @ theta - l2 * W).max()
    scale = LONG(1) if size <= l1 else l1 / size
    length = np.sum(theta**2) + l2 * np.sum(W**2)  # of the rows (B; 0) - (A; root l2) W
    return max(direct, scale * np.sum(B * theta) - scale**2 * length / 2)


def joint_certificate(model, X, Y, sample_weight=None):
    """(gap, null objective) of a fitted multi-task model, as it is stored."""
    l1, l2 = strengths(model.alpha, getattr(model, "l1_ratio", 1.0))
    A, B = explicit(X, Y, sample_weight, model.fit_intercept)
    W = np.asarray(model.coef_, dtype=LONG).T
    rows = dense(X).astype(LONG) @ W + np.asarray(model.intercept_, dtype=LONG)
    squares = np.sum((np.asarray(Y, dtype=LONG) - rows) ** 2, axis=1)
    sizes = row_sizes(W)
    primal = row_weights(len(rows), sample_weight) @ squares / 2
    primal += l1 * sizes.sum() + l2 * (sizes @ sizes) / 2
    return float(primal - joint_dual(A, B, W, l1, l2)), float(np.sum(B**2) / 2)


def joint_violation(A, B, W, l1, l2):
    """Largest distance of a row of the slope from the subdifferential of l1 ||W_j||."""
    W = np.asarray(W, dtype=LONG)
    slope, sizes = A.T @ (B - A @ W) - l2 * W, row_sizes(W)
    at_zero = np.maximum(row_sizes(slope) - l1, 0)
    away = row_sizes(slope - l1 * W / np.where(sizes > 0, sizes, 1)[:, None])
    return float(np.max(np.where(sizes > 0, away, at_zero)))
