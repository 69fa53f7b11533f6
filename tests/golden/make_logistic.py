#!/usr/bin/env python3
"""Reference for the foreground head: PCA whitening and logistic regression of scikit-learn.

    python make_logistic.py [OUTPUT]         OUTPUT defaults to ./logistic.json beside this script

400 samples of 6 correlated features, with soft labels in 0..=1. A soft label y stands for two
samples, of weight y with label 1 and of weight 1 - y with label 0. `LogisticRegression` minimises
C * sum of losses + |v|^2 / 2, so that C = 1 / (samples * penalty) gives the mean loss and
penalty / 2 * |v|^2. The first 4 principal components are used, each divided by
sqrt(variance + 1e-3 * largest variance). "weights" and "bias" are those of the features as they are,
the bias less the logarithm of the labels' odds.
"""

import json
import sys
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression

SAMPLES, FEATURES, COMPONENTS, PENALTY = 400, 6, 4, 1e-3


def main():
    generator = np.random.default_rng(0)
    mixing = generator.normal(size=(FEATURES, FEATURES))
    features = np.round(generator.normal(size=(SAMPLES, FEATURES)) @ mixing + 1.0, 3)
    logits = features @ generator.normal(size=FEATURES) * 0.4 + generator.normal(size=SAMPLES)
    labels = np.round(1 / (1 + np.exp(-logits)), 3)

    pca = PCA(COMPONENTS).fit(features)
    # scikit-learn divides by samples - 1.
    variances = pca.explained_variance_ * (SAMPLES - 1) / SAMPLES
    to_white = pca.components_.T / np.sqrt(variances + 1e-3 * variances[0])
    white = (features - pca.mean_) @ to_white
    model = LogisticRegression(C=1 / (SAMPLES * PENALTY), tol=1e-12, max_iter=10000, solver="newton-cg")
    model.fit(
        np.vstack([white, white]),
        np.repeat([1, 0], SAMPLES),
        sample_weight=np.concatenate([labels, 1 - labels]),
    )
    weights = to_white @ model.coef_[0]
    share = labels.mean()
    bias = model.intercept_[0] - pca.mean_ @ weights - np.log(share / (1 - share))
    reference = {
        "components": COMPONENTS,
        "penalty": PENALTY,
        "features": features.tolist(),
        "labels": labels.tolist(),
        "weights": [float(f"{weight:.9g}") for weight in weights],
        "bias": float(f"{bias:.9g}"),
    }
    output = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("logistic.json"))
    output.write_text(json.dumps(reference) + "\n")


main()
