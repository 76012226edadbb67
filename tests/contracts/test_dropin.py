"""Changing the import line is enough: scikit-learn's signatures, attributes, values."""

import inspect

import numpy as np
import pytest
import sklearn.linear_model
from scipy import sparse

import skreg
from tests.contracts.estimators import (
    AT_ONE_ALPHA,
    CASES,
    EXACT_CASES,
    MULTI_OUTPUT,
    MULTI_TASK,
    MULTI_TASK_CV,
    ONE_TARGET_CV,
    PENALIZED,
    PENALIZED_CV,
    REFERENCE_TIGHT,
    STREAMED,
    TIGHT,
    assert_close,
    crossed,
    every_case,
    every_class,
    exact_class,
    make_data,
    of,
    sparsify,
    usual_targets,
)

PATHS = ["enet_path", "lasso_path"]
# In scikit-learn, Lasso is an ElasticNet and therefore carries a constant l1_ratio, the
# loop variable of a class body became an attribute, and a base class sets constants.
ABSENT = {
    "Lasso": {"l1_ratio"},
    "MultiTaskLasso": {"l1_ratio", "param"},
    "MultiTaskElasticNet": {"param"},
    "MultiTaskLassoCV": {"positive", "precompute"},
}
# Parameters that scikit-learn does not have, and their defaults.
ADDED = {cls: {"standardize": False} for cls in AT_ONE_ALPHA}
ADDED[skreg.RidgeCV] = {
    "rule": "min",
    "fold_weighting": "equal",
    "noise_variance": None,
    "ebic_gamma": 0.5,
    "n_jobs": None,
    "verbose": 0,
    "standardize": False,
}
ADDED_TO_CV = {
    "standardize": False,
    "scoring": None,
    "rule": "min",
    "fold_weighting": "equal",
    "relaxed": False,
    "saturation": None,
    "noise_variance": None,
    "ebic_gamma": 0.5,
}
ADDED |= dict.fromkeys(MULTI_TASK_CV, ADDED_TO_CV)
ADDED_TO_ONE_TARGET_CV = {
    **ADDED_TO_CV,
    "alpha_per_target": False,
}
ADDED |= dict.fromkeys(ONE_TARGET_CV, ADDED_TO_ONE_TARGET_CV)
ADDED[skreg.SGDRegressor] = {
    "solver": "sgd",
    "beta": 1.0,
    "quantile": 0.5,
    "standardize": False,
}
# The certificate stays in float64 for float32 data, and l1_ratio_ is always a float.
OWN_DTYPE = {"dual_gap_", "l1_ratio_"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:With alpha=0:UserWarning"),
    pytest.mark.filterwarnings("ignore:Coordinate descent with no reg:UserWarning"),
    pytest.mark.filterwarnings("ignore:The 'svd' mode:FutureWarning"),
    pytest.mark.filterwarnings("ignore:The lbfgs solver did not converge"),
    pytest.mark.filterwarnings(
        "ignore:A column-vector y:sklearn.exceptions.DataConversionWarning"
    ),
]


def parameters(function):
    return list(inspect.signature(function).parameters.values())


def assert_extends(ours, theirs):
    """Theirs first, unchanged; whatever is added is keyword-only and optional."""
    expected = parameters(theirs)
    found = parameters(ours)
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    variadic = [p for p in expected if p.kind is inspect.Parameter.VAR_KEYWORD]
    core = expected[: len(expected) - len(variadic)]
    extras = found[len(core) : len(found) - len(variadic)]
    assert found[: len(core)] == core
    assert [p.kind for p in found[len(found) - len(variadic) :]] == [
        p.kind for p in variadic
    ]
    for extra in extras:
        assert extra.kind is keyword_only
        assert extra.default is not inspect.Parameter.empty


@every_class
@pytest.mark.parametrize("method", ["__init__", "fit", "predict", "score"])
def test_signature_of_method(case, method):
    reference = type(case.reference())
    assert_extends(getattr(case.cls, method), getattr(reference, method))


