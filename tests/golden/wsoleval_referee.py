#!/usr/bin/env python3
"""Random small score maps and what wsolevaluation says of them: `wsoleval_referee.py SEED COUNT`.

Prints COUNT lines, each a JSON object: the `map` (rows of numbers in 0..1, each a float32), the `truth` (inclusive
boxes in the frame of the map), the masks `object` and `ignore`; then, for the `thresholds` n * 0.01, `steps`: at
threshold number `from`, until the next step, the box of the `largest` contour, the number of `contours`, the sorted
`boxes` of all contours (holes too) and the best overlaps `best_iou_largest` and `best_iou_all`.  Where no contour is,
the evaluator takes the box 0, 0, 0, 0 and counts one.  `pxap` is in percent, and null without an object pixel.

The evaluator is written from a description of wsolevaluation alone.  It holds a set of pixels as the bits of an int,
row by row with a frame of one pixel, follows no border, and so shares no method with OpenCV's contours.
"""

import json
import random
import struct
import sys
from bisect import bisect_right
from fractions import Fraction

STEP = 0.01


class Grid:
    """Sets of pixels of a map, as ints."""

    def __init__(self, width, height):
        self.width, self.height, self.pitch = width, height, width + 2
        self.canvas = (1 << self.pitch * (height + 2)) - 1
        self.frame = self.canvas ^ self.where([[True] * width] * height)

    def where(self, rows):
        """The set of the pixels that are true; the first pixel is the lowest bit."""
        blank = "0" * self.pitch
        return int(blank + "".join(f"0{''.join('01'[bool(v)] for v in row)}0" for row in rows)[::-1] + blank, 2)

    def flood(self, part, inside, corners):
        """The pixels of `inside` that are joined to `part`, by sides or by corners too."""
        before = 0
        while part != before:
            before, row = part, part | part << 1 | part >> 1
            column = row if corners else part
            part = (row | column << self.pitch | column >> self.pitch) & inside
        return part

    def pieces(self, pixels, corners):
        """The connected pieces, in the order of their first pixels."""
        while pixels:
            piece = self.flood(pixels & -pixels, pixels, corners)
            yield piece
            pixels ^= piece

    def filled(self, pixels):
        """The pixels and their holes: all that is not joined to the frame by the sides of other pixels."""
        return self.canvas ^ self.flood(self.frame, self.canvas ^ pixels, corners=False)

    def area(self, piece):
        """Twice the area of the polygon through the centres of the outermost pixels: of the piece without holes.

        A square of four pixel centres is inside wholly with four pixels set, by half with three.
        """
        a = self.filled(piece)
        b, c, d = a >> 1, a >> self.pitch, a >> self.pitch + 1
        return (a & b & c & d).bit_count() + (a & b & (c | d) | c & d & (a | b)).bit_count()

    def box(self, part, grown):
        """The box, grown to all sides and then by the evaluator's one pixel too many, but not out of the map."""
        y0, y1 = (bit // self.pitch - 1 for bit in ((part & -part).bit_length() - 1, part.bit_length() - 1))
        columns = 0
        while part:
            columns, part = columns | part & (1 << self.pitch) - 1, part >> self.pitch
        x0, x1 = (columns & -columns).bit_length() - 2, columns.bit_length() - 2
        return [x0 - grown, y0 - grown, min(x1 + grown + 1, self.width - 1), min(y1 + grown + 1, self.height - 1)]

    def contours(self, pixels):
        """The box of the contour with the largest area, of equals the lowest, and the boxes of all contours."""
        if not pixels:
            return [0] * 4, [[0] * 4]
        pieces = [*self.pieces(pixels, corners=True)]
        holes = self.pieces(self.filled(pixels) ^ pixels, corners=False)
        boxes = [self.box(piece, 0) for piece in pieces] + [self.box(hole, 1) for hole in holes]
        return self.box(max(reversed(pieces), key=self.area), 0), sorted(boxes)


def overlap(a, b):
    """Intersection over union, with every width and height max - min + 1."""
    wide = max(min(a[2], b[2]) - max(a[0], b[0]) + 1, 0)
    high = max(min(a[3], b[3]) - max(a[1], b[1]) + 1, 0)
    area_a, area_b = ((x1 - x0 + 1) * (y1 - y0 + 1) for x0, y0, x1, y1 in (a, b))
    return wide * high / (area_a + area_b - wide * high)


def evaluate(rows, truth, step=STEP):
    """What the evaluator finds, at the thresholds where the pixels above them change."""
    grid, grey = Grid(len(rows[0]), len(rows)), [[int(value * 255) for value in row] for row in rows]
    steps, pixels = [], None
    for n in range(round(1 / step)):
        cutoff = int(n * step * max(map(max, grey)))
        before, pixels = pixels, grid.where([[level > cutoff for level in row] for row in grey])
        if pixels != before:
            largest, boxes = grid.contours(pixels)
            one, every = (max(overlap(box, true) for box in some for true in truth) for some in ([largest], boxes))
            steps.append({"from": n, "largest": largest, "contours": len(boxes), "boxes": boxes,
                          "best_iou_largest": one, "best_iou_all": every})
    return steps


def pxap(pixels, step=STEP):
    """The average precision in percent of pixels (value, whether of the object, whether ignored)."""
    edges = [n * step for n in range(round(1 / step))] + [1, 2, 3]
    bins = [[0, 0] for _ in edges]
    for value, is_object, ignored in pixels:
        if is_object or not ignored:
            bins[bisect_right(edges, value) - 1][bool(is_object)] += 1
    total, true, false, precision = sum(right for _, right in bins), 0, 0, Fraction()
    for wrong, right in reversed(bins):
        true, false = true + right, false + wrong
        precision += Fraction(true * right, true + false) if right else 0
    return float(100 * precision / total) if total else None


def value(rng):
    """A float32 in 0..1: often an edge of a grey level or of a bin, or the next number below or above it."""
    exact = rng.choice((rng.random(), rng.randint(0, 255) / 255, rng.randint(0, 100) / 100, rng.randint(0, 8) / 8, 1))
    bits = struct.unpack("I", struct.pack("f", exact))[0] + rng.choice((-1, 0, 0, 1))
    return min(struct.unpack("f", struct.pack("I", max(bits, 0)))[0], 1.0)


def draw(rng, rows, level):
    """Draws a pattern of one level, in one or two places: a block, ring, diamond, line, diagonal, chequers or dots."""
    width, height, n = len(rows[0]), len(rows), rng.randint(0, 6)
    m, dots = rng.choice((n, n, rng.randint(0, 6))), rng.random()
    inside = rng.choice((
        lambda x, y: True, lambda x, y: x in (0, n) or y in (0, m), lambda x, y: abs(2 * x - n) + abs(2 * y - n) == n,
        lambda x, y: min(x, y, n - x, m - y) % 2 == 0, lambda x, y: x == 0, lambda x, y: y == 0, lambda x, y: x == y,
        lambda x, y: (x + y) % 2 == 0, lambda x, y: rng.random() < dots))
    shape = [(x, y) for x in range(n + 1) for y in range(m + 1) if inside(x, y) and rng.random() < 0.98]
    for _ in range(rng.choice((1, 1, 2))):
        left, top = rng.randint(-1, width - 1), rng.randint(-1, height - 1)
        for x, y in shape:
            if 0 <= left + x < width and 0 <= top + y < height:
                rows[top + y][left + x] = level


def mask(rng, rows, boxes):
    """Pixels in the boxes, above a level, at random, all or none."""
    level, dots = rng.random(), rng.choice((0, 0, 0.1, 0.5, 1))
    way = rng.choice((lambda x, y: any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in boxes),
                      lambda x, y: rows[y][x] > level, lambda x, y: rng.random() < dots))
    return [[int(way(x, y)) for x in range(len(rows[0]))] for y in range(len(rows))]


