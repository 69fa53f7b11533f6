#!/usr/bin/env python3
"""Photos of every kind, and what Pillow reads in them: writes `photos/` beside this script.

    python make_photos.py                    needs Pillow 13.0.0

A photo KIND.EXT has its reference beside it, KIND.EXT.rgb.png: 8-bit RGB, as `convert("RGB")` gives it, which drops
alpha.  Grey of 16 bits is the exception: Pillow clips it, so its reference is v / 257, rounded.  The eight `exifN.jpg`
differ in the EXIF orientation alone and share `exif.rgb.png`: the pixels as they are stored.  `gif.jpg`, `webp.jpg`
and `bmp.jpg` are what their names say before the dot, and have no reference.
"""

import io
from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent / "photos"
ORIENTATION = 0x0112


def picture(width, height):
    """A gradient in each channel, with a disc in it."""
    image = Image.new("RGB", (width, height))
    pixels = [
        (255 * x // (width - 1), 255 * y // (height - 1), 255 * (x + y) // (width + height - 2))
        for y in range(height)
        for x in range(width)
    ]
    image.putdata(pixels)
    ImageDraw.Draw(image).ellipse(
        (width // 4, height // 4, width // 2, 3 * height // 4), fill=(230, 120, 40)
    )
    return image


def coded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def read(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def write(name, data, reference=None):
    (FOLDER / name).write_bytes(data)
    if reference is not None:
        reference.save(FOLDER / f"{name}.rgb.png", optimize=True)


def jpeg(image, **options):
    return coded(image, "JPEG", quality=85, **options)


def main():
    FOLDER.mkdir(exist_ok=True)
    image = picture(96, 72)
    plain, png = jpeg(image), coded(image, "PNG", optimize=True)
    alpha = Image.linear_gradient("L").resize(image.size)
    with_alpha = image.copy()
    with_alpha.putalpha(alpha)
    grey = image.convert("L")
    grey_alpha = Image.merge("LA", (grey, alpha))
    frames = [image, image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), image.rotate(180)]
    dot = Image.new("RGB", (1, 1), (200, 100, 50))
    photos = {
        "plain.jpg": plain,
        "plain.png": png,
        "progressive.jpg": jpeg(image, progressive=True),
        "full-colour.jpg": jpeg(image, subsampling=0),
        "restarts.jpg": jpeg(image, restart_marker_blocks=3),
        "cmyk.jpg": jpeg(image.convert("CMYK")),
        "grey.jpg": jpeg(grey),
        "bilevel.png": coded(image.convert("1"), "PNG"),
        "palette.png": coded(image.quantize(64), "PNG", optimize=True),
        "alpha.png": coded(with_alpha, "PNG", optimize=True),
        "grey-alpha.png": coded(grey_alpha, "PNG", optimize=True),
        "animated.png": coded(frames[0], "PNG", save_all=True, append_images=frames[1:]),
        "dot.jpg": jpeg(dot),
        "dot.png": coded(dot, "PNG"),
        "png-named.JPEG": png,
        "trailing.jpg": plain + b"what is behind the end of the picture is none of ours" * 4,
    }
    for name, data in photos.items():
        write(name, data, read(data))

    # 16 bits: every step of the high byte, and low bytes on both sides of the middle.
    values = [(x * 683 + y * 907) % 65_536 for y in range(72) for x in range(96)]
    deep = Image.frombytes("I;16", image.size, b"".join(v.to_bytes(2, "little") for v in values))
    data = coded(deep, "PNG")
    assert Image.open(io.BytesIO(data)).mode == "I;16"
    scaled = Image.new("L", image.size)
    scaled.putdata([(v + 128) // 257 for v in values])
    write("grey16.png", data, scaled.convert("RGB"))

    small = picture(48, 36)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        data = jpeg(small, exif=exif)
        assert Image.open(io.BytesIO(data)).getexif()[ORIENTATION] == orientation
        write(f"exif{orientation}.jpg", data)
        read(data).save(FOLDER / "exif.rgb.png", optimize=True)

    tiny = picture(16, 12)
    for kind in "gif", "webp", "bmp":
        write(f"{kind}.jpg", coded(tiny, kind.upper()))


if __name__ == "__main__":
    main()
