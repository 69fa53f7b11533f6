#!/usr/bin/env python3
"""What Pillow reads in pictures: an independent implementation for the tests of decoding.

    jpeg_referee.py FILES PIXELS             needs Pillow

FILES holds pictures one after the other, each behind its length.  PIXELS is written: for each picture its width, its
height and its pixels as 8-bit RGB, row by row; two zeros where Pillow cannot read it.  Numbers have four bytes, the
lowest first.
"""

import io
import struct
import sys

from PIL import Image


def pixels(data):
    try:
        picture = Image.open(io.BytesIO(data)).convert("RGB")
    except (OSError, SyntaxError, ValueError):
        return struct.pack("<II", 0, 0)
    return struct.pack("<II", *picture.size) + picture.tobytes()


def main():
    files, output = sys.argv[1:]
    with open(files, "rb") as source, open(output, "wb") as target:
        while length := source.read(4):
            target.write(pixels(source.read(*struct.unpack("<I", length))))


if __name__ == "__main__":
    main()
