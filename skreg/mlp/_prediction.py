"""What a fitted network predicts, whole or thinned at random."""

import numpy as np
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted, validate_data

from skreg._validation import FLOATS
from skreg.mlp._flat_vector import FlatVector
from skreg.mlp._network import forward, sample_forward
from skreg.mlp._settings import noise_of


class Predictor(FlatVector):
    """Base of what has linear predictors of the output layer."""

    _seed: int

    def _eta(self, X):
        """Linear predictor of the output layer, (n_samples, n_outputs)."""
        check_is_fitted(self)
        return forward(self._network, self._current(), self._read_X(X))

    def _read_X(self, X):
        return validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=FLOATS, reset=False
        )

    def _random_etas(self, X, n_samples, random_state):
        """Linear predictors of thinned networks, (n_samples, n_rows, n_outputs)."""
        check_is_fitted(self)
        check_scalar(n_samples, "n_samples", target_type=(int, np.integer), min_val=1)
        noise = noise_of(self)._replace(input_noise=0.0)
        if not np.any(noise.dropout):
            raise ValueError(
                "Predictions are random only with dropout or input_dropout above 0."
            )
        seed = self._seed
        if random_state is not None:
            generator = check_random_state(random_state)
            seed = int(generator.randint(2**63 - 1, dtype=np.int64))
        params, X = np.ascontiguousarray(self._current()), self._read_X(X)
        return sample_forward(self._network, params, X, noise, n_samples, seed)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
