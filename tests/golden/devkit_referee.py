#!/usr/bin/env python3
"""Random small submissions and what the ILSVRC devkit says of them: `devkit_referee.py SEED COUNT`.

Prints COUNT lines, each a JSON object: the truth (`labels`: ILSVRC IDs; `sizes` of the photos; `boxes`: inclusive
corners from 0; `blacklist`: photo numbers from 1), the text of the `submission`, and the photos wrong at top-1 to
top-5: `classification_errors`, `localisation_errors` (without the blacklisted photos), `localisation_errors_all`.

The evaluator is written from the description of the devkit alone and computes exactly, with integers and fractions.
The submissions hold whatever the devkit reads without complaint, but no NaN.  A box with fractional coordinates
never comes near an overlap of 1/2, which floating-point arithmetic could decide otherwise.
"""

import json
import random
import sys
from fractions import Fraction
from functools import cache
from math import inf

HALF = Fraction(1, 2)
ERRORS = ("classification_errors", "localisation_errors", "localisation_errors_all")


@cache
def number(word):
    """The exact value of a written number: an int if it is whole, else a Fraction; or an infinity."""
    if word in ("Inf", "-Inf"):
        return float(word)
    value = Fraction(word)
    return value.numerator if value.denominator == 1 else value


def read(text):
    """The lines as rows of numbers; an empty line is skipped."""
    rows = (line.replace(",", " ").split() for line in text.split("\n"))
    return [[number(word) for word in row] for row in rows if row]


def guesses(row):
    """The labels and boxes of a line; numbers missing at its end are zeros."""
    return [(row[at], (row[at + 1 : at + 5] + [0] * 4)[:4]) for at in range(0, len(row), 5)]


def overlap(a, b):
    """Intersection over union, with every width and height max - min + 1; an infinite box misses."""
    wide = min(a[2], b[2]) - max(a[0], b[0]) + 1
    high = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if wide <= 0 or high <= 0 or inf in a or -inf in a:
        return 0
    area_a, area_b = ((x1 - x0 + 1) * (y1 - y0 + 1) for x0, y0, x1, y1 in (a, b))
    return Fraction(wide * high, area_a + area_b - wide * high)


def evaluate(rows, labels, boxes, blacklist):
    """The errors at top-1 to top-5: of classification, of localisation without the blacklist and with all photos."""
    assert len(rows) == len(labels)
    # Where the widest line lacks a number, the guesses in its last place have no box, on any line.
    boxed = max(map(len, rows)) // 5
    first_named, first_found = [], []
    for row, label, truth in zip(rows, labels, boxes):
        named = [(rank, box) for rank, (name, box) in enumerate(guesses(row[:25])) if name == label]
        found = [
            rank
            for rank, box in named
            if rank < boxed and any(overlap(box, true) >= HALF for true in truth)
        ]
        first_named.append(min((rank for rank, _ in named), default=5))
        first_found.append(min(found, default=5))
    kept = [rank for photo, rank in enumerate(first_found, 1) if photo not in blacklist]
    return [
        [sum(rank > last for rank in ranks) for last in range(5)]
        for ranks in (first_named, kept, first_found)
    ]


def usable(rows, boxes):
    """Whether some line holds a whole guess (else the devkit stops) and no fractional box is within 1e-9 of 1/2."""
    fractional = (
        (box, true)
        for row, truth in zip(rows, boxes)
        for _, box in guesses(row)
        if Fraction in map(type, box)
        for true in truth
    )
    return max(map(len, rows)) >= 5 and all(
        abs(overlap(*pair) - HALF) > Fraction(1, 10**9) for pair in fractional
    )


def true_box(rng, width, height):
    """A box in the photo; one in eight is a sliver at its top, which a guess without its last zeros can hit."""
    if rng.random() < 1 / 8:
        x0 = rng.choice((0, 2))
        return [x0, 0, rng.choice((x0, width - 1)), rng.randrange(2)]
    x0, y0 = rng.randint(0, width - 5), rng.randint(0, height - 5)
    return [x0, y0, rng.randint(x0 + 4, width - 1), rng.randint(y0 + 4, height - 1)]


