#!/usr/bin/env python3
"""Photos of every kind, and what Pillow reads in them: writes `photos/` beside this script.

    python make_photos.py                    needs Pillow 13.0.0

A photo KIND.EXT has its reference beside it, KIND.EXT.rgb.png: 8-bit RGB, as `convert("RGB")` gives it, which drops
alpha.  16 bits are the exception: Pillow clips grey and cuts off colour, so the reference is v / 257, rounded.  The
eight `exifN.jpg` differ in the EXIF orientation alone and share `exif.rgb.png`: the pixels as they are stored.
`FORMAT.jpg` and `FORMAT.tiff` are not what their names say behind the dot.  Photos without a reference are refused.
"""

import io
import struct
import zlib
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


def bmp(size, bits, compression, palette, rows, height=None, masks=b""):
    """A BMP of a kind that Pillow does not write."""
    start = 14 + 40 + len(masks) + len(palette)
    info = struct.pack(
        "<IiiHHIIiiII", 40, size[0], height or size[1], 1, bits, compression, len(rows), 0, 0,
        len(palette) // 4, 0,
    )  # fmt: skip
    header = b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start)
    return header + info + masks + palette + rows


def os2_bmp(image):
    """A BMP of OS/2 1.x: 24 bits, with a header of 12 bytes."""
    width, height = image.size
    rows = b"".join(
        row + bytes(-len(row) % 4)
        for row in (
            image.crop((0, y, width, y + 1)).tobytes("raw", "BGR") for y in reversed(range(height))
        )
    )
    header = b"BM" + struct.pack("<IHHI", 26 + len(rows), 0, 0, 26)
    return header + struct.pack("<IHHHH", 12, width, height, 1, 24) + rows


def run_lengths(indices, width):
    """BMP's RLE8, rows from the bottom: pairs of a count and an index, a pair of zeros behind each row."""
    rows = [indices[at : at + width] for at in range(0, len(indices), width)]
    coded = b""
    for row in reversed(rows):
        at = 0
        while at < width:
            count = 1
            while at + count < width and row[at + count] == row[at] and count < 255:
                count += 1
            coded += bytes([count, row[at]])
            at += count
        coded += b"\0\0"
    return coded + b"\0\1"


def png_of_16_bits(size, channels, values):
    """A PNG of 16 bits per sample, with 3 or 4 channels, which Pillow does not write."""
    width, height = size
    samples = b"".join(v.to_bytes(2, "big") for v in values)
    stride = 2 * channels * width
    rows = b"".join(b"\0" + samples[at : at + stride] for at in range(0, height * stride, stride))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    )


