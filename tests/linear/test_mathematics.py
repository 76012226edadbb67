"""The mathematics of regularization, stated as tests."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, linalg, optimize, sparse
from sklearn.linear_model import lars_path

from skreg import ElasticNet, Lasso, Ridge, enet_path, lasso_path
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian

MANY = 100_000


def tight_lasso(alpha, **options):
    return Lasso(alpha, **{"tol": 1e-14, "max_iter": MANY, **options})


def tight_net(alpha, l1_ratio, **options):
    return ElasticNet(
        alpha, l1_ratio=l1_ratio, **{"tol": 1e-14, "max_iter": MANY, **options}
    )


def orthonormal(n_samples=40, n_features=8, scale=1.0, seed=0):
    """X with X'X = scale^2 I, and y."""
    rng = np.random.default_rng(seed)
    X, _ = np.linalg.qr(rng.standard_normal((n_samples, n_features)))
    return scale * X, 3.0 * rng.standard_normal(n_samples)


def soft(z, threshold):
    return np.sign(z) * np.maximum(np.abs(z) - threshold, 0.0)


class TestOrthonormalDesign:
    """X'X = I and z = X'y: closed forms."""

    alphas = pytest.mark.parametrize("alpha", [0.003, 0.02, 0.1])
    ratios = pytest.mark.parametrize("l1_ratio", [0.0, 0.2, 0.7, 1.0])

    @alphas
    def test_lasso(self, alpha):
        X, y = orthonormal()
        model = tight_lasso(alpha, fit_intercept=False).fit(X, y)
        expected = soft(X.T @ y, len(y) * alpha)
        np.testing.assert_allclose(model.coef_, expected, atol=1e-13)
        assert np.array_equal(model.coef_ == 0, expected == 0)

    @alphas
    def test_ridge(self, alpha):
        X, y = orthonormal()
        model = Ridge(alpha, fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(model.coef_, X.T @ y / (1 + alpha), rtol=1e-13)

    @alphas
    @ratios
    def test_elastic_net(self, alpha, l1_ratio):
        X, y = orthonormal()
        model = tight_net(alpha, l1_ratio, fit_intercept=False).fit(X, y)
        n = len(y)
        expected = soft(X.T @ y, n * alpha * l1_ratio)
        expected /= 1 + n * alpha * (1 - l1_ratio)
        np.testing.assert_allclose(model.coef_, expected, atol=1e-13)

    @alphas
    def test_positive(self, alpha):
        X, y = orthonormal()
        model = tight_lasso(alpha, fit_intercept=False, positive=True).fit(X, y)
        expected = np.maximum(X.T @ y - len(y) * alpha, 0.0)
        np.testing.assert_allclose(model.coef_, expected, atol=1e-13)


class TestOrthogonalDesign:
    """X'X = n I and z = X'y / n: the same in the scale of the mean loss."""

    alphas = pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])

    @staticmethod
    def data():
        X, y = orthonormal(scale=np.sqrt(40))
        return X, y, X.T @ y / len(y)

    @alphas
    def test_lasso(self, alpha):
        X, y, z = self.data()
        model = tight_lasso(alpha, fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(model.coef_, soft(z, alpha), atol=1e-13)

    @alphas
    def test_ridge(self, alpha):
        X, y, z = self.data()
        model = Ridge(alpha, fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(model.coef_, z / (1 + alpha / len(y)), rtol=1e-13)

    @alphas
    @pytest.mark.parametrize("l1_ratio", [0.0, 0.2, 0.7, 1.0])
    def test_elastic_net(self, alpha, l1_ratio):
        X, y, z = self.data()
        model = tight_net(alpha, l1_ratio, fit_intercept=False).fit(X, y)
        expected = soft(z, alpha * l1_ratio) / (1 + alpha * (1 - l1_ratio))
        np.testing.assert_allclose(model.coef_, expected, atol=1e-13)

    def test_zeros_leave_one_by_one_while_ridge_has_none(self):
        X, y, z = self.data()
        knots = np.sort(np.abs(z))[::-1]
        alphas = np.geomspace(1.001 * knots[0], 0.999 * knots[-1], 400)
        assert np.min(-np.diff(np.log(knots))) > np.log(alphas[0] / alphas[1])
        _, coefs, _ = lasso_path(X, y, alphas=alphas, tol=1e-12)
        sizes = np.count_nonzero(coefs, axis=0)
        assert sizes[0] == 0
        assert sizes[-1] == X.shape[1]
        assert set(np.diff(sizes)) == {0, 1}
        for alpha in alphas[::100]:
            ridge = Ridge(alpha * len(y), fit_intercept=False).fit(X, y)
            assert np.all(ridge.coef_ != 0)


ALPHA_MAX_PROBLEMS = [name for name in PROBLEMS if name != "breast_cancer"]


class TestAlphaMax:
    @pytest.mark.parametrize("l1_ratio", [0.1, 0.5, 1.0])
    @pytest.mark.parametrize("positive", [False, True])
    @pytest.mark.parametrize("fit_intercept", [False, True])
    @pytest.mark.parametrize("name", ALPHA_MAX_PROBLEMS)
    def test_everything_is_zero_at_alpha_max_and_not_below(
        self, name, fit_intercept, positive, l1_ratio
    ):
        problem = PROBLEMS[name]()
        largest = oracle.alpha_max(*problem[:3], fit_intercept, positive, l1_ratio)
        model = ElasticNet(
            l1_ratio=l1_ratio,
            fit_intercept=fit_intercept,
            positive=positive,
            tol=1e-14,
            max_iter=MANY,
        )
        model.set_params(alpha=largest * (1 + 1e-12)).fit(*problem[:3])
        assert np.all(model.coef_ == 0)
        model.set_params(alpha=0.999 * largest).fit(*problem[:3])
        assert np.any(model.coef_ != 0)

    @pytest.mark.parametrize("make", [Lasso, ElasticNet])
    @pytest.mark.parametrize("name", ["diabetes", "tall", "wide", "sparse_tall"])
    def test_default_tolerance_suffices(self, name, make):
        problem = PROBLEMS[name]()
        ratio = 1.0 if make is Lasso else 0.5
        largest = oracle.alpha_max(problem.X, problem.y, l1_ratio=ratio)
        at = make(largest * (1 + 1e-12)).fit(problem.X, problem.y)
        below = make(0.999 * largest).fit(problem.X, problem.y)
        assert np.all(at.coef_ == 0)
        assert np.any(below.coef_ != 0)

    @pytest.mark.parametrize("name", ALPHA_MAX_PROBLEMS)
    def test_null_model_predicts_the_weighted_mean(self, name):
        problem = PROBLEMS[name]()
        model = Lasso(2 * oracle.alpha_max(*problem[:3])).fit(*problem[:3])
        mean = np.average(problem.y, weights=problem.sample_weight)
        np.testing.assert_allclose(model.predict(problem.X), mean, rtol=1e-13)


def constrained_lasso(X, y, radius):
    """min ||y - X w||^2 / 2n subject to ||w||_1 <= radius, with w = u - v."""
    n_samples, n_features = X.shape

    def loss(parts):
        residual = y - X @ (parts[:n_features] - parts[n_features:])
        slope = -X.T @ residual / n_samples
        return residual @ residual / (2 * n_samples), np.append(slope, -slope)

    found = optimize.minimize(
        loss,
        np.full(2 * n_features, radius / (4 * n_features)),
        jac=True,
        method="SLSQP",
        bounds=[(0, None)] * (2 * n_features),
        constraints={
            "type": "ineq",
            "fun": lambda parts: radius - parts.sum(),
            "jac": lambda parts: -np.ones_like(parts),
        },
        options={"ftol": 1e-15, "maxiter": 1000},
    )
    assert found.success
    return found.x[:n_features] - found.x[n_features:]


def constrained_ridge(X, y, radius2):
    """min ||y - X w||^2 subject to ||w||_2^2 <= radius2, and the multiplier."""

    def loss(coef):
        residual = y - X @ coef
        return residual @ residual, -2 * X.T @ residual

    constraint = optimize.NonlinearConstraint(
        lambda coef: coef @ coef,
        -np.inf,
        radius2,
        jac=lambda coef: 2 * coef[None],
        hess=lambda coef, v: 2 * v[0] * np.eye(len(coef)),
    )
    return optimize.minimize(
        loss,
        np.zeros(X.shape[1]),
        jac=True,
        hess=lambda coef: 2 * X.T @ X,
        method="trust-constr",
        constraints=constraint,
        options={"gtol": 1e-10, "xtol": 1e-14, "maxiter": 2000},
    )


class TestConstrainedForm:
    @pytest.mark.parametrize("alpha", [0.02, 0.2, 0.6])
    def test_lasso(self, alpha):
        X, y = gaussian(50, 5, 4, seed=21)
        y = y - y.mean()
        model = tight_lasso(alpha, fit_intercept=False).fit(X, y)
        radius = np.abs(model.coef_).sum()
        assert radius > 0
        np.testing.assert_allclose(constrained_lasso(X, y, radius), model.coef_, atol=2e-6)

    @pytest.mark.parametrize("alpha", [0.5, 10.0, 100.0])
    def test_ridge_with_alpha_as_the_multiplier(self, alpha):
        X, y = gaussian(50, 5, 4, seed=22)
        model = Ridge(alpha, fit_intercept=False).fit(X, y)
        found = constrained_ridge(X, y, model.coef_ @ model.coef_)
        np.testing.assert_allclose(found.x, model.coef_, rtol=1e-5)
        np.testing.assert_allclose(found.v[0][0], alpha, rtol=1e-4)

    def test_a_constraint_that_does_not_bind_is_least_squares(self):
        X, y = gaussian(50, 5, 4, seed=23)
        coef = np.linalg.lstsq(X, y, rcond=None)[0]
        free = constrained_lasso(X, y, 2 * np.abs(coef).sum())
        np.testing.assert_allclose(free, coef, atol=1e-5)
        barely = tight_lasso(1e-9, fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(barely.coef_, coef, atol=1e-7)


class TestBayes:
    """Gaussian noise of variance sigma^2; prior on the coefficients."""

    sigma2, tau2 = 0.7, 0.3

    def test_ridge_is_the_posterior_mean_by_conditioning(self):
        X, y = gaussian(30, 6, 4, seed=31)
        covariance = self.tau2 * X @ X.T + self.sigma2 * np.eye(len(y))
        mean = self.tau2 * X.T @ np.linalg.solve(covariance, y)
        model = Ridge(self.sigma2 / self.tau2, fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(model.coef_, mean, rtol=1e-10)

    def test_ridge_is_the_posterior_mean_one_observation_at_a_time(self):
        X, y = gaussian(30, 6, 4, seed=32)
        mean, covariance = np.zeros(6), self.tau2 * np.eye(6)
        for x, target in zip(X, y, strict=True):
            gain = covariance @ x / (x @ covariance @ x + self.sigma2)
            mean = mean + gain * (target - x @ mean)
            covariance = covariance - np.outer(gain, x @ covariance)
        model = Ridge(self.sigma2 / self.tau2, fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(model.coef_, mean, rtol=1e-10)

    def test_ridge_is_the_posterior_mean_by_quadrature(self):
        x = np.array([0.5, -1.0, 2.0])
        y = np.array([1.0, 0.2, 1.5])

        def density(w):
            return np.exp(
                -np.sum((y - w * x) ** 2) / (2 * self.sigma2) - w**2 / (2 * self.tau2)
            )

        total, _ = integrate.quad(density, -10, 10, points=[0, 1])
        first, _ = integrate.quad(lambda w: w * density(w), -10, 10, points=[0, 1])
        model = Ridge(self.sigma2 / self.tau2, fit_intercept=False).fit(x[:, None], y)
        np.testing.assert_allclose(model.coef_[0], first / total, rtol=1e-7)

    def test_flat_prior_on_the_intercept(self):
        X, y = gaussian(30, 4, 3, seed=33)
        wide = 1e8
        covariance = self.tau2 * X @ X.T + wide + self.sigma2 * np.eye(len(y))
        weights = np.linalg.solve(covariance, y)
        model = Ridge(self.sigma2 / self.tau2).fit(X, y)
        np.testing.assert_allclose(model.coef_, self.tau2 * X.T @ weights, rtol=1e-5)
        np.testing.assert_allclose(model.intercept_, wide * weights.sum(), rtol=1e-5)

    def test_lasso_is_the_posterior_mode_under_a_laplace_prior(self):
        X, y = gaussian(30, 3, 2, seed=34)
        scale = 0.2

        def negative_log_posterior(w):
            residual = y - X @ w
            likelihood = residual @ residual / (2 * self.sigma2)
            return likelihood + np.abs(w).sum() / scale

        alpha = self.sigma2 / (scale * len(y))
        model = tight_lasso(alpha, fit_intercept=False).fit(X, y)
        found = optimize.minimize(
            negative_log_posterior,
            np.linalg.lstsq(X, y, rcond=None)[0],
            method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 20_000},
        )
        np.testing.assert_allclose(model.coef_, found.x, atol=1e-6)
        assert negative_log_posterior(model.coef_) <= found.fun + 1e-12
        mean = Ridge(self.sigma2 / (2 * scale**2), fit_intercept=False).fit(X, y)
        assert np.abs(mean.coef_ - model.coef_).max() > 1e-3


class TestPath:
    @pytest.mark.parametrize("name", ["diabetes", "tall", "correlated", "wide"])
    def test_support_changes_by_one_feature_at_every_knot(self, name):
        problem = PROBLEMS[name]()
        X = problem.X - problem.X.mean(axis=0)
        y = problem.y - problem.y.mean()
        knots, _, coefs = lars_path(X, y, method="lasso", alpha_min=1e-3)
        knots, coefs = knots[:16], coefs[:, :16]
        supports = []
        for k in range(len(knots) - 1):
            between = (knots[k] + knots[k + 1]) / 2
            model = tight_lasso(between).fit(X, y)
            expected = (coefs[:, k] + coefs[:, k + 1]) / 2
            np.testing.assert_allclose(model.coef_, expected, atol=1e-7)
            supports.append(np.flatnonzero(model.coef_))
            assert np.array_equal(supports[-1], np.flatnonzero(expected))
        assert len(supports) >= 6
        changes = [len(np.setxor1d(before, after)) for before, after in pairwise(supports)]
        assert set(changes) == {1}

    @pytest.mark.parametrize("name", ["diabetes", "tall", "wide", "sparse_tall"])
    def test_ridge_has_no_zeros_at_any_alpha(self, name):
        problem = PROBLEMS[name]()
        for alpha in np.geomspace(1e-3, 1e6, 7):
            assert np.all(Ridge(alpha).fit(problem.X, problem.y).coef_ != 0)

    @pytest.mark.parametrize("name", ["diabetes", "tall", "wide", "correlated"])
    def test_lasso_shrinks_monotonely_in_the_l1_norm(self, name):
        problem = PROBLEMS[name]()
        largest = oracle.alpha_max(problem.X, problem.y)
        norms, losses = [], []
        for alpha in largest * np.geomspace(1.0, 1e-2, 25):
            model = tight_lasso(alpha).fit(problem.X, problem.y)
            norms.append(np.abs(model.coef_).sum())
            losses.append(np.sum((problem.y - model.predict(problem.X)) ** 2))
        assert np.all(np.diff(norms) > 0)
        assert np.all(np.diff(losses) < 0)

    @pytest.mark.parametrize("name", ["diabetes", "tall", "wide", "sparse_wide"])
    def test_ridge_shrinks_monotonely_in_the_l2_norm(self, name):
        problem = PROBLEMS[name]()
        norms = [
            linalg.norm(Ridge(alpha).fit(problem.X, problem.y).coef_)
            for alpha in np.geomspace(1e4, 1e-4, 30)
        ]
        assert np.all(np.diff(norms) > 0)

    @pytest.mark.parametrize("name", ["tall", "diabetes"])
    def test_elastic_net_path_is_continuous_from_ridge_to_lasso(self, name):
        problem = PROBLEMS[name]()
        alpha = 0.1 * oracle.alpha_max(problem.X, problem.y)
        ends = [
            (1e-9, tight_net(alpha, 0.0)),
            (1 - 1e-9, tight_lasso(alpha)),
        ]
        for l1_ratio, end in ends:
            near = tight_net(alpha, l1_ratio).fit(problem.X, problem.y)
            end.fit(problem.X, problem.y)
            np.testing.assert_allclose(
                near.coef_, end.coef_, atol=1e-6 * np.abs(end.coef_).max()
            )


class TestLimits:
    @pytest.mark.parametrize("name", ["tall", "weighted", "diabetes", "sparse_tall"])
    def test_small_alpha_tends_to_least_squares(self, name):
        problem = PROBLEMS[name]()
        A, b = oracle.explicit(*problem[:3])
        least = oracle.least_squares(A, b).astype(float)
        scale = np.abs(least).max()
        lasso = tight_lasso(1e-9 * oracle.alpha_max(*problem[:3])).fit(*problem[:3])
        np.testing.assert_allclose(lasso.coef_, least, atol=1e-5 * scale)
        ridge = Ridge(1e-10).fit(*problem[:3])
        np.testing.assert_allclose(ridge.coef_, least, atol=1e-6 * scale)

    @pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall"])
    def test_large_alpha_tends_to_zero(self, name):
        problem = PROBLEMS[name]()
        ridge = Ridge(1e12).fit(*problem[:3])
        assert 0 < np.abs(ridge.coef_).max() < 1e-8
        for l1_ratio in (0.1, 1.0):
            net = ElasticNet(1e12, l1_ratio=l1_ratio).fit(*problem[:3])
            assert np.all(net.coef_ == 0)

    @pytest.mark.parametrize("alpha", [0.1, 5.0, 200.0])
    def test_ridge_degrees_of_freedom(self, alpha):
        X, y = gaussian(40, 6, 4, seed=41)
        change = 1.0
        trace = 0.0
        base = Ridge(alpha).fit(X, y).predict(X)
        for i in range(len(y)):
            moved = y.copy()
            moved[i] += change
            trace += Ridge(alpha).fit(X, moved).predict(X)[i] - base[i]
        values = linalg.svdvals(X - X.mean(axis=0)) ** 2
        np.testing.assert_allclose(trace, 1 + np.sum(values / (values + alpha)))

    def test_lasso_degrees_of_freedom_is_the_size_of_the_support(self):
        X, y = gaussian(40, 12, 4, seed=42)
        model = tight_lasso(0.1).fit(X, y)
        base, step, trace = model.predict(X), 1e-5, 0.0
        for i in range(len(y)):
            moved = y.copy()
            moved[i] += step
            trace += (tight_lasso(0.1).fit(X, moved).predict(X)[i] - base[i]) / step
        size = np.count_nonzero(model.coef_)
        assert 0 < size < 12
        np.testing.assert_allclose(trace, 1 + size, rtol=1e-5)


class TestGrouping:
    @pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 0.9])
    @pytest.mark.parametrize("alpha", [0.05, 0.5])
    def test_duplicate_columns_share_their_coefficient(self, l1_ratio, alpha):
        problem = PROBLEMS["duplicate_columns"]()
        model = tight_net(alpha, l1_ratio).fit(problem.X, problem.y)
        assert model.coef_[1] != 0
        np.testing.assert_allclose(model.coef_[1], model.coef_[7], rtol=1e-6)

    def test_opposite_columns_have_opposite_coefficients(self):
        problem = PROBLEMS["duplicate_columns"]()
        X = problem.X.copy()
        X[:, 7] *= -1
        model = tight_net(0.1, 0.5).fit(X, problem.y)
        assert model.coef_[1] != 0
        np.testing.assert_allclose(model.coef_[1], -model.coef_[7], rtol=1e-6)

    def test_grouping_bound_of_zou_and_hastie(self):
        """|w_j - w_k| <= ||y|| sqrt(2 (1 - corr)) / (n l2) for columns of norm 1."""
        X, y = gaussian(60, 6, 6, seed=51, correlation=0.9)
        X = X - X.mean(axis=0)
        X /= linalg.norm(X, axis=0)
        y = y - y.mean()
        alpha, l1_ratio = 0.01, 0.3
        model = tight_net(alpha, l1_ratio, fit_intercept=False).fit(X, y)
        coef = model.coef_
        l2 = len(y) * alpha * (1 - l1_ratio)
        pairs = [(j, k) for j in range(6) for k in range(j) if coef[j] * coef[k] > 0]
        assert pairs
        for j, k in pairs:
            bound = linalg.norm(y) * np.sqrt(2 * (1 - X[:, j] @ X[:, k])) / l2
            assert abs(coef[j] - coef[k]) <= bound


def scaled_net(c):
    """The elastic net whose l1 is c times that of the unscaled one, with the same l2."""
    l1, l2 = 0.025 * c, 0.025
    return tight_net(l1 + l2, l1 / (l1 + l2))


# Each makes the model whose coefficients are c times as large when y is.
EQUIVARIANT = {
    "lasso": lambda c: tight_lasso(0.05 * c),
    "elastic net": scaled_net,
    "positive": lambda c: tight_lasso(0.05 * c, positive=True),
    "ridge": lambda c: Ridge(2.0),
}


@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall"])
@pytest.mark.parametrize("kind", EQUIVARIANT)
class TestEquivariance:
    def fit(self, kind, problem, c=1.0):
        return EQUIVARIANT[kind](c).fit(*problem[:3])

    @pytest.mark.parametrize("c", [1e-3, 7.0])
    def test_scale_of_y(self, kind, name, c):
        problem = PROBLEMS[name]()
        base = self.fit(kind, problem)
        scaled = self.fit(kind, problem._replace(y=c * problem.y), c)
        np.testing.assert_allclose(
            scaled.coef_, c * base.coef_, atol=1e-7 * c * np.abs(base.coef_).max()
        )
        np.testing.assert_allclose(scaled.intercept_, c * base.intercept_, rtol=1e-6)

    def test_permuted_columns(self, kind, name):
        problem = PROBLEMS[name]()
        order = np.random.default_rng(0).permutation(problem.X.shape[1])
        base = self.fit(kind, problem)
        permuted = self.fit(kind, problem._replace(X=problem.X[:, order]))
        np.testing.assert_allclose(
            permuted.coef_, base.coef_[order], atol=1e-7 * np.abs(base.coef_).max()
        )

    def test_permuted_rows(self, kind, name):
        problem = PROBLEMS[name]()
        order = np.random.default_rng(0).permutation(len(problem.y))
        X = sparse.csr_array(problem.X)[order] if sparse.issparse(problem.X) else None
        X = problem.X[order] if X is None else X
        weight = problem.sample_weight
        moved = problem._replace(
            X=X,
            y=problem.y[order],
            sample_weight=None if weight is None else weight[order],
        )
        base = self.fit(kind, problem)
        np.testing.assert_allclose(
            self.fit(kind, moved).coef_,
            base.coef_,
            atol=1e-7 * np.abs(base.coef_).max(),
        )

    def test_constant_added_to_y_moves_the_intercept_only(self, kind, name):
        problem = PROBLEMS[name]()
        base = self.fit(kind, problem)
        moved = self.fit(kind, problem._replace(y=problem.y + 50.0))
        np.testing.assert_allclose(
            moved.coef_, base.coef_, atol=1e-7 * np.abs(base.coef_).max()
        )
        np.testing.assert_allclose(moved.intercept_, base.intercept_ + 50.0, rtol=1e-7)

    def test_columns_shifted_move_the_intercept_only(self, kind, name):
        problem = PROBLEMS[name]()
        shift = np.random.default_rng(1).uniform(-5, 5, problem.X.shape[1])
        base = self.fit(kind, problem)
        moved = self.fit(kind, problem._replace(X=oracle.dense(problem.X) + shift))
        np.testing.assert_allclose(
            moved.coef_, base.coef_, atol=1e-7 * np.abs(base.coef_).max()
        )
        np.testing.assert_allclose(
            moved.intercept_, base.intercept_ - shift @ base.coef_, atol=1e-6
        )

    def test_integer_weights_are_repeated_rows(self, kind, name):
        problem = PROBLEMS[name]()
        weight = np.random.default_rng(2).integers(0, 4, len(problem.y))
        X = oracle.dense(problem.X)
        repeated = problem._replace(
            X=np.repeat(X, weight, axis=0),
            y=np.repeat(problem.y, weight),
            sample_weight=None,
        )
        base = self.fit(kind, problem._replace(sample_weight=weight.astype(float)))
        copies = self.fit(kind, repeated)
        np.testing.assert_allclose(
            copies.coef_, base.coef_, atol=1e-7 * np.abs(base.coef_).max()
        )


def test_scaling_a_column_scales_its_lasso_threshold():
    X, y = gaussian(60, 8, 5, seed=61)
    scale = np.geomspace(0.1, 10, 8)
    model = tight_lasso(0.1).fit(X * scale, y)
    A, b = oracle.explicit(X * scale, y)
    slope = (A.T @ (b - A @ model.coef_)).astype(float)
    np.testing.assert_allclose(
        slope[model.coef_ != 0], 0.1 * np.sign(model.coef_[model.coef_ != 0])
    )
    assert np.all(np.abs(slope) <= 0.1 * (1 + 1e-9))


def test_ridge_and_elastic_net_without_l1_are_one_model():
    problem = PROBLEMS["diabetes"]()
    n = len(problem.y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = ElasticNet(0.3, l1_ratio=0).fit(problem.X, problem.y)
    ridge = Ridge(0.3 * n).fit(problem.X, problem.y)
    np.testing.assert_allclose(net.coef_, ridge.coef_, rtol=1e-10)


def test_elastic_net_is_a_lasso_on_stacked_rows():
    X, y = gaussian(40, 7, 5, seed=62)
    n, n_features = X.shape
    alpha, l1_ratio = 0.2, 0.6
    net = tight_net(alpha, l1_ratio, fit_intercept=False).fit(X, y)
    extra = np.sqrt(n * alpha * (1 - l1_ratio)) * np.eye(n_features)
    stacked = np.vstack([X, extra])
    target = np.append(y, np.zeros(n_features))
    ratio = n / len(target)
    lasso = tight_lasso(alpha * l1_ratio * ratio, fit_intercept=False)
    lasso.fit(stacked, target)
    np.testing.assert_allclose(net.coef_, lasso.coef_, atol=1e-7)


def test_residual_of_the_lasso_is_a_projection():
    """The residual is y minus its projection on {theta: |X'theta| <= n alpha}."""
    X, y = gaussian(25, 4, 3, seed=63)
    alpha = 0.15
    model = tight_lasso(alpha, fit_intercept=False).fit(X, y)
    residual = y - X @ model.coef_
    bound = len(y) * alpha
    assert np.abs(X.T @ residual).max() <= bound * (1 + 1e-9)
    rng = np.random.default_rng(0)
    for _ in range(200):
        theta = rng.standard_normal(len(y))
        theta *= rng.uniform() * bound / np.abs(X.T @ theta).max()
        assert (y - residual) @ (theta - residual) <= 1e-8 * (y @ y)


def test_enet_path_reaches_the_same_coefficients_as_the_estimator():
    X, y = gaussian(50, 9, 5, seed=64)
    X, y = X - X.mean(axis=0), y - y.mean()
    alphas, coefs, _ = enet_path(X, y, l1_ratio=0.7, alphas=6, tol=1e-14)
    for alpha, coef in zip(alphas, coefs.T, strict=True):
        model = tight_net(alpha, 0.7, fit_intercept=False).fit(X, y)
        np.testing.assert_allclose(coef, model.coef_, atol=1e-6)
