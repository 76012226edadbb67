"""How an alpha is chosen from scores."""

import copy
import pickle

import numpy as np
import pytest

from skreg.paths.selection import best_index, choose, make_results, summarize

SCORES = np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 9.0], [5.0, 5.0, 5.0]]])
ALPHAS = np.array([[3.0, 2.0, 1.0]])


def table(scores=SCORES, alphas=ALPHAS, **options):
    return make_results(alphas, *summarize(scores, **options))


def test_equal_folds_are_numpy_s_mean_and_ddof_1():
    mean, std, se = summarize(SCORES)
    np.testing.assert_allclose(mean, SCORES.mean(axis=-1))
    np.testing.assert_allclose(std, SCORES.std(axis=-1, ddof=1))
    np.testing.assert_allclose(se, SCORES.std(axis=-1, ddof=1) / np.sqrt(3))


def test_size_weighs_the_folds():
    sizes = np.array([1.0, 1.0, 2.0])
    mean, _, se = summarize(SCORES, "size", sizes)
    assert mean[0, 1] == (4 + 5 + 2 * 9) / 4
    spread = ((4 - 6.75) ** 2 + (5 - 6.75) ** 2 + 2 * (9 - 6.75) ** 2) / 4
    np.testing.assert_allclose(se[0, 1], np.sqrt(spread / 2))


def test_one_fold_has_no_spread():
    mean, std, se = summarize(SCORES[..., :1])
    assert mean[0, 1] == 4.0
    assert np.isnan(std).all()
    assert np.isnan(se).all()
    assert choose(make_results(ALPHAS, mean, std, se), "1se") == (0, 2)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_squares_of_huge_and_tiny_scores(scale):
    expected = [scale * part for part in summarize(SCORES)]
    np.testing.assert_allclose(summarize(scale * SCORES), expected, rtol=1e-12)


def test_scores_that_are_not_finite():
    scores = np.array([[1.0, np.nan, 2.0], [np.inf, 1.0, 2.0], [0.0, 0.0, 0.0]])
    mean, std, se = summarize(scores)
    np.testing.assert_array_equal(mean, [np.nan, np.inf, 0.0])
    np.testing.assert_array_equal(std, [np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(se, [np.nan, np.nan, 0.0])


def test_min_takes_the_best_mean_and_the_first_of_equals():
    assert choose(table(), "min") == (0, 1)
    assert choose(table(np.ones((1, 3, 3))), "min") == (0, 0)


def test_one_standard_error_takes_the_largest_alpha_within_it():
    # mean 6 and se 1.53 at the best; 5 at the smaller alpha, 2 at the larger
    assert choose(table(), "1se") == (0, 1)
    near = SCORES + np.array([2.6, 0.0, 0.0])[:, None]
    assert choose(table(near), "1se") == (0, 0)


def test_one_standard_error_stays_within_the_best_l1_ratio():
    scores = np.concatenate([SCORES - 0.1, SCORES])
    alphas = np.concatenate([10 * ALPHAS, ALPHAS])
    assert choose(table(scores, alphas), "1se")[0] == 1


def test_one_standard_error_with_unsorted_and_repeated_alphas():
    alphas = np.array([[1.0, 5.0, 5.0]])
    scores = np.array([[[4.0, 5.0, 9.0], [5.9, 6.0, 6.1], [5.8, 6.0, 6.2]]])
    assert choose(table(scores, alphas), "1se") == (0, 1)


def test_a_callable_returns_a_flat_index_or_a_tuple():
    assert choose(table(), lambda results: 2) == (0, 2)
    assert choose(table(), lambda results: np.int64(2)) == (0, 2)
    assert choose(table(), lambda results: (0, 1)) == (0, 1)
    assert choose(table(), lambda results: np.argmin(results.se_score)) == (0, 2)


@pytest.mark.parametrize("index", [3, -1, (0, 3), (1, 0), (0,), 1.0, None, "0", [[0, 1]]])
def test_a_callable_that_returns_anything_else_is_named(index):
    with pytest.raises(ValueError, match=r"rule=.* returned .*expected an int below 3"):
        choose(table(), lambda results: index)


def test_nan_everywhere_is_an_error_and_somewhere_a_warning():
    with pytest.raises(ValueError, match="NaN at every alpha"):
        best_index(np.full((1, 3), np.nan))
    with pytest.warns(UserWarning, match="NaN at 1 of 3"):
        assert best_index(np.array([[1.0, np.nan, 0.5]])) == (0, 0)


class TestWhatIsComputedOnDemand:
    """A column that is a function is called once, by the first who asks for it."""

    @staticmethod
    def results(calls):
        def df():
            calls.append(1)
            return np.arange(3.0)

        return make_results(ALPHAS, *np.zeros((3, 1, 3)), df=df)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda results: results.df,
            lambda results: results["df"],
            lambda results: results.get("df"),
            lambda results: dict(results)["df"],
            lambda results: dict(results.items())["df"],
            lambda results: list(results.values())[-1],
            lambda results: {**results}["df"],
            lambda results: results.copy().df,
            lambda results: copy.deepcopy(results).df,
            lambda results: pickle.loads(pickle.dumps(results)).df,
        ],
    )
    def test_everyone_gets_an_array(self, ask):
        calls = []
        results = self.results(calls)
        assert "df" in results
        assert list(results)[-1] == "df"
        assert calls == []
        np.testing.assert_array_equal(ask(results), np.arange(3.0))
        np.testing.assert_array_equal(ask(results), np.arange(3.0))
        assert calls == [1]

    def test_it_is_shown_as_an_array(self):
        assert "array([0., 1., 2.])" in repr(self.results([]))

    def test_an_unknown_name(self):
        results = self.results([])
        assert results.get("no") is None
        assert not hasattr(results, "no")
