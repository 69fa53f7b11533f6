#!/usr/bin/env python3
"""Random small score maps and what wsolevaluation says of them: `wsoleval_referee.py SEED COUNT`.

Prints COUNT lines, each a JSON object: the `map` (rows of numbers in 0..1, each a float32), the `truth` (inclusive
boxes in the frame of the map), the masks `object` and `ignore`; then, for the `thresholds` n * 0.01, `steps`: at
threshold number `from`, until the next step, the box of the `largest` contour, the number of `contours`, the sorted
`boxes` of all contours (holes too) and the best overlaps `best_iou_largest` and `best_iou_all`.  Where no contour is,
the evaluator takes the box 0, 0, 0, 0 and counts one.  `pxap` is in percent, and null without an object pixel.

The evaluator is written from a description of wsolevaluation alone.  It holds a set of pixels as the bits of an int
and follows no border, so it shares no method with OpenCV's contours.
"""

import json
import random
import struct
import sys
from bisect import bisect_right
from fractions import Fraction

STEP = 0.01
PITCH = 16  # Pixel (x, y) is bit (y + 1) * PITCH + x + 1; round the map is a frame of one pixel or more.
CANVAS = (1 << PITCH * PITCH) - 1


def where(rows):
    """The set of the pixels that are true."""
    return int(
        "".join(
            f"0{''.join('01'[pixel] for pixel in row)}".ljust(PITCH, "0") for row in [[], *rows]
        )[::-1],
        2,
    )


def flood(part, inside, corners):
    """The pixels of `inside` that are joined to `part`, by their sides or by their corners too."""
    before = 0
    while part != before:
        before, row = part, part | part << 1 | part >> 1
        column = row if corners else part
        part = (row | column << PITCH | column >> PITCH) & inside
    return part


def pieces(pixels, corners):
    """The connected pieces, in the order of their first pixels."""
    while pixels:
        piece = flood(pixels & -pixels, pixels, corners)
        yield piece
        pixels ^= piece


def filled(pixels):
    """The pixels and their holes: all that is not joined to the canvas' corner by the sides of other pixels."""
    return CANVAS ^ flood(1, CANVAS ^ pixels, corners=False)


def contour_area(piece):
    """Twice the area of the polygon through the centres of the outermost pixels.

    Of a square of four pixel centres, all is inside if the four pixels are set, and half if three are.
    """
    a = filled(piece)
    b, c, d = a >> 1, a >> PITCH, a >> PITCH + 1
    return (a & b & c & d).bit_count() + (a & b & (c | d) | c & d & (a | b)).bit_count()


def box(part, size, grown=0):
    """The box, grown to all sides and then by the evaluator's one pixel too many, but not out of the map."""
    rows = [part >> PITCH * y & (1 << PITCH) - 1 for y in range(1, size[1] + 1)]
    ys = [y for y, row in enumerate(rows) if row]
    xs = [x for x in range(size[0]) if any(row >> x + 1 & 1 for row in rows)]
    highest = (min(at[-1] + grown + 1, side - 1) for at, side in zip((xs, ys), size))
    return [xs[0] - grown, ys[0] - grown, *highest]


def contours(pixels, size):
    """The box of the contour with the largest area, of equals the lowest, and the boxes of all contours."""
    if not pixels:
        return [0] * 4, [[0] * 4]
    outer, holes = [*pieces(pixels, corners=True)], pieces(filled(pixels) ^ pixels, corners=False)
    boxes = [box(piece, size) for piece in outer] + [box(hole, size, grown=1) for hole in holes]
    return box(max(reversed(outer), key=contour_area), size), sorted(boxes)


def overlap(a, b):
    """Intersection over union, with every width and height max - min + 1."""
    wide = max(min(a[2], b[2]) - max(a[0], b[0]) + 1, 0)
    high = max(min(a[3], b[3]) - max(a[1], b[1]) + 1, 0)
    area_a, area_b = ((x1 - x0 + 1) * (y1 - y0 + 1) for x0, y0, x1, y1 in (a, b))
    return wide * high / (area_a + area_b - wide * high)


def evaluate(rows, truth, step=STEP):
    """What the evaluator finds, at the thresholds where the pixels above them change."""
    size, grey = (len(rows[0]), len(rows)), [[int(value * 255) for value in row] for row in rows]
    steps, pixels = [], None
    for n in range(round(1 / step)):
        cutoff = int(n * step * max(map(max, grey)))
        before, pixels = pixels, where([level > cutoff for level in row] for row in grey)
        if pixels != before:
            largest, boxes = contours(pixels, size)
            one, every = (
                max(overlap(box, true) for box in some for true in truth)
                for some in ([largest], boxes)
            )
            steps.append(
                {
                    "from": n,
                    "largest": largest,
                    "contours": len(boxes),
                    "boxes": boxes,
                    "best_iou_largest": one,
                    "best_iou_all": every,
                }
            )
    return steps