@pytest.mark.parametrize("name", PATHS)
def test_signature_of_path(name):
    assert_extends(getattr(skreg, name), getattr(sklearn.linear_model, name))


@every_class
def test_path_attribute(case):
    """`path` is a static method of scikit-learn's coordinate descent estimators."""
    expected = getattr(case.reference(), "path", None)
    found = getattr(case.make(), "path", None)
    assert (found and found.__name__) == (expected and expected.__name__)


@every_class
def test_default_parameters_as_get_params_and_repr(case):
    ours, theirs = case.cls(), type(case.reference())()
    assert ours.get_params() == {**theirs.get_params(), **ADDED.get(case.cls, {})}
    assert repr(ours) == repr(theirs)
    assert repr(case.make()) == repr(case.reference())


def fitted_pair(case, n_targets, dtype):
    X, y = make_data(n_targets=n_targets)
    X = X.astype(dtype)
    return case.make().fit(X, y), case.reference().fit(X, y)


def public_names(estimator):
    return {name for name in dir(estimator) if not name.startswith("_")}


@every_case
def test_public_names_are_a_superset(case):
    ours, theirs = fitted_pair(case, case.n_targets, np.float64)
    missing = public_names(theirs) - public_names(ours)
    assert missing == ABSENT.get(case.cls.__name__, set())


def kind(case, name, value):
    array = np.asarray(value)
    # scikit-learn's SGD keeps the intercept in float64 beside float32 coefficients.
    own_dtype = OWN_DTYPE | ({"intercept_"} if case.cls in STREAMED else set())
    exact = name not in own_dtype and array.dtype.kind != "U"
    return array.shape, array.dtype if exact else None


def n_targets_of(case):
    one = [] if case.cls in MULTI_TASK else [None]
    return [*one, 1, 3] if case.cls in MULTI_OUTPUT else [*one, 1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("case", "n_targets"),
    [(case, count) for case in CASES for count in n_targets_of(case)],
    ids=str,
)
def test_attributes_have_the_same_shape_and_dtype(case, n_targets, dtype):
    ours, theirs = fitted_pair(case, n_targets, dtype)
    learned = {k: v for k, v in vars(theirs).items() if k.endswith("_")}
    present = {name: value for name, value in learned.items() if value is not None}
    expected = {name: kind(case, name, value) for name, value in present.items()}
    assert {name: kind(case, name, getattr(ours, name)) for name in present} == expected


@pytest.mark.parametrize(
    ("case", "n_targets"),
    [(case, count) for case in of(*AT_ONE_ALPHA) for count in n_targets_of(case)],
    ids=str,
)
def test_predictions_have_the_same_shape(case, n_targets):
    ours, theirs = fitted_pair(case, n_targets, np.float64)
    X, y = make_data(n_targets=n_targets, seed=1)
    assert ours.predict(X).shape == theirs.predict(X).shape
    assert np.ndim(ours.score(X, y)) == 0


@exact_class
def test_no_intercept_is_the_float_zero(case):
    X, y = case.data()
    intercept = case.make(fit_intercept=False).fit(X, y).intercept_
    assert isinstance(intercept, float)
    assert intercept == 0.0


@crossed(of(*PENALIZED))
@pytest.mark.parametrize("interface", ["spmatrix", "sparray"])
def test_sparse_coef_is_the_same_matrix(case, interface):
    ours, theirs = fitted_pair(case, case.n_targets, np.float64)
    with sklearn.config_context(sparse_interface=interface):
        found, expected = ours.sparse_coef_, theirs.sparse_coef_
    assert type(found) is type(expected)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found.toarray(), np.atleast_2d(ours.coef_))


TAGS = ["input_tags", "target_tags", "regressor_tags", "estimator_type"]


