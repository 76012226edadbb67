"""What solves a path, for one target at a time or for all together, on rows or moments."""

from typing import NamedTuple

from skreg._solvers.least_squares import solve_moments_path, solve_path
from skreg._solvers.multi_task import (
    solve_multi_task_moments_path,
    solve_multi_task_path,
)


class EachTarget(NamedTuple):
    """Every target is a problem of its own."""

    tol: float
    max_iter: int | None
    use_gram: bool | None = None

    @property
    def joint(self):
        """Whether the targets share their features."""
        return False

    def on_sample(self, sample, penalty, alphas, **known):
        """See :func:`skreg._solvers.least_squares.solve_path`."""
        settings = self._asdict() | known
        return solve_path(sample, penalty, alphas, **settings)

    def on_moments(self, moments, penalty, alphas, make_sample):
        """See :func:`skreg._solvers.least_squares.solve_moments_path`."""
        settings = {"tol": self.tol, "max_iter": self.max_iter, "scored_only": True}
        return solve_moments_path(moments, penalty, alphas, **settings)


class AllTargets(NamedTuple):
    """All targets are one problem, penalised by the row norms of their coefficients."""

    tol: float
    max_iter: int | None

    @property
    def joint(self):
        """Whether the targets share their features."""
        return True

    def on_sample(self, sample, penalty, alphas, **known):
        """See :func:`skreg._solvers.multi_task.solve_multi_task_path`."""
        settings = self._asdict() | known
        return solve_multi_task_path(sample, penalty, alphas, **settings)

    def on_moments(self, moments, penalty, alphas, make_sample):
        """See :func:`skreg._solvers.multi_task.solve_multi_task_moments_path`."""
        return solve_multi_task_moments_path(
            moments, penalty, alphas, make_sample=make_sample, **self._asdict()
        )
