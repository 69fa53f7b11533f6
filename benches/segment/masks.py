"""Compares our masks with those of OpenCV's grabCut on photos with true masks: `masks.py [DATA]`.

DATA contains `pets_trimaps` and `coco_masks`. Photos with a side of more than 640 pixels are scaled
down to that. The seeds are drawn from the true masks. The depth of a pixel is its distance to the
nearest pixel of another kind (object or background; the border band of the pets is neither). The
deepest 30 % of the object are foreground seeds, the deepest 30 % of the background are background
seeds, and the remaining pixels are undecided. A second, harder rule takes 10 %.

Ours gets the seeds, fits two mixtures to them and cuts once. `cv2.grabCut` is used in the two ways
of `stage.py`. `grabCut N` gets the seeds as a mask, in which undecided pixels are "probably" of the
kind of the nearer seed. `seeded N` has its first mixtures from the seeds alone, as ours. N is the
number of cuts. All use the published values, gamma 50 and 5 + 5 components; nothing is tuned on
these photos.

The score is the intersection over union of the foreground with the true object, without the border
of the pets, as a mean over photos. The foreground is that of the cut, before a component is chosen.
Two floors are the whole picture, and the kind of the nearer seed. The 95 % interval of a difference
comes from a paired bootstrap over photos. The table is Markdown.
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
    """A photo as RGB bytes and its true mask, both scaled down to LONGEST if they are larger."""
    photo = next(path.parents[1].glob(f"images/{path.stem}.*"))
    rgb, truth = np.asarray(Image.open(photo).convert("RGB")), np.asarray(Image.open(path))
    scale = LONGEST / max(truth.shape)
    if scale < 1:
        height, width = (round(scale * side) for side in truth.shape)
        rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        truth = cv2.resize(truth, (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return rgb, truth


def draw_seeds(truth, share):
    """The deepest `share` of the object and of the background.

    Of pixels with the same depth, the first in reading order are taken. The border of the picture
    does not count as another kind. The distances are scipy's, because the last bits of OpenCV's
    differ from call to call (its issue 24082), which would change the seeds.
    """
    seeds = np.full_like(truth, UNDECIDED)
    for kind in (OBJECT, BACKGROUND):
        inside = truth == kind
        order = np.argsort(-distance_transform_edt(inside), axis=None, kind="stable")
        seeds.flat[order[: max(1, round(share * inside.sum()))]] = kind
    return seeds


def start_mask(seeds):
    """The mask that grabCut starts from."""
    nearer = distance_transform_edt(seeds != OBJECT) < distance_transform_edt(seeds != BACKGROUND)
    start = np.where(nearer, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    start[seeds == OBJECT] = cv2.GC_FGD
    start[seeds == BACKGROUND] = cv2.GC_BGD
    return start


def run_ours(options, rgb, seeds):
    """Foreground (1) and background (0) of our cut."""
    with tempfile.TemporaryDirectory() as folder:
        photo, given, cut = (f"{folder}/{name}.png" for name in ("photo", "seeds", "mask"))
        Image.fromarray(rgb).save(photo)
        Image.fromarray(seeds).save(given)
        call_ours(options.binary, "stage", photo, "--seeds", given, cut, *options.extra)
        mask = np.asarray(Image.open(cut)) // 255
    if not mask[seeds == OBJECT].all() or mask[seeds == BACKGROUND].any():
        sys.exit("our mask changes a seed")
    return mask


def overlap(mask, truth):
    """Intersection over union, without the pixels whose true label is unknown."""
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
    """The mean difference in percentage points, with its 95 % interval."""
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
    parser.add_argument("--limit", type=int, help="use only the first photos of each set")
    parser.add_argument("--binary", type=Path, default=BINARY, help="the example peer")
    parser.add_argument(
        "--extra", type=shlex.split, default=[], help="more options for it, as one string"
    )
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    cv2.setNumThreads(1)

    groups = defaultdict(list)
    for name in options.sets:
        paths = sorted((options.data / SETS[name] / "masks").glob("*.png"))[: options.limit]
        if not paths:
            sys.exit(f"{options.data / SETS[name]} has no masks")
        for path in paths:
            rgb, truth = load(path)
            for share in SHARES:
                groups[share, name].append(scores(options, rgb, truth, share))
                row = " ".join(f"{score:.3f}" for score in groups[share, name][-1])
                print(f"{share:.2f} {path.stem} {row}", file=sys.stderr)

    versus = [f"ours - {name}" for name in OPENCV]
    print("Mean IoU in %, and differences in points with their 95 % interval in brackets.\n")
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
