"""Writes cuts of photos as DIMACS maximum-flow files: `instances.py OUTDIR [--photos NAME ...]`.

An instance is the problem that a segmentation like GrabCut gives to a maximum-flow solver. It is
made from a photo, an artificial saliency map, and colour mixtures that are fitted to the lowest
30 % and the highest 5 % of the map, on a grid with eight neighbours per pixel. There are four
classes per size: the map is `smooth` (blobs, like a class activation map) or `speckle` (like a
gradient map), and gamma, the strength of the smoothing, is 5 or 50.

A file has a line `c grid WIDTH HEIGHT`. Node 1 is the source, node 2 is the sink, and pixel (x, y)
is node 3 + y * WIDTH + x. Each direction of an edge has its own line, and arcs of capacity 0 are
left out.
"""

import argparse
import os
import re
import warnings
from functools import lru_cache
from itertools import product
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[threads] = "1"

import cv2
import numpy as np
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

cv2.setNumThreads(1)
warnings.simplefilter("ignore", ConvergenceWarning)  # 20 rounds of EM are wanted, converged or not

SAMPLES = Path(__file__).resolve().parents[3] / "data/sample/images"
PACKAGED = {
    "astronaut": skimage.data.astronaut,
    "chelsea_original": skimage.data.chelsea,
    "coffee_original": skimage.data.coffee,
    "china": lambda: load_sample_image("china.jpg"),
}
PHOTOS = [*PACKAGED, "chelsea", "coffee", "dragonfly", "drum", "fig", "rocket", "spaniels"]
SIZES = {224: (224, 224), 500: (500, 375), 1600: (1600, 1200)}
MAPS = ("smooth", "speckle")
GAMMAS = (5, 50)
STEPS = (
    (-1, 0),
    (-1, -1),
    (0, -1),
    (1, -1),
)  # (dx, dy) to one half of the neighbours, one edge plane each
BACKGROUND, FOREGROUND = 0.30, 0.05  # shares of the pixels that become hard seeds
SCALE = 1000  # integer capacities are round(SCALE * energy)


def load_photo(name, width, height):
    """The photo as RGB bytes, cropped about its centre to the aspect ratio, then resized."""
    if name in PACKAGED:
        rgb = PACKAGED[name]()
    else:
        rgb = np.asarray(Image.open(SAMPLES / f"{name}.jpg").convert("RGB"))
    full_height, full_width = rgb.shape[:2]
    crop_width = min(full_width, round(full_height * width / height))
    crop_height = min(full_height, round(full_width * height / width))
    left, top = (full_width - crop_width) // 2, (full_height - crop_height) // 2
    crop = np.ascontiguousarray(rgb[top : top + crop_height, left : left + crop_width])
    shrinks = width < crop_width
    return cv2.resize(
        crop, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    )


def saliency(rgb, kind):
    """An artificial saliency map, of blobs or speckle: a Gaussian about the centre times edges."""
    height, width = rgb.shape[:2]
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    blurred = cv2.GaussianBlur(edges, (0, 0), max(width, height) / 28)
    y, x = np.mgrid[:height, :width]
    bell = np.exp(
        -(((x - width / 2) / (0.3 * width)) ** 2 + ((y - height / 2) / (0.3 * height)) ** 2) / 2
    )
    envelope = bell * (0.2 + blurred / blurred.max())
    if kind == "smooth":
        coarse = cv2.resize(envelope, (14, 14), interpolation=cv2.INTER_AREA)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    noise = np.random.default_rng(0).rayleigh(1, envelope.shape)
    return envelope * noise * (0.3 + np.minimum(edges / (edges.mean() + 1e-6), 3))


def colour_cost(colours, seeds):
    """Minus the log-likelihood of each pixel under five Gaussians fitted to the seeds."""
    if len(seeds) > 40_000:
        seeds = np.random.default_rng(0).choice(seeds, 40_000, replace=False)
    mixture = GaussianMixture(5, reg_covar=1.0, max_iter=20, tol=1e-3, random_state=0)
    return -mixture.fit(colours[seeds]).score_samples(colours)