@every_case
@pytest.mark.parametrize("tag", TAGS)
def test_tags(case, tag):
    found = getattr(sklearn.utils.get_tags(case.make()), tag)
    expected = getattr(sklearn.utils.get_tags(case.reference()), tag)
    assert found == expected


ERRORS = {
    "alpha must be a float": ("Lasso", {"alpha": -1}, {}, "'alpha' parameter of Lasso"),
    "l1_ratio in [0, 1]": (
        "ElasticNet",
        {"l1_ratio": 2},
        {},
        "'l1_ratio' parameter of",
    ),
    "unknown solver": ("Ridge", {"solver": "none"}, {}, "'solver' parameter of Ridge"),
    "positive with svd": (
        "Ridge",
        {"positive": True, "solver": "svd"},
        {},
        "solver='svd' does not support positive fitting",
    ),
    "lbfgs without positive": (
        "Ridge",
        {"solver": "lbfgs"},
        {},
        "'lbfgs' solver can be used only when positive=True",
    ),
    "one penalty per target": (
        "Ridge",
        {"alpha": [1.0, 2.0, 3.0]},
        {"n_targets": 2},
        "Number of targets and number of penalties do not correspond: 3 != 2",
    ),
    "negative entry": (
        "LassoCV",
        {"alphas": (1, -1)},
        {},
        r"alphas\[1\] == -1, must be",
    ),
    "text entry": (
        "LassoCV",
        {"alphas": (1, "2")},
        {},
        r"alphas\[1\] must be an instance of float, not str",
    ),
    "zero entry": (
        "RidgeCV",
        {"alphas": (0.0, 1.0)},
        {},
        r"alphas\[0\] == 0.0, must be > 0.0",
    ),
    "cv with store": (
        "RidgeCV",
        {"cv": 3, "store_cv_results": True},
        {},
        "cv!=None and store_cv_results=True are incompatible",
    ),
    "several targets": (
        "ElasticNetCV",
        {},
        {"n_targets": 2},
        "For multi-task outputs, use MultiTaskElasticNetCV",
    ),
    "one target": (
        "MultiTaskElasticNet",
        {},
        {},
        "For mono-task outputs, use ElasticNet",
    ),
    "one target of CV": (
        "MultiTaskLassoCV",
        {},
        {},
        "For mono-task outputs, use LassoCV",
    ),
    "wrong Gram matrix": (
        "Lasso",
        {"precompute": 100 * np.ones((6, 6)), "fit_intercept": False},
        {},
        "Gram matrix.*did not pass validation",
    ),
}


@pytest.mark.parametrize("library", [skreg, sklearn.linear_model], ids=["ours", "theirs"])
@pytest.mark.parametrize(("name", "settings", "data", "text"), ERRORS.values(), ids=ERRORS)
def test_error_is_the_same(library, name, settings, data, text):
    X, y = make_data(**data)
    kinds = ValueError, TypeError
    with pytest.raises(kinds, match=text) as found:
        getattr(library, name)(**settings).fit(X, y)
    with pytest.raises(kinds) as expected:
        getattr(sklearn.linear_model, name)(**settings).fit(X, y)
    generic = {cls for cls in kinds if isinstance(expected.value, cls)}
    assert all(isinstance(found.value, cls) for cls in generic)


def weights_for(y, weighted):
    if not weighted:
        return None
    return np.random.default_rng(5).uniform(0.2, 3.0, size=len(y))


def accepts_sparse(case):
    return case.settings.get("solver") not in ("svd", "cholesky")


@crossed(EXACT_CASES)
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_values(case, container, weighted):
    X, y = case.data()
    X = sparsify(X)
    if container is not np.asarray and not accepts_sparse(case):
        pytest.skip("scikit-learn refuses this solver for sparse X with an intercept")
    sample_weight = weights_for(y, weighted)
    ours = case.make(**case.tight).fit(container(X), y, sample_weight=sample_weight)
    theirs = case.reference(**case.reference_tight)
    theirs.fit(X, y, sample_weight=sample_weight)
    assert_close(ours.coef_, theirs.coef_)
    assert_close(ours.intercept_, theirs.intercept_)
    assert_close(ours.predict(X), theirs.predict(X))


