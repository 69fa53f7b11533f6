#!/usr/bin/env python3
"""Reference for Gaussian mixtures: ten EM rounds of scikit-learn from an explicit start.

    python make_mixtures.py [OUTPUT]         OUTPUT defaults to ./mixtures.json beside this script

One round of scikit-learn (and of `rounds` below) is an E step followed by an M step:
    E   responsibilities from the present weights, means and covariances
    M   counts = column sums of the responsibilities + 10 machine epsilons; weights = counts / sum;
        means; covariances = weighted scatter / counts + reg_covar on the diagonal
The start is used as given: reg_covar is not added to it. `rounds[k]` describes round k + 1:
"lower_bound" (scikit-learn's lower_bound_) is the mean log likelihood found in its E step, that is
BEFORE its M step; "score" is the mean log likelihood of the model AFTER it. So
rounds[k + 1].lower_bound = rounds[k].score. Final weights, means, covariances and densities
(natural log) are those after round 10. The samples must reach scikit-learn as floats: from integer
arrays score_samples and predict_proba of release 1.9.1 cut the squared distances to whole numbers.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

ROUNDS = 10
REG_COVAR = 1.0


def rounded(values):
    """Nested lists with 12 significant digits."""
    if np.ndim(values) == 0:
        return float(f"{float(values):.12g}")
    return [rounded(value) for value in values]


def make_samples(generator):
    """400 whole-numbered RGB colours: a green, a sky blue, a skin tone and uniform noise."""
    mixing = [[18, 0, 0], [14, 10, 0], [6, 4, 8]]
    clusters = [((70, 130, 40), 150, 1.0), ((150, 180, 235), 110, 0.9), ((205, 150, 115), 100, 1.3)]
    parts = [
        np.asarray(mean) + scale * generator.standard_normal((count, 3)) @ np.transpose(mixing)
        for mean, count, scale in clusters
    ]
    parts.append(generator.uniform(0, 255, (40, 3)))
    samples = np.clip(np.rint(np.concatenate(parts)), 0, 255)
    return samples[generator.permutation(len(samples))]


def fitted(samples, start, rounds):
    """scikit-learn's mixture after `rounds` EM rounds."""
    mixture = GaussianMixture(
        n_components=3,
        covariance_type="full",
        reg_covar=REG_COVAR,
        tol=0,
        max_iter=rounds,
        weights_init=start["weights"],
        means_init=start["means"],
        precisions_init=start["precisions"],
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(samples)


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "mixtures.json"
    generator = np.random.default_rng(7)
    samples = make_samples(generator)
    start = {  # numbers that JSON stores exactly
        "weights": np.array([0.5, 0.25, 0.25]),
        "means": np.array([[100.0, 100.0, 100.0], [128.0, 160.0, 180.0], [180.0, 160.0, 120.0]]),
        "precisions": np.array(
            [
                np.eye(3) / 1024,
                [[2, -1, 0], [-1, 2, 0], [0, 0, 1]] * np.full((3, 3), 1 / 2048),
                [[4, 1, -1], [1, 3, 0], [-1, 0, 2]] * np.full((3, 3), 1 / 4096),
            ]
        ),
    }

    models = [fitted(samples, start, rounds) for rounds in range(1, ROUNDS + 1)]
    assert [model.n_iter_ for model in models] == list(range(1, ROUNDS + 1))
    for model, following in zip(models, models[1:]):
        assert abs(model.score(samples) - following.lower_bound_) < 1e-9
    final = models[-1]
    probes = samples[:20]
    content = {
        "reg_covar": REG_COVAR,
        "samples": samples.astype(int).tolist(),
        "start": {name: rounded(values) for name, values in start.items()},
        "rounds": [
            {"lower_bound": rounded(model.lower_bound_), "score": rounded(model.score(samples))}
            for model in models
        ],
        "weights": rounded(final.weights_),
        "means": rounded(final.means_),
        "covariances": rounded(final.covariances_),
        "log_density_of_first_20": rounded(final.score_samples(probes)),
        "responsibilities_of_first_20": rounded(final.predict_proba(probes)),
    }
    output.write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