def main(seed, count):
    rng = random.Random(seed)
    for _ in range(count):
        width, height = rng.randint(1, 14), rng.randint(1, 14)
        levels = [value(rng) for _ in range(rng.choice((1, 2, 3, 5, 60)))]
        levels = rng.choice([levels] * 8 + [[level / 256 for level in levels]])  # some maps lie below one grey level
        ground = rng.choice(([0.0], [0.0], [0.0], levels[:1], levels, [0.0, *levels]))
        rows = [[rng.choice(ground) for _ in range(width)] for _ in range(height)]
        for _ in range(rng.choice((0, 1, 2, 4, 8))):
            draw(rng, rows, rng.choice([0.0, *levels]))
        found = [box for step in evaluate(rows, [[0] * 4]) for box in step["boxes"]]
        truth = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            corners = [at + rng.choice((-1, 0, 0, 0, 1)) for at in rng.choice(found)]
            free = [rng.randrange(width), rng.randrange(height), rng.randrange(width), rng.randrange(height)]
            x, x1, y, y1 = (min(max(at, 0), size - 1) for axis, size in enumerate((width, height))
                            for at in sorted(rng.choice((corners, corners, free))[axis::2]))
            truth.append([x, y, x1, y1])
        marked, ignored = mask(rng, rows, truth), mask(rng, rows, [rng.choice(found)])
        pixels = (pixel for lines in zip(rows, marked, ignored) for pixel in zip(*lines))
        print(json.dumps({"map": rows, "truth": truth, "object": marked, "ignore": ignored, "thresholds": 100,
                          "steps": evaluate(rows, truth), "pxap": pxap(pixels)}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