def scaled(size, mode, values):
    """Samples of 16 bits as 8 bits."""
    return Image.frombytes(mode, size, bytes((v + 128) // 257 for v in values)).convert("RGB")


def big_endian_tiff(image, planar=False):
    """A TIFF as Macs wrote it: the highest byte first, in three strips, of rows or of channels."""
    width, height = image.size
    data = b"".join(c.tobytes() for c in image.split()) if planar else image.tobytes()
    rows = height if planar else height // 3
    strip = len(data) // 3
    bits_at, offsets_at, counts_at = 8, 14, 26
    pixels_at = 38
    directory_at = pixels_at + len(data)
    short, long = 3, 4
    entries = [
        (256, short, 1, width << 16),
        (257, short, 1, height << 16),
        (258, short, 3, bits_at),
        (259, short, 1, 1 << 16),
        (262, short, 1, 2 << 16),
        (273, long, 3, offsets_at),
        (277, short, 1, 3 << 16),
        (278, short, 1, rows << 16),
        (279, long, 3, counts_at),
        (284, short, 1, (2 if planar else 1) << 16),
    ]
    return b"".join(
        [
            b"MM\0*",
            struct.pack(">I", directory_at),
            struct.pack(">HHH", 8, 8, 8),
            struct.pack(">III", *(pixels_at + k * strip for k in range(3))),
            struct.pack(">III", strip, strip, strip),
            data,
            struct.pack(">H", len(entries)),
            *(struct.pack(">HHII", *entry) for entry in entries),
            bytes(4),
        ]
    )


def gifs(image, frames):
    """GIFs by name."""
    palette = image.quantize(32)
    return {
        "palette.gif": coded(palette, "GIF"),
        "interlaced.gif": coded(palette, "GIF", interlace=True),
        "grey.gif": coded(image.convert("L"), "GIF"),
        "transparent.gif": coded(palette, "GIF", transparency=3),
        "animated.gif": coded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
    }


def part_gif(image):
    """A GIF of 96 x 72 pixels, of which the first frame fills a part."""
    part = bytearray(coded(image.resize((24, 18)).quantize(16), "GIF"))
    part[6:10] = struct.pack("<HH", 96, 72)
    descriptor = part.index(b"\x2c", 13 + 3 * (2 << (part[10] & 7)))
    part[descriptor + 1 : descriptor + 5] = struct.pack("<HH", 30, 20)
    return bytes(part)


def tiffs(image, with_alpha, grey, frames):
    """TIFFs by name."""
    return {
        "plain.tif": coded(image, "TIFF"),
        "lzw.tif": coded(image, "TIFF", compression="tiff_lzw"),
        "deflate.tiff": coded(image, "TIFF", compression="tiff_adobe_deflate"),
        "packbits.tif": coded(image, "TIFF", compression="packbits"),
        "predictor.tif": coded(image, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}),
        "big.tif": coded(image, "TIFF", big_tiff=True),
        "big-endian.tif": big_endian_tiff(image),
        "planar.tif": big_endian_tiff(image, planar=True),
        "alpha.tif": coded(with_alpha, "TIFF"),
        "opaque.tif": multiplied(image.convert("RGBA")),
        "grey.tif": coded(grey, "TIFF"),
        "bilevel.tif": coded(image.convert("1"), "TIFF"),
        "group4.tif": coded(image.convert("1"), "TIFF", compression="group4"),
        "white-is-zero.tif": coded(grey, "TIFF", tiffinfo={262: 0}),
        "cmyk.tif": coded(image.convert("CMYK"), "TIFF"),
        "pages.tif": coded(frames[0], "TIFF", save_all=True, append_images=frames[1:]),
    }


def multiplied(image):
    """A TIFF of four channels that says that its colours are multiplied by its transparency."""
    data, entry = coded(image, "TIFF"), (338, 3, 1)
    plain, associated = (struct.pack("<HHII", *entry, kind) for kind in (2, 1))
    assert data.count(plain) == 1
    return data.replace(plain, associated)


def bmps(image):
    """BMPs by name."""
    palette = image.quantize(64)
    size = image.size
    colours = palette.getpalette()
    table = b"".join(
        bytes([colours[k + 2], colours[k + 1], colours[k], 0]) for k in range(0, len(colours), 3)
    )
    rows = image.tobytes("raw", "BGR")
    r, g, b = (channel.tobytes() for channel in image.split())
    packed = b"".join(
        struct.pack("<H", (x >> 3) << 11 | (y >> 2) << 5 | z >> 3)
        for x, y, z in zip(r, g, b, strict=True)
    )
    return {
        "plain.bmp": coded(image, "BMP"),
        "bilevel.bmp": coded(image.convert("1"), "BMP"),
        "grey.bmp": coded(image.convert("L"), "BMP"),
        "palette.bmp": coded(palette, "BMP"),
        "bits32.bmp": coded(image.convert("RGBA"), "BMP"),
        "top-down.bmp": bmp(size, 24, 0, b"", rows, -size[1]),
        "rle8.bmp": bmp(size, 8, 1, table, run_lengths(palette.tobytes(), size[0])),
        "bits565.bmp": bmp(
            size, 16, 3, b"", packed, -size[1], struct.pack("<III", 0xF800, 0x07E0, 0x001F)
        ),
        "os2.bmp": os2_bmp(image),
    }


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
    photos |= gifs(image, frames) | tiffs(image, with_alpha, grey, frames) | bmps(image)
    photos |= {
        "lossless.webp": coded(image, "WEBP", lossless=True),
        "lossy.webp": coded(image, "WEBP", quality=80),
        "alpha.webp": coded(with_alpha, "WEBP", quality=80),
        "animated.webp": coded(
            frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True
        ),
    }
    tiny = picture(16, 12)
    for kind in "gif", "webp", "bmp", "png":
        photos[f"{kind}.jpg"] = coded(tiny, kind.upper())
    photos["jpg.tiff"] = jpeg(tiny)
    for name, data in photos.items():
        write(name, data, read(data))

    # What is refused, whatever it is called.
    for mode in "F", "I", "LA", "LAB", "P", "YCbCr":
        write(f"{mode.lower()}.tif", coded(image.convert(mode), "TIFF"))
    write("jpeg-grey.tif", coded(grey, "TIFF", compression="jpeg"))
    write("jpeg-colour.tif", coded(image, "TIFF", compression="jpeg"))
    write("multiplied.tif", multiplied(with_alpha))
    write("part.gif", part_gif(image))
    write("avif.jpg", coded(tiny, "AVIF"))
    write("jpeg2000.jpg", coded(tiny, "JPEG2000"))
    write("ico.jpg", coded(tiny, "ICO"))
    # A camera's raw file: a TIFF whose first picture is a preview (NewSubfileType 1).
    write("raw.tif", coded(tiny, "TIFF", tiffinfo={254: 1}))

    # 16 bits: every step of the high byte, and low bytes on both sides of the middle.
    values = [(x * 683 + y * 907) % 65_536 for y in range(72) for x in range(96)]
    deep = Image.frombytes("I;16", image.size, b"".join(v.to_bytes(2, "little") for v in values))
    data = coded(deep, "PNG")
    assert Image.open(io.BytesIO(data)).mode == "I;16"
    write("grey16.png", data, scaled(image.size, "L", values))
    write("grey16.tif", coded(deep, "TIFF"), scaled(image.size, "L", values))
    for mode in "RGB", "RGBA":
        several = [(7 * v + 11 * k) % 65_536 for v in values for k in range(len(mode))]
        data = png_of_16_bits(image.size, len(mode), several)
        write(f"{mode.lower()}16.png", data, scaled(image.size, mode, several))

    small = picture(48, 36)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        data = jpeg(small, exif=exif)
        assert Image.open(io.BytesIO(data)).getexif()[ORIENTATION] == orientation
        write(f"exif{orientation}.jpg", data)
        read(data).save(FOLDER / "exif.rgb.png", optimize=True)


if __name__ == "__main__":
    main()
