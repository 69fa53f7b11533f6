"""Compares our stage from a saliency map to a box with OpenCV's grabCut on nine photos: `stage.py`.

Both sides get the same photo and the same 16-bit saliency map (see `instances.py` of grid-maxflow):
the 5 % of the pixels with the greatest saliency are foreground seeds, and the 30 % with the least
are background seeds. Ours fits two mixtures to the seeds and cuts once. `cv2.grabCut` is used in
two ways, each with 1 and with 5 cuts:
- `grabCut N` is the usual way: a mask in which the seeds are fixed and the other pixels are
  "probably foreground" above the 65 % quantile and "probably background" below it. Its first
  mixtures are fitted to all pixels with these labels.
- `seeded N`: the first mixtures are fitted to the seeds alone, as ours are, and the first cut does
  not change them.
All end with the box of the largest 8-connected component. Gamma is 50 and there are 5 + 5
components on both sides, because grabCut has no other values.

All figures are process CPU times in ms on one pinned core and one thread, from decoded arrays to
the box. In each round the competitors take turns on a photo; each gives the median of `--repeat`
runs, after one run to warm up. Ratios are formed round by round, before their median is taken, and
then averaged (geometric mean) over the photos of a class. `malloc` keeps its pages in OpenCV's
process, as in `peers.py` of grid-maxflow. The table is Markdown.

The script fails if our mask changes a seed, if our box is not that of the largest component of our
mask, or if OpenCV uses a second thread.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
from instances import BACKGROUND, FOREGROUND, MAPS, PHOTOS, SIZES, load_photo, saliency
from PIL import Image
from timing import geometric_mean, keep_pages

BINARY = Path(__file__).resolve().parents[2] / "target/release/examples/peer"
NINE = [name for name in PHOTOS if not name.endswith("_original")]
PROBABLE = 0.65  # above this quantile, pixels that are not seeds start as foreground
ROUNDS = {224: 5, 500: 3}  # by size, if `--rounds` is not given; 3 for other sizes


def start_mask(levels):
    """The mask that grabCut starts from. The sort is stable, so the seeds are the same as ours."""
    order, count = np.argsort(levels, axis=None, kind="stable"), levels.size
    mask = np.empty(count, np.uint8)
    mask[order[: int(BACKGROUND * count)]] = cv2.GC_BGD
    mask[order[int(BACKGROUND * count) : int(PROBABLE * count)]] = cv2.GC_PR_BGD
    mask[order[int(PROBABLE * count) :]] = cv2.GC_PR_FGD
    mask[order[-max(1, int(FOREGROUND * count)) :]] = cv2.GC_FGD
    return mask.reshape(levels.shape)


def grabcut(rgb, start, seed, cuts):
    """Foreground (1) and background (0) of grabCut's usual way. `seed` seeds its k-means."""
    cv2.setRNGSeed(seed)
    mask, models = start.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(rgb, mask, None, *models, cuts, cv2.GC_INIT_WITH_MASK)
    return mask & 1  # GC_FGD and GC_PR_FGD are odd, the others are even


def seeded_grabcut(rgb, start, seed, cuts):
    """The same, with the first mixtures fitted to a picture of the seeds alone."""
    cv2.setRNGSeed(seed)
    mask, models = start.copy(), (np.zeros((1, 65)), np.zeros((1, 65)))
    seeds = np.flatnonzero(start < cv2.GC_PR_BGD)
    colours = rgb.reshape(-1, 3)[seeds]
    cv2.grabCut(colours[None], start.ravel()[seeds][None], None, *models, 0, cv2.GC_INIT_WITH_MASK)
    cv2.grabCut(rgb, mask, None, *models, 1, cv2.GC_EVAL_FREEZE_MODEL)
    if cuts > 1:
        cv2.grabCut(rgb, mask, None, *models, cuts - 1, cv2.GC_EVAL)
    return mask & 1


OPENCV = {
    "grabCut 1": partial(grabcut, cuts=1),
    "grabCut 5": partial(grabcut, cuts=5),
    "seeded 1": partial(seeded_grabcut, cuts=1),
    "seeded 5": partial(seeded_grabcut, cuts=5),
}


def component_box(mask):
    """The box of the largest 8-connected component as (x0, y0, x1, y1), half-open."""
    stats = cv2.connectedComponentsWithStats(mask, connectivity=8)[2][1:]
    left, top, width, height = stats[stats[:, cv2.CC_STAT_AREA].argmax(), :4].tolist()
    return left, top, left + width, top + height


