"""Choose λ by cross-validation on real data, three ways, beside scikit-learn.

Diabetes data (442 patients, 10 measurements, disease progression one year later):

1. ``LassoCV`` and ``RidgeCV`` in a ``Pipeline`` with ``StandardScaler``,
2. ``GridSearchCV`` over an ``ElasticNet`` in the same pipeline,
3. the same with scikit-learn's classes: only the import differs.

Run ``python examples/quickstart.py [FOLDER]``: it prints a table and saves two
pictures in FOLDER (default: the current one), the coefficient path and the
cross-validation curve of the lasso.
"""

import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import sklearn.linear_model
from sklearn.datasets import load_diabetes
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skreg

RIDGE_ALPHAS = np.geomspace(1e-2, 1e4, 61)
GRID = {
    "elasticnet__alpha": np.geomspace(1e-2, 1e1, 13),
    "elasticnet__l1_ratio": [0.2, 0.5, 0.8],
}
TOL = {"tol": 1e-10, "max_iter": 100_000}  # tight, to compare the coefficients


def models(library):
    """The three ways to choose λ, from `library`'s classes."""
    return {
        "LassoCV": make_pipeline(StandardScaler(), library.LassoCV(cv=5, **TOL)),
        "RidgeCV": make_pipeline(StandardScaler(), library.RidgeCV(RIDGE_ALPHAS)),
        "GridSearchCV(ElasticNet)": GridSearchCV(
            make_pipeline(StandardScaler(), library.ElasticNet(**TOL)), GRID, cv=5
        ),
    }


def chosen(model, library):
    """The pipeline with its λ fixed at what `model` chose, and the fitted last step."""
    if isinstance(model, GridSearchCV):
        return model.best_estimator_, model.best_estimator_[-1]
    step = model[-1]
    fixed = {
        "LassoCV": lambda: library.Lasso(step.alpha_, **TOL),
        "RidgeCV": lambda: library.Ridge(step.alpha_),
    }[type(step).__name__]()
    return make_pipeline(StandardScaler(), fixed), step


def fit_and_score(model, library, data):
    """The figures of one row of the table."""
    X_train, X_test, y_train, y_test = data
    start = time.perf_counter()
    model.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    fixed, step = chosen(model, library)
    return {
        "alpha": getattr(step, "alpha_", getattr(step, "alpha", None)),
        "nonzero": np.count_nonzero(step.coef_),
        "cv_r2": cross_val_score(fixed, X_train, y_train, cv=5).mean(),
        "test_r2": model.score(X_test, y_test),
        "seconds": seconds,
        "coef": step.coef_,
    }


def print_table(data):
    """One row per model and library; returns skreg's models by name."""
    print(
        f"{'model':26}{'library':14}{'λ':>8}{'non-zero':>10}{'CV R²':>8}{'test R²':>9}"
        f"{'seconds':>9}{'largest coefficient difference':>32}"
    )
    ours, theirs = models(skreg), models(sklearn.linear_model)
    for name in ours:
        rows = {
            "skreg": fit_and_score(ours[name], skreg, data),
            "scikit-learn": fit_and_score(theirs[name], sklearn.linear_model, data),
        }
        gap = np.max(np.abs(rows["skreg"]["coef"] - rows["scikit-learn"]["coef"]))
        for library, row in rows.items():
            print(
                f"{name:26}{library:14}{row['alpha']:8.4g}{row['nonzero']:10d}"
                f"{row['cv_r2']:8.4f}{row['test_r2']:9.4f}{row['seconds']:9.3f}"
                + (f"{gap:32.1e}" if library == "skreg" else "")
            )
    return ours


def plot_path(X, y, names, alpha, filename):
    """Coefficients against λ."""
    X = StandardScaler().fit_transform(X)
    alphas, coefs, _ = skreg.lasso_path(X, y - y.mean(), **TOL)
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for name, coef in zip(names, coefs, strict=True):
        axes.plot(alphas, coef, label=name)
    axes.axvline(alpha, color="0.4", linestyle="--", label="chosen λ")
    axes.set(xscale="log", xlabel="λ (alpha)", ylabel="coefficient (scaled features)")
    axes.set_title("Lasso path: features enter as λ falls")
    axes.invert_xaxis()
    axes.legend(ncols=2, fontsize="small")
    figure.savefig(filename, dpi=120)


def plot_cv_curve(model, filename):
    """Held-out error against λ: every fold, their mean, one standard error."""
    mean = model.mse_path_.mean(axis=1)
    error = model.mse_path_.std(axis=1, ddof=1) / np.sqrt(model.mse_path_.shape[1])
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    axes.plot(model.alphas_, model.mse_path_, color="0.75", linewidth=0.8)
    axes.plot(model.alphas_, mean, color="C0", label="mean of the folds")
    axes.fill_between(
        model.alphas_, mean - error, mean + error, alpha=0.2, label="± 1 standard error"
    )
    axes.axvline(model.alpha_, color="0.4", linestyle="--", label="chosen λ")
    axes.set(xscale="log", xlabel="λ (alpha)", ylabel="mean squared error, held out")
    axes.set_title("Cross-validation of the lasso (grey: single folds)")
    axes.invert_xaxis()
    axes.legend()
    figure.savefig(filename, dpi=120)


def main(folder):
    """Print the table and save the pictures."""
    dataset = load_diabetes(scaled=False)
    data = train_test_split(dataset.data, dataset.target, random_state=0)
    lasso = print_table(data)["LassoCV"][-1]
    print("(the first row includes loading, or compiling, skreg's kernels)")
    print(f"relative duality gap of skreg's LassoCV: {lasso.relative_gap_:.1e}")
    folder.mkdir(parents=True, exist_ok=True)
    path, curve = folder / "lasso_path.png", folder / "lasso_cv_curve.png"
    plot_path(data[0], data[2], dataset.feature_names, lasso.alpha_, path)
    plot_cv_curve(lasso, curve)
    print(f"saved {path} and {curve}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