@crossed([c for c in of(*MULTI_OUTPUT) if not c.settings.get("alpha_per_target")])
def test_values_of_several_targets(case):
    X, y = make_data(n_targets=3)
    ours = case.make(**case.tight).fit(X, y)
    theirs = case.reference(**case.reference_tight).fit(X, y)
    assert_close(ours.coef_, theirs.coef_)
    assert_close(ours.intercept_, theirs.intercept_)


def is_unique_when_wide(case):
    """scikit-learn's L-BFGS, for positive ridge, is too loose to compare with here."""
    return case.settings.get("alpha") != 0 and not (
        case.cls is skreg.Ridge and case.positive
    )


@crossed([c for c in of(*AT_ONE_ALPHA) if is_unique_when_wide(c)])
def test_values_with_more_features_than_samples(case):
    X, y = case.data(15, 25)
    ours = case.make(**case.tight).fit(X, y)
    theirs = case.reference(**case.reference_tight).fit(X, y)
    assert_close(ours.coef_, theirs.coef_, rtol=1e-5)


@pytest.mark.parametrize("cls", AT_ONE_ALPHA)
@pytest.mark.parametrize("shape", [(40, 6), (15, 25)], ids=["tall", "wide"])
def test_no_penalty_is_the_least_squares_solution_of_smallest_norm(cls, shape):
    X, y = make_data(*shape, n_targets=usual_targets(cls))
    expected = sklearn.linear_model.LinearRegression().fit(X, y)
    found = cls(alpha=0).fit(X, y)
    assert_close(found.coef_, expected.coef_)
    assert_close(found.intercept_, expected.intercept_)


@crossed(of(*PENALIZED_CV))
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
def test_cross_validation_attributes(case, weighted):
    X, y = case.data()
    sample_weight = weights_for(y, weighted)
    ours = case.make(**TIGHT).fit(X, y, sample_weight=sample_weight)
    theirs = case.reference(**REFERENCE_TIGHT).fit(X, y, sample_weight=sample_weight)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-10)
    assert_close(ours.mse_path_, theirs.mse_path_)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-10)
    if hasattr(theirs, "l1_ratio_"):
        assert ours.l1_ratio_ == theirs.l1_ratio_


RIDGE_CV_CASES = {
    "default": {},
    "no intercept": {"fit_intercept": False},
    "many alphas": {"alphas": np.logspace(-3, 3, 13)},
    "scored": {"scoring": "neg_mean_absolute_error"},
    "r2": {"scoring": "r2"},
    "per target": {"alpha_per_target": True},
    "per target, scored": {"alpha_per_target": True, "scoring": "r2"},
}


@pytest.mark.parametrize("settings", RIDGE_CV_CASES.values(), ids=RIDGE_CV_CASES)
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("n_targets", [None, 1, 3])
@pytest.mark.parametrize("shape", [(40, 6), (12, 20)], ids=["tall", "wide"])
def test_leave_one_out_attributes(settings, weighted, n_targets, shape):
    if n_targets is None and {"alpha_per_target", "scoring"} <= settings.keys():
        pytest.skip("scikit-learn 1.9 raises IndexError here")
    X, y = make_data(*shape, n_targets=n_targets)
    sample_weight = weights_for(y, weighted)
    settings = {**settings, "store_cv_results": True}
    ours = skreg.RidgeCV(**settings).fit(X, y, sample_weight)
    theirs = sklearn.linear_model.RidgeCV(**settings).fit(X, y, sample_weight)
    for name in ("alpha_", "best_score_", "cv_results_", "coef_", "intercept_"):
        expected, found = getattr(theirs, name), getattr(ours, name)
        assert_close(found, expected, name=name)


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
@pytest.mark.parametrize("scoring", [None, "neg_mean_squared_error"])
def test_grid_search_attributes(scoring, weighted):
    X, y = make_data()
    sample_weight = weights_for(y, weighted)
    settings = {"cv": 4, "scoring": scoring, "alphas": (0.0, 0.1, 10.0)}
    ours = skreg.RidgeCV(**settings).fit(X, y, sample_weight)
    theirs = sklearn.linear_model.RidgeCV(**settings).fit(X, y, sample_weight)
    assert ours.alpha_ == theirs.alpha_
    assert ours.best_score_ == pytest.approx(theirs.best_score_, rel=1e-8)
    assert not hasattr(ours, "cv_results_")


