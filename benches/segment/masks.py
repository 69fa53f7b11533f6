"""Compares our masks with those of OpenCV's grabCut on photos with true masks: `masks.py [DATA]`.

DATA holds `pets_trimaps` and `coco_masks`.  Photos whose long side is above 640 pixels are scaled down to it.
Seeds are drawn from the truth.  The depth of a pixel is its distance to the nearest pixel that is not of its
own kind (object or background; the pets' border band is neither).  The deepest 30 % of the object are
foreground seeds, the deepest 30 % of the background are background seeds, the rest is undecided.  As a harder
rule, 10 %.

Ours gets the seeds, fits two mixtures to them and cuts once.  `cv2.grabCut` is used in the two ways of
`stage.py`: `grabCut N` gets the seeds as a mask whose undecided pixels are "probably" of the nearer seed's
kind, `seeded N` has its first mixtures from the seeds alone, as ours.  N is the number of cuts.  All have the
published values, gamma 50 and 5 + 5 components; nothing is tuned on these photos.

The score is the intersection over union of the foreground (the cut's, before any component is chosen) with
the true object, the pets' border left out; then the mean over photos.  Two floors: the whole picture, and the
kind of the nearer seed.  A difference has its 95 % interval from a paired bootstrap over photos.  The table
is Markdown.
"""

import argparse
import os
import shlex
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt
from stage import BINARY, OPENCV, call_ours

DATA = Path(__file__).resolve().parents[2].parent / "shared/data/dev"
SETS = {"pets": "pets_trimaps", "coco": "coco_masks"}
SHARES = (0.30, 0.10)
LONGEST = 640
OBJECT, UNDECIDED, BACKGROUND = 255, 128, 0  # the same in the truth and in the seeds
NAMES = ("whole picture", "nearer seed", "ours", *OPENCV)
RESAMPLES = 10_000


def load(path):
    """A photo as RGB bytes and its truth, both scaled to LONGEST where they are larger."""
    photo = next(path.parents[1].glob(f"images/{path.stem}.*"))
    rgb, truth = np.asarray(Image.open(photo).convert("RGB")), np.asarray(Image.open(path))
    scale = LONGEST / max(truth.shape)
    if scale < 1:
        height, width = (round(scale * side) for side in truth.shape)
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        truth = cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return rgb, truth


def draw_seeds(truth, share):
    """The deepest `share` of the object and of the background; of equal depth, the first in reading order.

    The picture's edge is no edge.  The distances are scipy's, because OpenCV's differ from call to call in their
    last bits (its issue 24082), and so would the seeds.
    """
    seeds = np.full_like(truth, UNDECIDED)
    for kind in (OBJECT, BACKGROUND):
        inside = truth == kind
        order = np.argsort(-distance_transform_edt(inside), axis=None, kind="stable")
        seeds.flat[order[: max(1, round(share * inside.sum()))]] = kind
    return seeds


def start_mask(seeds):
    """Where grabCut starts."""
    nearer = distance_transform_edt(seeds != OBJECT) < distance_transform_edt(seeds != BACKGROUND)
    start = np.where(nearer, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    start[seeds == OBJECT] = cv2.GC_FGD
    start[seeds == BACKGROUND] = cv2.GC_BGD
    return start


def run_ours(options, rgb, seeds):
    """Foreground (1) and background (0) of our cut."""
    with tempfile.TemporaryDirectory() as folder:
        photo, sown, cut = (f"{folder}/{name}.png" for name in ("photo", "seeds", "mask"))
        Image.fromarray(rgb).save(photo)
        Image.fromarray(seeds).save(sown)
        call_ours(options.binary, "stage", photo, "--seeds", sown, cut, *options.extra)
        mask = np.asarray(Image.open(cut)) // 255
    if not mask[seeds == OBJECT].all() or mask[seeds == BACKGROUND].any():
        sys.exit("our mask breaks a seed")
    return mask


def overlap(mask, truth):
    """Intersection over union, without the pixels whose truth is unknown."""
    mask, truth = mask[truth != UNDECIDED] == 1, truth[truth != UNDECIDED] == OBJECT
    return (mask & truth).sum() / (mask | truth).sum()


def scores(options, rgb, truth, share):
    """The overlaps of all NAMES."""
    seeds = draw_seeds(truth, share)
    start = start_mask(seeds)
    cuts = (segment(rgb, start, seed=0) for segment in OPENCV.values())
    masks = (np.ones_like(start), start & 1, run_ours(options, rgb, seeds), *cuts)
    return [overlap(mask, truth) for mask in masks]


def difference(ours, theirs):
    """The mean difference in points of per cent with its 95 % interval."""
    gaps = 100 * (ours - theirs)
    draws = np.random.default_rng(0).integers(len(gaps), size=(RESAMPLES, len(gaps)))
    low, high = np.quantile(gaps[draws].mean(1), (0.025, 0.975))
    return f"{gaps.mean():+.2f} ({low:+.2f} to {high:+.2f})"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", type=Path, nargs="?", default=DATA)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--limit", type=int, help="only the first photos of each set, for a trial")
    parser.add_argument("--binary", type=Path, default=BINARY, help="our program")
    parser.add_argument("--extra", type=shlex.split, default=[], help="options of our program, as one string")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    cv2.setNumThreads(1)

    groups = defaultdict(list)
    for name in options.sets:
        paths = sorted((options.data / SETS[name] / "masks").glob("*.png"))[: options.limit]
        if not paths:
            sys.exit(f"no masks in {options.data / SETS[name]}")
        for path in paths:
            rgb, truth = load(path)
            for share in SHARES:
                groups[share, name].append(scores(options, rgb, truth, share))
                row = " ".join(f"{score:.3f}" for score in groups[share, name][-1])
                print(f"{share:.2f} {path.stem} {row}", file=sys.stderr)

    versus = [f"ours - {name}" for name in OPENCV]
    print("Mean IoU in %; differences in points, in brackets their 95 % interval.\n")
    header = ["seeds", "photos of", "number", *NAMES, *versus]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    for share in SHARES:
        parts = {name: groups[share, name] for name in options.sets}
        for name, rows in (*parts.items(), ("all", sum(parts.values(), []))):
            columns = np.array(rows).T
            cells = [f"deepest {share:.0%}", name, str(len(rows))]
            cells += [f"{100 * column.mean():.1f}" for column in columns]
            cells += [difference(columns[2], theirs) for theirs in columns[3:]]
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