def halved(rng, lo, hi):
    """An interval whose overlap with lo..hi is 1/2: twice as long, half as long, or moved by a third."""
    n = hi - lo + 1
    ways = [(lo, hi + n), (lo - n, hi)]
    if n % 2 == 0:
        ways += [(lo, lo + n // 2 - 1), (lo + n // 2, hi)] * 2
    if n % 3 == 0:
        ways += [(lo + n // 3, hi + n // 3), (lo - n // 3, hi - n // 3)]
    return rng.choice(ways)


def written(rng, whole):
    """A way to write a whole number, mostly the plain one."""
    return rng.choice([f"{whole}"] * 12 + [f"{whole}.0", f"{whole / 10}e1", f"{whole * 10}e-1"])


def guess(rng, label, pool, true, size):
    """A guess as five words: the true label about half the time, and a true box changed in one of many ways."""
    name = rng.choice(
        [written(rng, label)] * 10
        + [written(rng, rng.choice(pool))] * 8
        + ["0", "1001", f"{label}.5"]
    )
    box, axis = list(true), rng.randrange(2)
    lo, hi = box[axis::2]
    half, step = halved(rng, lo, hi), rng.choice((-1, 1)) * rng.randint(1, size[axis] + 5)
    ways = [
        (lo, hi),
        (hi + 1, 2 * hi - lo + 1),
        (hi, lo),
        (lo + step, hi + step),
    ]  # same, adjacent, inverted, moved
    box[axis::2] = rng.choice(ways + [half] * 4)
    if rng.random() < 0.3:
        box[rng.randrange(4)] += rng.choice((-1, 1))
    words = [written(rng, value) for value in box]
    for place in rng.sample(range(4), rng.choice((0, 0, 0, 0, 0, 0, 1, 2, 4))):
        words[place] = f"{box[place] + rng.uniform(-2, 2):.{rng.randint(1, 3)}f}"
    for place in rng.sample(range(4), rng.choice([0] * 20 + [1, 2])):
        words[place] = rng.choice(("Inf", "-Inf"))
    return [name, *words]


def submission(rng, labels, sizes, boxes, pool):
    """The text of a submission; its separators, its line ends and the numbers of its widest line go by file."""
    most = rng.randint(1, 7)
    widest = 5 * most - rng.choice((0, 0, 0, 0, 1, 2, 3, 4))
    separators, end = (
        rng.choice((" ", "\t", ",", (" ", "  ", "   "))),
        rng.choice(("\n", "\n", "\r\n")),
    )
    text = ""
    for label, size, truth in zip(labels, sizes, boxes):
        count = rng.choice((most, rng.randint(1, most)))
        words = sum((guess(rng, label, pool, rng.choice(truth), size) for _ in range(count)), [])
        words = words[: min(widest, len(words) - rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4)))]
        words = words if rng.random() < 0.95 else ["0"] * 5
        line = words[0] + "".join(rng.choice(separators) + word for word in words[1:])
        before, after, empty = (rng.choice(("", "", "", blank)) for blank in (" ", "  ", "\n"))
        text += before + line + after + end + empty
    return rng.choice((text, text, text.rstrip("\r\n")))


def main(seed, count):
    rng = random.Random(seed)
    while count > 0:
        pool, photos = rng.sample(range(1, 1001), 6), rng.randint(2, 6)
        labels = [rng.choice(pool) for _ in range(photos)]
        sizes = [[rng.randint(5, 60), rng.randint(5, 60)] for _ in range(photos)]
        boxes = [
            [true_box(rng, *size) for _ in range(rng.choice((1, 1, 1, 2, 3)))] for size in sizes
        ]
        blacklist = sorted(
            rng.sample(range(1, photos + 1), rng.randrange(photos))
        )  # never all of them
        text = submission(rng, labels, sizes, boxes, pool)
        rows = read(text)
        if usable(rows, boxes):
            errors = dict(zip(ERRORS, evaluate(rows, labels, boxes, blacklist)))
            print(
                json.dumps(
                    {
                        "labels": labels,
                        "sizes": sizes,
                        "boxes": boxes,
                        "blacklist": blacklist,
                        "submission": text,
                        **errors,
                    }
                )
            )
            count -= 1


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
