"""
Choosing λ: folds, one standard error, leave-one-out, BIC
=========================================================

Which of the 64 terms of a quadratic model of the diabetes data (442 patients, disease
progression one year later: ten measurements, their products and squares) belong into the
model? The same lasso path answers differently, depending on how λ is chosen:

* ``cv=10``: the smallest mean error of ten folds, and, with ``rule="1se"``, the sparsest
  model that is within one standard error of it;
* ``relaxed=True``: the path is blended with refits without a penalty, so that a small
  model need not be a shrunken one;
* ``cv="loo"``: leave-one-out, from the fit to all rows;
* ``cv="bic"``: a criterion, with the number of terms as degrees of freedom.

Run ``python examples/plot_choosing_lambda.py [FOLDER]``: it prints a table and saves
``choosing_lambda.png`` in FOLDER (default: the current one).
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import KFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skreg import LassoCV

SEX = 1  # has two values, so that its square says nothing new
SPLITS = 20
FOLDS = KFold(10, shuffle=True, random_state=0)

# %%
# The model: scaling the measurements makes products of them meaningful; the 64 terms are
# scaled by ``standardize=True``, inside every fold.

CHOICES = {
    "10 folds, min": {"cv": FOLDS},
    "10 folds, 1se": {"cv": FOLDS, "rule": "1se"},
    "10 folds, relaxed": {"cv": FOLDS, "relaxed": True},
    "leave-one-out": {"cv": "loo"},
    "BIC": {"cv": "bic"},
}
COLORS = dict(zip(CHOICES, ["C0", "C3", "C1", "C2", "C4"], strict=True))


def quadratic(X):
    """Every column, and the product of every pair of them, but for the square of sex."""
    first, second = np.triu_indices(X.shape[1])
    new = (first != SEX) | (second != SEX)
    return np.hstack([X, X[:, first[new]] * X[:, second[new]]])


def model_with(settings):
    """The pipeline that chooses λ as `settings` want it."""
    lasso = LassoCV(alphas=100, eps=3e-3, standardize=True, **settings)
    return make_pipeline(StandardScaler(), FunctionTransformer(quadratic), lasso)


# %%
# What every choice is worth on patients it has not seen. One split says little: the last
# column is the mean of twenty, with the standard deviation of a split.


def held_out_scores(X, y):
    """R² on a third of the rows, shape (SPLITS, len(CHOICES)), and the first models."""
    scores, first = [], None
    for seed in range(SPLITS):
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=1 / 3, random_state=seed
        )
        models = {
            name: model_with(settings).fit(X_train, y_train)
            for name, settings in CHOICES.items()
        }
        scores.append([model.score(X_test, y_test) for model in models.values()])
        first = first or {name: model[-1] for name, model in models.items()}
    return np.array(scores), first


def print_table(scores, models):
    """One row for every choice."""
    print(
        f"{'choice':19}{'λ':>7}{'terms':>7}{'held-out R²':>13}{f'in {SPLITS} splits':>18}"
    )
    for k, (name, lasso) in enumerate(models.items()):
        print(
            f"{name:19}{lasso.alpha_:7.3f}{np.count_nonzero(lasso.coef_):7d}"
            f"{scores[0, k]:13.3f}{scores[:, k].mean():11.3f} ± {scores[:, k].std():.3f}"
        )


# %%
# The picture: the mean error of the folds with its standard error, the same for refits
# without a penalty, and the error of leaving out every row; BIC below. λ falls from left
# to right, as the path is solved; the number of terms is on the top axis. Refits reach the
# error of the shrunken models with fewer terms, and overfit sooner.


def plot_errors(axes, models):
    """Mean squared errors of what was held out."""
    lasso = models["10 folds, min"]
    results, alphas = lasso.alpha_results_, lasso.alphas_
    mean, error = -results.mean_score[0], results.se_score[0]
    bars = {"fmt": ".", "ms": 5, "lw": 0.9, "color": "C0", "ecolor": "0.8", "zorder": 2}
    axes.errorbar(alphas, mean, error, label="10 folds, ± one standard error", **bars)
    refits = -models["10 folds, relaxed"].alpha_results_.mean_score[0, :, -1]
    axes.plot(alphas, refits, color="C1", label="10 folds, refits without a penalty")
    rows = -models["leave-one-out"].alpha_results_.mean_score[0]
    axes.plot(alphas, rows, color="C2", label="leave-one-out", zorder=3)
    best = np.argmin(mean)
    limit = mean[best] + error[best]
    axes.axhline(
        limit, color="C3", lw=1, ls=":", label="smallest mean + one standard error"
    )
    axes.set(ylabel="mean squared error, held out", ylim=(2550, 4500))
    axes.legend(loc="upper right", framealpha=1.0)


def mark_choices(panels, models):
    """Vertical lines at the chosen λ, named in the first panel."""
    for name, lasso in models.items():
        for axes in panels:
            axes.axvline(lasso.alpha_, color=COLORS[name], lw=1.2, ls="--", zorder=1)
        label = f"{name.removeprefix('10 folds, ')}: {np.count_nonzero(lasso.coef_)} terms"
        panels[0].annotate(
            label,
            (lasso.alpha_, 0.985),
            xycoords=("data", "axes fraction"),
            xytext=(-3, 0),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="top",
            color=COLORS[name],
        )


def count_terms(axes, lasso):
    """The number of non-zero coefficients on the top axis."""
    sizes, alphas = lasso.alpha_results_.support_size[0], lasso.alphas_
    ticks = np.linspace(0, len(alphas) - 1, 10).round().astype(int)
    top = axes.secondary_xaxis("top")
    top.set_xticks(alphas[ticks], [str(size) for size in sizes[ticks]])
    top.minorticks_off()
    top.set_xlabel("terms in the model")


def plot(models, filename):
    """Save the picture."""
    figure, (upper, lower) = plt.subplots(
        2, 1, figsize=(8.5, 7), height_ratios=[3, 1], sharex=True, layout="constrained"
    )
    plot_errors(upper, models)
    bic = models["BIC"]
    alphas = bic.alphas_
    lower.plot(alphas, -bic.alpha_results_.mean_score[0], color=COLORS["BIC"])
    lower.set(xscale="log", xlabel="λ (alpha)", ylabel="BIC")
    mark_choices((upper, lower), models)
    count_terms(upper, models["10 folds, min"])
    lower.set_xlim(alphas[0] * 1.1, alphas[-1] / 1.1)
    figure.savefig(filename, dpi=120)


def main(folder):
    """Print the table and save the picture."""
    data = load_diabetes(scaled=False)
    scores, models = held_out_scores(data.data, data.target)
    print_table(scores, models)
    folder.mkdir(parents=True, exist_ok=True)
    filename = folder / "choosing_lambda.png"
    plot(models, filename)
    print(f"saved {filename}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
