#!/usr/bin/env python3
"""Makes a finished run of N photos from a small one, to measure the report of a large run.

The rows are repeated under new names.

Usage: benches/run/report.py RUN N OUT       then: localise report OUT --photos 0
and:   python3 tests/browser/report.py --time OUT/report.html
"""

import csv
import json
import pathlib
import shutil
import sys


def repeat_rows(source: pathlib.Path, target: pathlib.Path, count: int) -> None:
    """Repeats the rows of a table, photo after photo, until there are `count` photos."""
    with source.open() as file:
        reader = csv.reader(file)
        head, photos = next(reader), {}
        for row in reader:
            photos.setdefault(row[0], []).append(row[1:])
    names = list(photos)
    with target.open("w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        for i in range(count):
            name = names[i % len(names)]
            writer.writerows([f"{name}-{i // len(names):03}", *row] for row in photos[name])


def main() -> None:
    run, count, out = pathlib.Path(sys.argv[1]), int(sys.argv[2]), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    for name in ("boxes.csv", "truth.csv"):
        repeat_rows(run / name, out / name, count)
    for name in ("classes.csv", "manifest.json", "run.toml"):
        shutil.copy(run / name, out / name)
    summary = json.loads((run / "summary.json").read_text())
    summary["images"] = summary["images_in_dataset"] = count
    (out / "summary.json").write_text(json.dumps(summary))


main()