def sides(plane, step):
    """Two views of a plane, whose elements are a pixel and its neighbour at `step`."""
    (dx, dy), (height, width) = step, plane.shape[:2]
    here = plane[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
    there = plane[max(0, dy) : height - max(0, -dy), max(0, dx) : width - max(0, -dx)]
    return here, there


@lru_cache(maxsize=1)
def models(name, size, kind):
    """What does not depend on gamma: (photo, fg seeds, bg seeds, fg cost and bg cost per pixel)."""
    rgb = load_photo(name, *SIZES[size])
    colours = rgb.reshape(-1, 3).astype(np.float64)
    order = np.argsort(saliency(rgb, kind), axis=None, kind="stable")
    bg_seeds = np.sort(
        order[: int(BACKGROUND * order.size)]
    )  # sorted, because the k-means start depends on
    fg_seeds = np.sort(order[-max(1, int(FOREGROUND * order.size)) :])  # the order of the samples
    return rgb, fg_seeds, bg_seeds, colour_cost(colours, fg_seeds), colour_cost(colours, bg_seeds)


def make_instance(name, size, kind, gamma):
    """The instance of a photo as (width, height, source, sink, edges).

    `source`, `sink` and each of the four `edges` are int32 planes of height x width. For each
    pixel, `edges[k]` has the capacity in both directions between it and its neighbour at
    `STEPS[k]`, or 0 if that is outside the grid.
    """
    rgb, fg_seeds, bg_seeds, fg_cost, bg_cost = models(name, size, kind)
    height, width = rgb.shape[:2]
    common = np.minimum(fg_cost, bg_cost)
    source, sink = bg_cost - common, fg_cost - common
    source[fg_seeds], sink[fg_seeds] = 90 * gamma, 0
    source[bg_seeds], sink[bg_seeds] = 0, 90 * gamma

    pairs = [sides(rgb.astype(np.float64), step) for step in STEPS]
    distances = [((here - there) ** 2).sum(2) for here, there in pairs]
    mean = sum(d2.sum() for d2 in distances) / sum(d2.size for d2 in distances)
    beta = 1 / (2 * mean) if mean else 0.0
    edges = np.zeros((4, height, width))
    for edge, step, d2 in zip(edges, STEPS, distances):
        sides(edge, step)[0][:] = gamma * np.exp(-beta * d2) / np.hypot(*step)

    source, sink, edges = (np.rint(SCALE * part).astype(np.int32) for part in (source, sink, edges))
    return width, height, source.reshape(height, width), sink.reshape(height, width), edges


def arcs(instance):
    """The arcs of an instance as rows (from, to, capacity), without those of capacity 0."""
    width, height, source, sink, edges = instance
    nodes = np.arange(3, 3 + width * height).reshape(height, width)
    groups = [(np.ones_like(nodes), nodes, source), (nodes, np.full_like(nodes, 2), sink)]
    for edge, step in zip(edges, STEPS):
        (here, there), capacity = sides(nodes, step), sides(edge, step)[0]
        groups += [(here, there, capacity), (there, here, capacity)]
    rows = np.concatenate([np.stack([part.ravel() for part in group], 1) for group in groups])
    return rows[rows[:, 2] > 0]


def write_dimacs(path, instance, comment):
    """Writes an instance as a DIMACS max-flow file."""
    width, height = instance[:2]
    rows = arcs(instance)
    with open(path, "w") as file:
        file.write(f"c {comment}\nc grid {width} {height}\n")
        file.write(f"p max {2 + width * height} {len(rows)}\nn 1 s\nn 2 t\n")
        for start in range(0, len(rows), 100_000):
            part = rows[start : start + 100_000]
            file.write("a %d %d %d\n" * len(part) % tuple(part.ravel().tolist()))


def read_dimacs(path):
    """Reads such a file. Its edges must have the same capacity in both directions."""
    top, _, body = Path(path).read_text().partition("\na ")
    width, height = map(int, re.search(r"^c grid (\d+) (\d+)$", top, re.MULTILINE).groups())
    tail, head, capacity = (
        np.fromstring(body.replace("a ", ""), dtype=np.int64, sep=" ").reshape(-1, 3).T
    )
    planes = np.zeros((6, width * height), np.int32)
    source, sink, *edges = planes
    source[head[tail == 1] - 3] = capacity[tail == 1]
    sink[tail[head == 2] - 3] = capacity[head == 2]

    inner = (tail > 2) & (head > 2)
    tail, head, capacity = tail[inner] - 3, head[inner] - 3, capacity[inner]
    x_step, y_step = head % width - tail % width, head // width - tail // width
    for edge, (dx, dy) in zip(edges, STEPS):
        forward = (x_step == dx) & (y_step == dy)
        backward = (x_step == -dx) & (y_step == -dy)
        edge[tail[forward]] = capacity[forward]
        if forward.sum() != backward.sum() or (edge[head[backward]] != capacity[backward]).any():
            raise ValueError(f"{path}: the two capacities of an edge differ")
    source, sink, *edges = planes.reshape(6, height, width)
    return width, height, source, sink, np.stack(edges)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("outdir", type=Path)
    parser.add_argument("--photos", nargs="+", choices=PHOTOS, default=PHOTOS)
    parser.add_argument(
        "--sizes", default="224,500", help="some of 224, 500 and 1600 (default: %(default)s)"
    )
    options = parser.parse_args()
    options.outdir.mkdir(parents=True, exist_ok=True)
    for size in map(int, options.sizes.split(",")):
        for name in options.photos:
            for kind, gamma in product(MAPS, GAMMAS):
                stem = f"{name}.{size}.{kind}.g{gamma}"
                comment = f"{stem}, made by crates/grid-maxflow/benches/instances.py"
                write_dimacs(
                    options.outdir / f"{stem}.max", make_instance(name, size, kind, gamma), comment
                )
                print(stem, flush=True)


if __name__ == "__main__":
    main()
