#!/usr/bin/env python3
"""Saliency maps by their papers' formulas in exact fractions.

    python make_saliency.py [OUTPUT]         OUTPUT defaults to the folder of this script

OUTPUT/saliency.json has made-up arrays (multiples of 1/64, so exact in float32) and their maps, rounded once,
to float64. No map is normalised. k counts channels, (i, j) positions, n samples; mean_k is over positions.

"layer": activations A >= 0 and gradients G = dS/dA of a class score S, both [3, 3, 4]; maps [3, 4]
    grad_cam              relu(sum_k mean_k(G) A_k)                         Selvaraju et al. 2017
    grad_cam_plus_plus    relu(sum_k w_k A_k)                               Chattopadhyay et al. 2018
                          w_k = sum_ij alpha_kij relu(G_kij)
                          alpha = G^2 / (2 G^2 + sum_ab A_kab G^3), 0 where that divides by 0
    layer_cam             relu(sum_k relu(G_k) A_k)                         Jiang et al. 2021
    cam                   sum_k mean_k(H) A_k, H = gradients_constant       Zhou et al. 2016
    sum_of_magnitudes     sum_k |A_k G_k|
    gradient_norm         sqrt(sum_k G_k^2)
Grad-CAM++ takes derivatives of Y = exp(S), S piecewise linear in A: dY = exp(S) G, d2Y = exp(S) G^2, d3Y =
exp(S) G^3. exp(S) cancels in alpha; in w it is left out, so the map is the paper's divided by exp(S).
H is the gradient of a network that ends in a global pool and one linear layer: the same at all positions. CAM
has no relu. With a mean pool its class weights are H times the number of positions.

"input": gradients w [4, 3, 2, 3] of four samples, the pixels x [3, 2, 3], baseline 0; maps [2, 3]
    gradient                        max_c |w_1|
    gradient_times_input_sum        |sum_c w_1 x|
    smooth_grad                     max_c |mean_n w_n|
    var_grad                        max_c mean_n (w_n - mean w)^2           (divided by n, not n - 1)
    integrated_gradients_sum        |sum_c (x - 0) mean_n w_n|
"""

import json
import math
import random
import sys
from fractions import Fraction
from pathlib import Path


def relu(value):
    return max(value, Fraction(0))


def numbers(generator, count, low, high, zeros=0.0):
    """Random multiples of 1/64 from `low` to `high`, some of them 0."""
    return [
        Fraction(0)
        if generator.random() < zeros
        else Fraction(generator.randint(64 * low, 64 * high), 64)
        for _ in range(count)
    ]


def folded(values, *shape):
    """Floats in nested lists."""
    if not shape:
        return float(values[0])
    step = len(values) // shape[0]
    return [folded(values[part * step : (part + 1) * step], *shape[1:]) for part in range(shape[0])]


def layer_maps(generator):
    channels, places = range(3), range(12)
    a = [numbers(generator, 12, 0, 3, zeros=0.25) for _ in channels]
    g = [numbers(generator, 12, *limits, zeros=0.1) for limits in ((-1, 2), (-2, 1), (-2, 2))]
    h = [numbers(generator, 1, *limits) * 12 for limits in ((0, 2), (-2, 0), (-2, 2))]

    def weighted(weights):
        return [sum(weights[k] * a[k][p] for k in channels) for p in places]

    def alpha(k, p):
        below = 2 * g[k][p] ** 2 + sum(a[k]) * g[k][p] ** 3
        return g[k][p] ** 2 / below if below else Fraction(0)

    means = [sum(g[k]) / 12 for k in channels]
    alphas = [[alpha(k, p) for p in places] for k in channels]
    plus_plus = [sum(alphas[k][p] * relu(g[k][p]) for p in places) for k in channels]
    return {
        "activations": folded(sum(a, []), 3, 3, 4),
        "gradients": folded(sum(g, []), 3, 3, 4),
        "gradients_constant": folded(sum(h, []), 3, 3, 4),
        "grad_cam": folded([relu(value) for value in weighted(means)], 3, 4),
        "grad_cam_plus_plus": folded([relu(value) for value in weighted(plus_plus)], 3, 4),
        "layer_cam": folded(
            [relu(sum(relu(g[k][p]) * a[k][p] for k in channels)) for p in places], 3, 4
        ),
        "cam": folded(weighted([sum(h[k]) / 12 for k in channels]), 3, 4),
        "gradient_norm": folded(
            [math.sqrt(sum(g[k][p] ** 2 for k in channels)) for p in places], 3, 4
        ),
        "sum_of_magnitudes": folded(
            [sum(abs(a[k][p] * g[k][p]) for k in channels) for p in places], 3, 4
        ),
    }


def input_maps(generator):
    samples, channels, places = range(4), range(3), range(6)
    w = [[numbers(generator, 6, -2, 2) for _ in channels] for _ in samples]
    x = [numbers(generator, 6, -2, 2) for _ in channels]
    mean = [[sum(w[n][c][p] for n in samples) / 4 for p in places] for c in channels]

    def largest(value):
        """max_c |value(c, p)|"""
        return folded([max(abs(value(c, p)) for c in channels) for p in places], 2, 3)

    def total(value):
        """|sum_c value(c, p)|"""
        return folded([abs(sum(value(c, p) for c in channels)) for p in places], 2, 3)

    def product(c, p):
        return w[0][c][p] * x[c][p]

    def path(c, p):
        return (x[c][p] - 0) * mean[c][p]

    return {
        "gradients": folded(sum(sum(w, []), []), 4, 3, 2, 3),
        "pixels": folded(sum(x, []), 3, 2, 3),
        "gradient": largest(lambda c, p: w[0][c][p]),
        "gradient_times_input_sum": total(product),
        "smooth_grad": largest(lambda c, p: mean[c][p]),
        "var_grad": largest(lambda c, p: sum((w[n][c][p] - mean[c][p]) ** 2 for n in samples) / 4),
        "integrated_gradients_sum": total(path),
    }


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    generator = random.Random(2017)
    maps = {"layer": layer_maps(generator), "input": input_maps(generator)}
    lines = ",\n".join(
        f' "{part}": {{\n'
        + ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in entries.items())
        + "\n }"
        for part, entries in maps.items()
    )
    (output / "saliency.json").write_text("{\n" + lines + "\n}\n")


if __name__ == "__main__":
    main()