@crossed(of(*PENALIZED))
def test_dual_gap_has_the_scale_of_scikit_learn(case):
    """Both bound the same distance: ours is at most theirs where ours is tighter."""
    X, y = case.data()
    loose = case.reference(max_iter=1, tol=0.0, warm_start=False)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning):
        loose.fit(X, y)
    tight = case.make(**TIGHT).fit(X, y)
    objective = [objective_at(case, model, X, y) for model in (loose, tight)]
    assert objective[0] - objective[1] <= loose.dual_gap_ * (1 + 1e-9)
    assert tight.dual_gap_ <= 1e-12 * np.var(y, axis=0).sum()


def objective_at(case, model, X, y):
    l1_ratio = getattr(case.make(), "l1_ratio", 1.0)
    loss = 0.5 * np.sum((y - model.predict(X)) ** 2) / len(y)
    scale = X.std(axis=0) if case.settings.get("standardize") else 1.0
    sizes = np.linalg.norm(np.atleast_2d(model.coef_), axis=0) * scale
    l1, l2 = sizes.sum(), np.square(sizes).sum()
    return loss + model.alpha * (l1_ratio * l1 + 0.5 * (1 - l1_ratio) * l2)


def both_paths(name, X, y, *, tight=True, **settings):
    """What skreg and scikit-learn return."""
    tols = (TIGHT, REFERENCE_TIGHT) if tight else ({}, {})
    libraries = (skreg, sklearn.linear_model)
    return [
        getattr(library, name)(X, y, **settings, **tol)
        for library, tol in zip(libraries, tols, strict=True)
    ]


PATH_SETTINGS = {
    "number": {"alphas": 7},
    "grid": {"alphas": [1.0, 10.0, 0.1]},
    "eps": {"alphas": 5, "eps": 0.1},
    "positive": {"alphas": 5, "positive": True},
    "precompute": {"alphas": 5, "precompute": True},
    "no precompute": {"alphas": 5, "precompute": False},
    "random": {"alphas": 5, "selection": "random", "random_state": 0},
    "start": {"alphas": 3, "coef_init": np.ones(6)},
    "unscreened": {"alphas": 3, "do_screening": False},
    "epochs": {"alphas": 5, "return_n_iter": True},
}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("settings", PATH_SETTINGS.values(), ids=PATH_SETTINGS)
@pytest.mark.parametrize("container", [np.asarray, sparse.csc_array])
def test_path_values(name, settings, container):
    X, y = make_data()
    X, y = sparsify(X - X.mean(axis=0)), y - y.mean()
    ours, theirs = both_paths(name, container(X), y, **settings)
    assert [np.shape(part) for part in ours] == [np.shape(part) for part in theirs]
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-10)
    assert_close(ours[1], theirs[1])
    assert np.all(ours[2] <= 1e-12 * np.mean(y**2))
    assert [type(part) for part in ours] == [type(part) for part in theirs]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("return_n_iter", [False, True])
def test_path_of_several_targets(name, n_targets, return_n_iter):
    X, y = make_data(n_targets=n_targets)
    settings = {"alphas": 4, "return_n_iter": return_n_iter}
    ours, theirs = both_paths(name, X - X.mean(axis=0), y - y.mean(axis=0), **settings)
    assert [np.shape(part) for part in ours] == [np.shape(part) for part in theirs]
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-10)
    assert_close(ours[1], theirs[1])


