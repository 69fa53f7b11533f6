#!/usr/bin/env python3
"""Decodes the photos of folders with our program and with Pillow, taking turns.

    paired.py DECODE FOLDER... [--rounds 5]

DECODE is the compiled decode.rs.  Of each photo the smallest CPU time over the rounds counts: from the file in memory
to 8-bit RGB, on one thread.  Prints a Markdown table with a row for each folder, and whether the pixels are equal.
"""

import argparse
import io
import subprocess
import time
import zlib
from pathlib import Path

from PIL import Image

EXTENSIONS = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}


def of_pillow(path):
    data = path.read_bytes()
    start = time.thread_time()
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    taken = 1000 * (time.thread_time() - start)
    return taken, zlib.crc32(picture.tobytes()), picture.size


def of_program(program, path):
    program.stdin.write(f"{path}\n")
    program.stdin.flush()
    taken, checksum = program.stdout.readline().split()
    return float(taken), int(checksum)


def row(program, folder, rounds):
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in EXTENSIONS)
    ours, theirs, pixels, equal = 0.0, 0.0, 0, 0
    for path in paths:
        best = [float("inf")] * 2
        for _ in range(rounds):
            mine, checksum = of_program(program, path)
            other, expected, size = of_pillow(path)
            best = [min(best[0], mine), min(best[1], other)]
        ours, theirs = ours + best[0], theirs + best[1]
        pixels += size[0] * size[1]
        equal += checksum == expected
    count = len(paths)
    name = f"{folder.parent.name}/{folder.name}"
    return (
        f"| {name} | {count} | {pixels / count / 1e6:.2f} | {ours / count:.2f} | {theirs / count:.2f} |"
        f" {ours / theirs:.2f} | {equal} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decode")
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    program = subprocess.Popen(
        [given.decode], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    print("| folder | photos | megapixels | ours, ms | Pillow, ms | ours / Pillow | equal pixels |")
    print("|---|---|---|---|---|---|---|")
    for folder in given.folders:
        print(row(program, folder, given.rounds), flush=True)


if __name__ == "__main__":
    main()
