"""Compares our colour models with scikit-learn's on the sample photos: `mixtures.py`.

The samples are the foreground and the background seeds of the `smooth` map (see `instances.py` of
grid-maxflow). Both sides start from the same k-means and do ten rounds of EM with five full
covariances, with 1 added to each variance. Then `score_samples` of two mixtures on all samples is
compared with our costs of all samples, which evaluate both mixtures in one pass.

All figures are process CPU times on one pinned core. The competitors take turns, and ratios are
formed round by round. The script fails if the mean log-likelihoods differ by more than 1e-4 nats.
The table is Markdown.
"""

import argparse
import os
import tempfile
import time
from itertools import product
from pathlib import Path

# This import comes first, because it limits BLAS to one thread.
from instances import BACKGROUND, FOREGROUND, PHOTOS, SIZES, load_photo, saliency  # isort: skip

import numpy as np
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from stage import BINARY, call_ours
from timing import geometric_mean, keep_pages

NINE = [name for name in PHOTOS if not name.endswith("_original")]
COMPONENTS, ROUNDS = 5, 10


def seeds(rgb):
    """The colours of the foreground and of the background seeds."""
    order, pixels = (
        np.argsort(saliency(rgb, "smooth"), axis=None, kind="stable"),
        rgb.reshape(-1, 3),
    )
    count = len(pixels)
    first, last = order[: int(BACKGROUND * count)], order[-max(1, int(FOREGROUND * count)) :]
    return pixels[np.sort(last)], pixels[np.sort(first)]


def start(samples):
    """Weights, means and covariances of the clusters of a k-means."""
    labels = KMeans(COMPONENTS, n_init=1, random_state=0, max_iter=10).fit_predict(samples)
    clusters = [samples[labels == k] for k in range(COMPONENTS)]
    weights = np.array([len(c) / len(samples) for c in clusters])
    means = np.array([c.mean(0) for c in clusters])
    return weights, means, np.array([np.cov(c.T, bias=True) + np.eye(3) for c in clusters])


def cpu_ms(function):
    """The CPU time of a call in ms."""
    start = time.process_time()
    function()
    return 1000 * (time.process_time() - start)


def measure(binary, samples, rounds):
    """Rows of (scikit-learn's fit, our fit, its scores of two mixtures, our costs) in ms."""
    floats = samples.astype(float)  # score_samples truncates on integers
    weights, means, covariances = start(floats)
    precisions = np.linalg.inv(covariances)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        samples.tofile(f"{folder}/samples")
        np.concatenate(
            [np.r_[w, m, c.ravel()] for w, m, c in zip(weights, means, covariances)]
        ).tofile(f"{folder}/start")
        for _ in range(rounds):
            model = GaussianMixture(
                COMPONENTS,
                reg_covar=1.0,
                tol=0,
                max_iter=ROUNDS,
                weights_init=weights,
                means_init=means,
                precisions_init=precisions,
            )
            fit = cpu_ms(lambda: model.fit(floats))
            score = 2 * cpu_ms(lambda: model.score_samples(floats))
            repeat = max(3, 200_000 // len(samples))
            ours = call_ours(
                binary, "mixture", f"{folder}/samples", f"{folder}/start", "--repeat", repeat
            )
            rows.append([fit, float(ours["fit"][0]), score, float(ours["unaries"][0])])
        difference = abs(model.score(floats) - float(ours["likelihood"][0]))
        assert difference < 1e-4, f"the log-likelihoods differ by {difference}"
    return np.array(rows), difference


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", nargs="+", choices=NINE, default=NINE)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--binary", type=Path, default=BINARY, help="the example peer")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    keep_pages()

    groups = {}
    for size, name in product((224, 500), options.photos):
        for kind, samples in zip(
            ("foreground", "background"), seeds(load_photo(name, *SIZES[size]))
        ):
            measured = measure(options.binary, samples, options.rounds)
            groups.setdefault(f"{size} {kind}, {len(samples):,} samples", []).append(measured)
    header = [
        "class",
        "scikit-learn fit, ms",
        "ours, ms",
        "ratio",
        "two score_samples, ms",
        "our costs, ms",
        "ratio",
        "log-likelihood differs by at most",
    ]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for label, photos in groups.items():
        times = np.array([np.median(rows, axis=0) for rows, _ in photos])
        ratios = np.array([np.median(rows[:, ::2] / rows[:, 1::2], axis=0) for rows, _ in photos])
        cells = [f"{geometric_mean(column):.3g}" for column in times.T]
        gains = [f"{geometric_mean(r):.0f} ({r.min():.0f}-{r.max():.0f})" for r in ratios.T]
        differs = f"{max(difference for _, difference in photos):.1e}"
        cells = [label, cells[0], cells[1], gains[0], cells[2], cells[3], gains[1], differs]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