def call_ours(binary, *arguments):
    """Runs our program, and returns the words of each line that it prints, by the first word."""
    command = [str(part) for part in (binary, *arguments)]
    try:
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{error}\nhelp: build our program with `cargo build --release --example peer`")
    return {line.split()[0]: line.split()[1:] for line in output.splitlines() if line}


def check(label, mask, start, box):
    """Checks that our mask keeps grabCut's seeds, and that our box is that of our mask."""
    if not mask[start == cv2.GC_FGD].all() or mask[start == cv2.GC_BGD].any():
        sys.exit(f"{label}: our mask changes a seed")
    if component_box(mask) != box:
        sys.exit(f"{label}: our box is {box}, but that of our mask is {component_box(mask)}")


def run_opencv(segment, rgb, levels, repeat):
    """The median time in ms of seeds, grabCut, component and box. K-means is seeded again for each run."""
    times = []
    for seed in range(repeat + 1):
        process, thread = time.process_time(), time.thread_time()
        component_box(segment(rgb, start_mask(levels), seed))
        process, thread = time.process_time() - process, time.thread_time() - thread
        if process > 1.02 * thread + 1e-3:
            sys.exit(
                f"OpenCV uses more than one thread: {process:.3f} s, {thread:.3f} s in this one"
            )
        times.append(1000 * process)
    return float(np.median(times[1:]))


def measure(label, rgb, kind, rounds, options):
    """The times of ours and of all OPENCV, one row per round."""
    values = saliency(rgb, kind)
    levels = np.rint(65535 * (values - values.min()) / np.ptp(values)).astype(np.uint16)
    with tempfile.TemporaryDirectory() as folder:
        photo, chart, mask = (f"{folder}/{name}.png" for name in ("photo", "map", "mask"))
        Image.fromarray(rgb).save(photo)
        Image.fromarray(levels).save(chart)
        command = [options.binary, "stage", photo, "--saliency", chart, mask]
        command += ["--repeat", options.repeat, *options.extra]
        rows = []
        for _ in range(rounds):
            printed = call_ours(*command)
            opencv = (
                run_opencv(segment, rgb, levels, options.repeat) for segment in OPENCV.values()
            )
            rows.append([float(printed["total"][0]), *opencv])
        box = tuple(int(edge) for edge in printed["box"])
        check(label, np.asarray(Image.open(mask)) // 255, start_mask(levels), box)
    return np.array(rows)


def figure(value):
    """A number with three digits, or with more if its integer part has more."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", nargs="+", choices=NINE, default=NINE)
    parser.add_argument("--sizes", nargs="+", type=int, choices=SIZES, default=[224, 500])
    parser.add_argument("--rounds", type=int, help="default: 5 at size 224, else 3")
    parser.add_argument("--repeat", type=int, default=3, help="runs of a competitor in a round")
    parser.add_argument("--binary", type=Path, default=BINARY, help="the example peer")
    parser.add_argument(
        "--extra", type=shlex.split, default=[], help="more options for it, as one string"
    )
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    keep_pages()
    cv2.setNumThreads(1)

    classes = defaultdict(list)
    for size, name, kind in product(options.sizes, options.photos, MAPS):
        rgb, rounds = load_photo(name, *SIZES[size]), options.rounds or ROUNDS.get(size, 3)
        rows = measure(f"{name} {size} {kind}", rgb, kind, rounds, options)
        classes[f"{size} {kind}"].append(rows)
        medians = " ".join(f"{value:.1f}" for value in np.median(rows, axis=0))
        print(f"measured {name} {size} {kind}: {medians}", file=sys.stderr)

    print("The brackets hold the smallest and the largest value over the photos.\n")
    header = [
        "class",
        "photos",
        "ours, ms",
        *(f"{n}, ms" for n in OPENCV),
        *(f"{n} / ours" for n in OPENCV),
    ]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    means = []
    for label, photos in classes.items():
        times = np.array([np.median(rows, axis=0) for rows in photos])
        ratios = np.array([np.median(rows[:, 1:] / rows[:, :1], axis=0) for rows in photos])
        means.append([geometric_mean(column) for column in ratios.T])
        spread = [
            f"{figure(geometric_mean(c))} ({figure(c.min())}-{figure(c.max())})"
            for c in (*times.T, *ratios.T)
        ]
        print(f"| {label} | {len(photos)} | " + " | ".join(spread) + " |")
    cells = [
        "all classes",
        "",
        *("" for _ in ("ours", *OPENCV)),
        *(figure(geometric_mean(c)) for c in zip(*means)),
    ]
    print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
