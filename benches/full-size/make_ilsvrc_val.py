#!/usr/bin/env python3
"""Makes a stand-in for ILSVRC's validation set: 50,000 photos with the true classes and boxes.

make_ilsvrc_val.py TRUTH OUT SET...     SET is a folder with boxes.csv and its photos

The photos are those of the sets, repeated: hard links in OUT/files/val, and members of
OUT/tar/ILSVRC2012_img_val.tar. TRUTH holds wsolevaluation's lists of all 50,000 photos; their boxes
are scaled to the photos that stand in for them, and written as XML, in OUT/files/bbox_val and in
OUT/tar/ILSVRC2012_bbox_val_v3.tgz. So boxes and classes are true in number, size and place, but a
score of photos on them means nothing.
"""

import argparse
import csv
import io
import os
import tarfile
from collections import defaultdict
from pathlib import Path

OBJECT = (
    "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    "</bndbox></object>"
)
CLASSES = Path(__file__).resolve().parents[2] / "data/classes/imagenet1k.csv"


def lines(path):
    """The fields of each line of a list."""
    return [line.split(",") for line in path.read_text().split()]


def photos_of(folder):
    """The JPEGs of a set, each with its width and height."""
    with open(folder / "boxes.csv", newline="") as table:
        found = {row["file"]: (int(row["width"]), int(row["height"])) for row in csv.DictReader(table)}
    return [(folder / file, size) for file, size in found.items() if file.lower().endswith((".jpg", ".jpeg"))]


def scaled(box, frame, size):
    """An inclusive box in a photo of another size."""
    edges = []
    for axis in (0, 1):
        factor = size[axis] / frame[axis]
        low = int(int(box[axis]) * factor)
        high = max(low, min(size[axis], round((int(box[axis + 2]) + 1) * factor)) - 1)
        edges.append((low, high))
    (x0, x1), (y0, y1) = edges
    return x0, y0, x1, y1


def annotation(name, wnid, boxes, size):
    """ILSVRC's XML."""
    objects = "".join(OBJECT.format(wnid, *box) for box in boxes)
    width, height = size
    return (
        f"<annotation><filename>{name}</filename><size><width>{width}</width><height>{height}</height>"
        f"<depth>3</depth></size>{objects}</annotation>\n"
    ).encode()


def add(archive, name, content):
    """Adds a member whose bytes depend on nothing else."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("truth", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("sets", type=Path, nargs="+")
    options = parser.parse_args()
    photos = [photo for folder in options.sets for photo in photos_of(folder)]
    with open(CLASSES, newline="") as table:
        wnids = [row["wnid"] for row in csv.DictReader(table)]
    frames = {name: (int(w), int(h)) for name, w, h in lines(options.truth / "image_sizes.txt")}
    boxes = defaultdict(list)
    for name, *box in lines(options.truth / "localization.txt"):
        boxes[name].append(box)
    files, tars = options.out / "files", options.out / "tar"
    for folder in (files / "val", files / "bbox_val", tars):
        folder.mkdir(parents=True)
    with (
        tarfile.open(tars / "ILSVRC2012_img_val.tar", "w") as images,
        tarfile.open(tars / "ILSVRC2012_bbox_val_v3.tgz", "w:gz", compresslevel=1) as annotations,
    ):
        for i, (name, label) in enumerate(lines(options.truth / "class_labels.txt")):
            photo, size = photos[i % len(photos)]
            stem = Path(name).stem
            found = [scaled(box, frames[name], size) for box in boxes[name]]
            xml = annotation(stem, wnids[int(label)], found, size)
            os.link(photo, files / "val" / f"{stem}.JPEG")
            (files / "bbox_val" / f"{stem}.xml").write_bytes(xml)
            add(images, f"{stem}.JPEG", photo.read_bytes())
            add(annotations, f"val/{stem}.xml", xml)


if __name__ == "__main__":
    main()