def pxap(pixels, step=STEP):
    """The average precision in percent of pixels (value, whether of the object, whether ignored)."""
    edges = [n * step for n in range(round(1 / step))] + [1, 2, 3]
    bins = [[0, 0] for _ in edges]
    for value, is_object, ignored in pixels:
        if is_object or not ignored:
            bins[bisect_right(edges, value) - 1][is_object] += 1
    total, true, false, precision = sum(right for _, right in bins), 0, 0, Fraction()
    for wrong, right in reversed(bins):
        true, false = true + right, false + wrong
        precision += Fraction(true * right, true + false) if right else 0
    return float(100 * precision / total) if total else None


def value(rng):
    """A float32 in 0..1: often an edge of a grey level or of a bin, or the next number below or above it."""
    exact = rng.choice(
        (
            rng.random(),
            rng.randint(1, 255) / 255,
            rng.randint(1, 100) / 100,
            rng.randint(1, 8) / 8,
            1,
        )
    )
    bits = struct.unpack("I", struct.pack("f", exact))[0] + rng.choice((-1, 0, 0, 1))
    return min(struct.unpack("f", struct.pack("I", bits))[0], 1.0)


def draw(rng, rows, level):
    """Draws once or twice: a block, ring, diamond, nested rings, line, diagonal, chequers or dots, sometimes broken."""
    n, dots, whole = rng.randint(0, 9), rng.random(), rng.choice((1, 1, 0.9))
    m, half = rng.choice((n, n, rng.randint(0, 9))), n // 2
    inside = rng.choice(
        (
            lambda x, y: True,
            lambda x, y: x in (0, n) or y in (0, m),
            lambda x, y: abs(x - half) + abs(y - half) == half,
            lambda x, y: min(x, y, n - x, m - y) % 2 == 0,
            lambda x, y: x == 0,
            lambda x, y: y == 0,
            lambda x, y: x == y,
            lambda x, y: (x + y) % 2 == 0,
            lambda x, y: rng.random() < dots,
        )
    )
    shape = [
        (x, y) for x in range(n + 1) for y in range(m + 1) if inside(x, y) and rng.random() < whole
    ]
    for _ in range(rng.choice((1, 1, 2))):
        left, top = (
            rng.randint(min(0, room), max(0, room))
            for room in (len(rows[0]) - n - 1, len(rows) - m - 1)
        )
        for x, y in shape:
            if 0 <= left + x < len(rows[0]) and 0 <= top + y < len(rows):
                rows[top + y][left + x] = level


def true_box(rng, found, size):
    """Near a box that is found, or anywhere."""
    near = rng.choice((rng.choice(found), rng.choice(found), [rng.randrange(14) for _ in range(4)]))
    x0, y0, x1, y1 = (
        min(max(at + rng.choice((-1, 0, 0, 0, 0, 1)), 0), side - 1)
        for at, side in zip(near, size * 2)
    )
    return [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]


def mask(rng, rows, boxes):
    """Pixels in the boxes, above a level, at random, all or none."""
    level, dots = rng.random(), rng.choice((0, 0.1, 0.5, 0.5, 1))
    way = rng.choice(
        (
            lambda x, y: any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in boxes),
            lambda x, y: rows[y][x] > level,
            lambda x, y: rng.random() < dots,
        )
    )
    return [[int(way(x, y)) for x in range(len(rows[0]))] for y in range(len(rows))]


def main(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        size = width, height = rng.choice(
            ((rng.randint(1, 14), rng.randint(1, 14)), (rng.randint(9, 14), 14))
        )
        levels = [value(rng) for _ in range(rng.choice((1, 2, 3, 5, 60, 60)))]
        chance = rng.random()
        if chance < 0.03:
            levels = [level / 256 for level in levels]  # below one grey level
        elif (
            chance < 0.1
        ):  # where n * 0.01 * max, n * max / 100 and n / 100 * max differ in floating point
            greatest = rng.choice((50, 100, 180, 200))
            levels = [
                round((grey + 0.5) / 255 * 2**16) / 2**16
                for grey in (29, 57, 58, 63, 114, 116, greatest)
            ]
            levels = [level for level in levels if level <= levels[-1]]
        ground = rng.choice(([0.0], [0.0], [0.0], levels[:1], [0.0, *levels], levels))
        rows = [[rng.choice(ground) for _ in range(width)] for _ in range(height)]
        for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 5, 8))):
            draw(rng, rows, rng.choice([0.0] + levels * 5))
        found = [box for step in evaluate(rows, [[0] * 4]) for box in step["boxes"]]
        truth = [true_box(rng, found, size) for _ in range(rng.choice((1, 1, 2, 3)))]
        marked, ignored = mask(rng, rows, truth), mask(rng, rows, [rng.choice(found)])
        pixels = (pixel for lines in zip(rows, marked, ignored) for pixel in zip(*lines))
        print(
            json.dumps(
                {
                    "map": rows,
                    "truth": truth,
                    "object": marked,
                    "ignore": ignored,
                    "thresholds": 100,
                    "steps": evaluate(rows, truth),
                    "pxap": pxap(pixels),
                }
            )
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
