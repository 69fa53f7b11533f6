"""Write the pictures and arrays among the seeds, with Pillow and NumPy.

PYTHONPATH=.test-tools python3 fuzz/seeds/make.py
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image

SEEDS = Path(__file__).parent
PIXELS = np.arange(4 * 3 * 3, dtype=np.uint8).reshape(3, 4, 3) * 7


def save(name: str, picture: Image.Image, **options: object) -> None:
    picture.save(SEEDS / "photo" / name, **options)


rgb = Image.fromarray(PIXELS)
save("rgb.png", rgb)
save("palette.png", rgb.quantize(4))
save("grey16.png", Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257))
save("alpha.png", rgb.convert("RGBA"))
save("baseline.jpg", rgb)
save("progressive.jpg", rgb, progressive=True, subsampling=2)
save("restarts.jpg", rgb.resize((40, 24)), restart_marker_blocks=2)
save("grey.jpg", rgb.convert("L"))
save("cmyk.jpg", rgb.convert("CMYK"))
exif = Image.Exif()
exif[0x0112] = 6
save("turned.jpg", rgb, exif=exif)
save("rgb.webp", rgb, lossless=True)
save("lossy.webp", rgb.resize((16, 16)))
save("rgb.bmp", rgb)
save("palette.bmp", rgb.quantize(4))
save("palette.gif", rgb.quantize(4), save_all=True, append_images=[rgb.quantize(3)])
save("rgb.tif", rgb)
save("packed.tif", rgb, compression="tiff_lzw")

# The header of a map: the target adds the values.
for name, dtype in {"f4": "<f4", "f8": "<f8", "f4-be": ">f4"}.items():
    buffer = io.BytesIO()
    np.save(buffer, np.full((224, 224), 0.5, dtype=dtype))
    (SEEDS / "score_map" / name).write_bytes(buffer.getvalue()[:128])
