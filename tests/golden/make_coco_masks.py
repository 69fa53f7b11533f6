#!/usr/bin/env python3
"""Masks as COCO's own code draws them: writes `coco_masks.json` beside this script.

    python make_coco_masks.py                needs pycocotools 2.0.11 and numpy

A case has a `name`; the `size` of its photo, width and height (COCO itself writes the height first); the `polygons`
of one object, each x0, y0, x1, y1, ..., or none; `text`, the compressed runs of the union of these polygons, as
frPyObjects and merge give them; and `counts`, the uncompressed runs of the pixels that decode makes of that text:
column by column, background first.  A case without polygons starts from its counts instead, which may then hold
runs of no length.
"""

import json
import math
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
from pycocotools import mask as coco

POLYGONS = {
    "triangle": ((20, 15), [2, 1, 17, 4, 6, 13]),
    "triangle the other way round": ((20, 15), [6, 13, 17, 4, 2, 1]),
    "triangle with fractions": ((20, 15), [2.37, 1.81, 17.24, 4.66, 6.09, 13.52]),
    "closed, first corner again": ((20, 15), [2.5, 1.5, 17.3, 4.2, 6.1, 13.4, 2.5, 1.5]),
    "corners repeated": ((20, 15), [2, 1, 2, 1, 17, 4, 17, 4, 17, 4, 6, 13]),
    "whole photo": ((9, 7), [0, 0, 9, 0, 9, 7, 0, 7]),
    "far beyond the photo": ((9, 7), [-30, -40, 50, -40, 50, 60, -30, 60]),
    "square on pixel borders": ((8, 8), [2, 2, 6, 2, 6, 6, 2, 6]),
    "square on pixel middles": ((8, 8), [1.5, 2.5, 5.5, 2.5, 5.5, 6.5, 1.5, 6.5]),
    "square on fifths": ((8, 8), [1.4, 1.6, 5.4, 1.6, 5.6, 6.4, 1.6, 6.4]),
    "square on tenths": ((8, 8), [1.3, 1.7, 5.1, 1.7, 5.1, 6.3, 1.3, 6.3]),
    "sliver across": ((40, 30), [1, 10, 39, 10.6, 39, 11]),
    "sliver aslant": ((40, 30), [3, 2, 36, 27, 35.5, 27.5]),
    "sliver upright": ((30, 40), [10, 1, 10.7, 39, 10.2, 39]),
    "diamond with edges of slope one": ((25, 25), [12, 2, 22, 12, 12, 22, 2, 12]),
    "a flat edge that is other pixels from its other end": ((14, 9), [11.4, 1, 1, 7, 1, 1]),
    "a steep edge that is other pixels from its other end": (
        (21, 27),
        [7.8, 24.2, 18.6, 5.8, 7.8, 5.8],
    ),
    "concave, an arrow": ((30, 24), [2, 2, 28, 12, 2, 22, 10, 12]),
    "crossing itself": ((24, 20), [3, 3, 20, 17, 20, 3, 3, 17]),
    "out at the left and the top": ((20, 15), [-6.3, -4.7, 9.2, 3.4, 4.5, 8.1, -3.1, 7.7]),
    "out at the right and the bottom": ((20, 15), [12.4, 6.2, 31.7, 9.9, 24.6, 22.3, 9.8, 14.9]),
    "wholly outside": ((20, 15), [-9, -9, -2, -8, -5, -3]),
    "below the photo": ((20, 15), [3, 16, 15, 17, 9, 25]),
    "a line, no area": ((20, 15), [2, 3, 17, 11, 2, 3]),
    "a point, no area": ((20, 15), [7.5, 7.5, 7.5, 7.5, 7.5, 7.5]),
    "smaller than a pixel, over its middle": ((6, 5), [2.3, 2.3, 2.7, 2.3, 2.7, 2.7, 2.3, 2.7]),
    "smaller than a pixel, off its middle": ((6, 5), [2.05, 2.05, 2.3, 2.05, 2.3, 2.3]),
    "two apart": ((30, 20), [2, 2, 10, 3, 6, 12], [16, 5, 27, 8, 20, 18]),
    "two that overlap": ((30, 20), [2, 2, 18, 3, 12, 16], [8, 5, 27, 8, 20, 18]),
}
RUNS = {
    "nothing": ((6, 5), [30]),
    "everything": ((6, 5), [0, 30]),
    "runs of no length": ((6, 5), [0, 3, 0, 4, 5, 0, 0, 18]),
    "one to sixteen, to the sign bit and over it": ((17, 8), list(range(1, 17))),
    "ever longer": ((1400, 1000), [1, 15, 16, 511, 512, 16_383, 16_384, 524_287, 524_288, 317_603]),
    "long and short by turns": (
        (1400, 1000),
        [600_000, 1, 3, 500_000, 20_000, 5, 200_000, 70_000, 1, 9_990],
    ),
}


def outline(choose, width, height, corners):
    """A star of that many corners about the middle, with COCO's two decimals, partly outside."""
    points = []
    for corner in range(corners):
        angle, radius = 2 * math.pi * corner / corners, choose.uniform(0.1, 0.65)
        points += [
            width * (0.5 + radius * math.cos(angle)),
            height * (0.5 + radius * math.sin(angle)),
        ]
    return [round(value, 2) for value in points]


def lengths(pixels):
    """The runs of a mask, column by column, background first."""
    column_major = np.concatenate([[0], pixels.flatten(order="F")])
    borders = [0, *np.flatnonzero(np.diff(column_major)).tolist(), pixels.size]
    return [after - before for before, after in pairwise(borders)]


def expand(counts, width, height):
    """The mask of runs."""
    return (
        np.repeat(np.arange(len(counts)) % 2, counts)
        .reshape((height, width), order="F")
        .astype(np.uint8)
    )


def case(name, width, height, polygons=(), counts=None):
    if polygons:
        runs = coco.merge(coco.frPyObjects([*polygons], height, width))
        counts = lengths(coco.decode(runs))
    else:
        runs = coco.frPyObjects({"size": [height, width], "counts": counts}, height, width)
    pixels = coco.decode(runs)
    assert (pixels == expand(counts, width, height)).all() and coco.area(runs) == pixels.sum()
    text = runs["counts"].decode()
    return {
        "name": name,
        "size": (width, height),
        "polygons": polygons,
        "text": text,
        "counts": counts,
    }


def main():
    choose = random.Random(0)
    cases = [case(name, *size, polygons) for name, (size, *polygons) in POLYGONS.items()]
    for width, height, corners in ((60, 45, 12), (41, 60, 30), (60, 60, 80)):
        polygon = outline(choose, width, height, corners)
        cases.append(case(f"star of {corners} corners", width, height, [polygon]))
    cases += [case(name, *size, counts=counts) for name, (size, counts) in RUNS.items()]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    Path(__file__).with_name("coco_masks.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
