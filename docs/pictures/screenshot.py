#!/usr/bin/env python3
"""Makes viewer.png: a photo of a report, step by step.

    python3 docs/pictures/screenshot.py REPORT.html PHOTO

It needs what tests/browser/report.py needs, and Pillow.
"""

import io
import sys
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "tests/browser"))
from report import Report, browser  # noqa: E402


def main():
    path, photo = Path(sys.argv[1]), sys.argv[2]
    driver = browser()
    try:
        report = Report(driver, path)
        report.theme("light")
        report.window(1200, 900)
        report.open(f"photo={photo}")
        report.press("s")
        time.sleep(0.5)
        stage = driver.find_element("css selector", ".viewer-picture").rect
        legend = driver.find_element("css selector", "#legend").rect
        page = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    finally:
        driver.quit()
    left, top = int(stage["x"]) - 16, int(stage["y"]) - 72
    right, bottom = left + int(stage["width"]) + 32, int(legend["y"] + legend["height"]) + 16
    viewer = page.crop((left, top, right, bottom)).quantize(256, Image.Quantize.MAXCOVERAGE)
    viewer.save(Path(__file__).with_name("viewer.png"), optimize=True)


if __name__ == "__main__":
    main()
