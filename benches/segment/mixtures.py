"""Times our colour models against scikit-learn's on the sample photos, from the same start: `mixtures.py`.

The samples are the foreground and the background seeds of the `smooth` map (see `instances.py`).  Both sides do
ten rounds of EM with five full covariances and 1 added to each variance, from one k-means, and then evaluate:
`score_samples` of two mixtures on all samples against our costs of all samples, both mixtures in one pass.

Process CPU times on one pinned core; the competitors take turns, ratios are formed round by round.  The script
fails where the mean log-likelihoods differ by more than 1e-4 nats.  The table is Markdown.
"""

import argparse
import os
import tempfile
import time
from itertools import product
from pathlib import Path

from instances import BACKGROUND, FOREGROUND, PHOTOS, SIZES, load_photo, saliency  # first: one thread for all

import numpy as np
from peers import keep_pages, mean
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from stage import BINARY, call_ours

NINE = [name for name in PHOTOS if not name.endswith("_original")]
COMPONENTS, ROUNDS = 5, 10


def seeds(rgb):
    """The colours of the foreground and of the background seeds."""
    order, pixels = np.argsort(saliency(rgb, "smooth"), axis=None, kind="stable"), rgb.reshape(-1, 3)
    count = len(pixels)
    first, last = order[: int(BACKGROUND * count)], order[-max(1, int(FOREGROUND * count)) :]
    return pixels[np.sort(last)], pixels[np.sort(first)]


def start(samples):
    """Weights, means and covariances of the clusters of one k-means."""
    labels = KMeans(COMPONENTS, n_init=1, random_state=0, max_iter=10).fit_predict(samples)
    clusters = [samples[labels == k] for k in range(COMPONENTS)]
    weights = np.array([len(c) / len(samples) for c in clusters])
    means = np.array([c.mean(0) for c in clusters])
    return weights, means, np.array([np.cov(c.T, bias=True) + np.eye(3) for c in clusters])


def timed(work):
    begin = time.process_time()
    work()
    return 1000 * (time.process_time() - begin)


def measure(binary, samples, rounds):
    """Rows of (scikit-learn's fit, ours, its scores of two mixtures, our costs), in ms."""
    floats = samples.astype(float)  # score_samples truncates on integers
    weights, means, covariances = start(floats)
    precisions = np.linalg.inv(covariances)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        samples.tofile(f"{folder}/samples")
        np.concatenate([np.r_[w, m, c.ravel()] for w, m, c in zip(weights, means, covariances)]).tofile(f"{folder}/start")
        for _ in range(rounds):
            model = GaussianMixture(COMPONENTS, reg_covar=1.0, tol=0, max_iter=ROUNDS, weights_init=weights,
                                    means_init=means, precisions_init=precisions)
            fit = timed(lambda: model.fit(floats))
            score = 2 * timed(lambda: model.score_samples(floats))
            repeat = max(3, 200_000 // len(samples))
            ours = call_ours(binary, "mixture", f"{folder}/samples", f"{folder}/start", "--repeat", repeat)
            rows.append([fit, float(ours["fit"][0]), score, float(ours["unaries"][0])])
        difference = abs(model.score(floats) - float(ours["likelihood"][0]))
        assert difference < 1e-4, f"the log-likelihoods differ by {difference}"
    return np.array(rows), difference


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", nargs="+", choices=NINE, default=NINE)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--binary", type=Path, default=BINARY, help="our program")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    keep_pages()

    groups = {}
    for size, name in product((224, 500), options.photos):
        for kind, samples in zip(("foreground", "background"), seeds(load_photo(name, *SIZES[size]))):
            measured = measure(options.binary, samples, options.rounds)
            groups.setdefault(f"{size} {kind}, {len(samples):,} samples", []).append(measured)
    header = ["class", "scikit-learn fit, ms", "ours, ms", "ratio", "two score_samples, ms", "our costs, ms", "ratio",
              "log-likelihood differs by at most"]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for label, photos in groups.items():
        times = np.array([np.median(rows, axis=0) for rows, _ in photos])
        ratios = np.array([np.median(rows[:, ::2] / rows[:, 1::2], axis=0) for rows, _ in photos])
        cells = [f"{mean(column):.3g}" for column in times.T]
        gains = [f"{mean(r):.0f} ({r.min():.0f}-{r.max():.0f})" for r in ratios.T]
        differs = f"{max(difference for _, difference in photos):.1e}"
        print(f"| {label} | {cells[0]} | {cells[1]} | {gains[0]} | {cells[2]} | {cells[3]} | {gains[1]} | {differs} |")


if __name__ == "__main__":
    main()