@pytest.mark.parametrize("name", PATHS)
def test_path_with_given_gram_and_correlation(name):
    X, y = make_data()
    X, y = X - X.mean(axis=0), y - y.mean()
    given = {"precompute": X.T @ X, "Xy": X.T @ y, "alphas": 5}
    ours, theirs = both_paths(name, X, y, **given)
    assert_close(ours[1], theirs[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PATHS)
def test_path_dtypes(name, dtype):
    X, y = make_data()
    ours, theirs = both_paths(name, X.astype(dtype), y.astype(dtype), alphas=4, tight=False)
    assert ours[1].dtype == theirs[1].dtype


@pytest.mark.parametrize("name", PATHS)
def test_default_path_has_100_alphas(name):
    X, y = make_data()
    ours, theirs = both_paths(name, X, y, tight=False)
    assert ours[1].shape == theirs[1].shape == (6, 100)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {"n_alphas": 5},
            "'n_alphas' was deprecated in 1.9 and will be removed in 1.11",
        ),
        ({"alphas": None}, "'alphas=None' is deprecated and will be removed in 1.11"),
    ],
    ids=["n_alphas", "None"],
)
def test_deprecations_of_paths(name, settings, text):
    X, y = make_data()
    with pytest.warns(FutureWarning, match=text):
        found = getattr(skreg, name)(X, y, **settings)
    with pytest.warns(FutureWarning, match=text):
        expected = getattr(sklearn.linear_model, name)(X, y, **settings)
    assert found[1].shape == expected[1].shape


@pytest.mark.parametrize("name", PATHS)
def test_unknown_parameter_of_path(name):
    X, y = make_data()
    with pytest.raises(ValueError, match=r"Unexpected parameters in params.*normalize"):
        getattr(skreg, name)(X, y, normalize=True)


@pytest.mark.parametrize("name", PATHS)
def test_positive_path_of_several_targets_is_refused(name):
    X, y = make_data(n_targets=2)
    with pytest.raises(ValueError, match="positive=True is not allowed for multi-output"):
        getattr(skreg, name)(X, y, positive=True)


WARNINGS = {
    "alpha=0": ("Lasso", {"alpha": 0}, UserWarning, "With alpha=0, this algorithm"),
    "alpha=0 chosen": (
        "ElasticNetCV",
        {"alphas": [0.0]},
        UserWarning,
        "With alpha=0, this algorithm",
    ),
    "not converged": (
        "ElasticNet",
        {"alpha": 1e-3, "max_iter": 1, "tol": 0.0},
        sklearn.exceptions.ConvergenceWarning,
        "Objective did not converge. You might want to increase the number of",
    ),
    "Gram of centred X": (
        "Lasso",
        {"precompute": np.eye(6)},
        UserWarning,
        "Gram matrix was provided but X was centered",
    ),
}


@pytest.mark.parametrize("library", [skreg, sklearn.linear_model], ids=["ours", "theirs"])
@pytest.mark.parametrize(
    ("name", "settings", "kind", "text"), WARNINGS.values(), ids=WARNINGS
)
def test_warning_is_the_same(library, name, settings, kind, text):
    X, y = make_data()
    with pytest.warns(kind, match=text):
        getattr(library, name)(**settings).fit(X, y)


@crossed(of(*ONE_TARGET_CV))
def test_column_vector_warns(case):
    X, y = make_data(n_targets=1)
    with pytest.warns(sklearn.exceptions.DataConversionWarning, match="column-vector y"):
        case.make().fit(X, y)


def test_svd_mode_on_sparse_data_warns():
    X, y = make_data()
    model = skreg.RidgeCV(gcv_mode="svd")
    with pytest.warns(FutureWarning, match="The 'svd' mode is not supported for sparse"):
        model.fit(sparse.csr_array(X), y)
