"""Correlations with chosen columns, and what earlier residuals tell of a residual."""

import numpy as np
import pytest

from skreg._kernels.screening import N_SLOTS, compare, correlate
from skreg._solvers.sample import column_design, make_sample, residual_state
from tests.kernels.drive import explicit, given, stored

every_kind = pytest.mark.parametrize("kind", ["dense F", "float32", "csc"])
every_weighting = pytest.mark.parametrize("weighted", [False, True])


@every_kind
@every_weighting
def test_correlate_writes_the_chosen_features_only(kind, weighted):
    data = given(weighted, shape=(40, 60))
    sample = make_sample(stored(data.X, kind), data.y, data.sample_weight, True)
    design, _ = column_design(sample)
    residual = sample.y[:, 0] - 0.1 * sample.fitted(np.ones((1, 60)))[:, 0]
    gradient, chosen = np.full(60, np.nan), np.array([7, 0, 59])
    correlate(design, chosen, residual_state(design, sample, residual), gradient)
    expected = explicit(data)[0].T @ (residual * sample.weight_roots()[:, 0])
    np.testing.assert_allclose(gradient[chosen], expected[chosen], atol=1e-13)
    assert np.isnan(gradient).sum() == 57


@every_weighting
class TestCompare:
    """|r - share_a r_a - share_b r_b| <= radius for every pair (a, b)."""

    @staticmethod
    def compared(weighted, references, residual):
        """(norm of what is left, share, radius, reach) of every pair of references."""
        count, size = references.shape
        weights = np.full(size, 1.0 / size)
        if weighted:
            weights *= np.random.default_rng(9).uniform(0.1, 2.0, size)
        residuals, products = np.zeros((N_SLOTS, size)), np.zeros((N_SLOTS + 1, N_SLOTS))
        residuals[:count] = references
        products[:count, :count] = (references * weights) @ references.T
        share = np.full((2, N_SLOTS**2), np.nan)
        radius, reach = np.full((2, N_SLOTS**2), np.nan)
        norm2 = compare(
            residual,
            weights * residual,
            1,
            residuals,
            count,
            products,
            share,
            radius,
            reach,
        )
        np.testing.assert_allclose(norm2, weights @ residual**2, rtol=1e-13)
        share = share.reshape(2, N_SLOTS, N_SLOTS)[:, :count, :count]
        away = residual - np.einsum("mab,mabi->abi", share, pairs_of(references))
        square = [
            part.reshape(N_SLOTS, N_SLOTS)[:count, :count] for part in (radius, reach)
        ]
        return np.sqrt(away**2 @ weights), share, *square

    @pytest.mark.parametrize("distance", [0.0, 1e-9, 1e-3, 1.0])
    def test_bound(self, weighted, distance):
        rng = np.random.default_rng(1)
        for _ in range(20):
            references = rng.standard_normal((5, 30))
            away = distance * rng.standard_normal(30)
            residual = rng.standard_normal(2) @ references[1:3] + away
            left, _, radius, _ = self.compared(weighted, references, residual)
            assert np.all(left <= radius)
            assert radius[1, 2] <= 2.0 * distance + 1e-5
            assert np.all(radius <= np.diag(radius))  # two are not worse than the later one

    @pytest.mark.parametrize("apart", [0.0, 1e-15, 1e-12, 1e-8, 1e-7, 1e-5, 1e-2])
    def test_bound_of_collinear_references(self, weighted, apart):
        rng = np.random.default_rng(2)
        for _ in range(20):
            first, other, away = rng.standard_normal((3, 30))
            references = np.array([first, -2.0 * first + apart * other])
            for residual in (0.5 * first, 0.5 * first + 1e-3 * away, away):
                left, share, radius, _ = self.compared(weighted, references, residual)
                assert np.all(np.isfinite(share))
                assert np.all(left <= radius)
                assert np.all(radius <= np.diag(radius))

    def test_references_that_are_zero(self, weighted):
        residual = np.random.default_rng(0).standard_normal(30)
        left, share, radius, _ = self.compared(weighted, np.zeros((2, 30)), residual)
        assert not share.any()
        np.testing.assert_allclose(radius, left)
        assert np.all(left <= radius)

    def test_pairs_with_the_one_to_be_replaced_reach_everything(self, weighted):
        references = np.random.default_rng(0).standard_normal((4, 30))
        *_, radius, reach = self.compared(weighted, references, references.sum(axis=0))
        replaced = np.zeros((4, 4), dtype=bool)
        replaced[1] = replaced[:, 1] = True
        np.testing.assert_array_equal(np.isinf(reach), replaced)
        np.testing.assert_array_equal(reach[~replaced], radius[~replaced])


def pairs_of(references):
    """(2, n, n, n_samples): references a and b at [:, a, b]."""
    n, size = references.shape
    first = np.broadcast_to(references[:, None], (n, n, size))
    return np.array([first, first.transpose(1, 0, 2)])
