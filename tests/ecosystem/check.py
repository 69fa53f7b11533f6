#!/usr/bin/env python3
"""What other programs make of our files: `PYTHONPATH=.test-tools tests/ecosystem/check.py PROGRAM`, after
scripts/fetch-test-tools.

A model with its backward pass goes to Python's ONNX Runtime by docs/examples/gradient.py, boxes to pycocotools, score
maps to numpy as wsolevaluation's evaluator loads them, tables to csv and json.
"""

import contextlib
import csv
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "data/models/squeezenet1.1.onnx"
SEVEN = ROOT / "tests/seven"


def localise(*arguments, code=0):
    """What the program prints, when it ends with `code`."""
    done = subprocess.run(
        [PROGRAM, "--quiet", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == code, (
        f"{arguments} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    )
    return done.stdout


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def corners(row):
    return [float(row[name]) for name in ("x_min", "y_min", "x_max", "y_max")]


def bbox(row):
    x_min, y_min, x_max, y_max = corners(row)
    return [x_min, y_min, x_max - x_min, y_max - y_min]


def run(out, dataset, *more, code=0):
    """A run of the fastest pipeline, with all that it can write."""
    localise(
        "run",
        "--dataset",
        dataset,
        "--pipeline",
        "single-warp",
        "--write-maps",
        "--write-masks",
        "--out",
        out,
        *more,
        code=code,
    )
    return out


def write_wsol(folder):
    """Seven photos of the sample as wsolevaluation's metadata, with a photo of the network's own size and one that is broken."""
    photos, lists = (
        folder / "val",
        {"image_ids": [], "class_labels": [], "image_sizes": [], "localization": []},
    )
    photos.mkdir(parents=True)

    def add(row, link):
        image_id = f"val/ILSVRC2012_val_{len(lists['image_ids']) + 1:08}.JPEG"
        x_min, y_min, x_max, y_max = map(int, corners(row))
        lists["image_ids"].append(image_id)
        lists["class_labels"].append(f"{image_id},{row['class_index']}")
        lists["image_sizes"].append(f"{image_id},{row['width']},{row['height']}")
        lists["localization"].append(f"{image_id},{x_min},{y_min},{x_max - 1},{y_max - 1}")
        os.symlink(link, folder / image_id)

    sample = {row["image_id"]: row for row in rows(SEVEN / "boxes.csv")}
    for row in sample.values():
        add(row, SEVEN / row["file"])
    small = folder / "small.png"
    Image.open(ROOT / "data/sample/images/coffee.jpg").resize((227, 227)).save(small)
    add({**sample["coffee"], "width": 227, "height": 227, "x_max": 200, "y_max": 200}, small)
    (folder / "broken.jpg").write_text("no photo")
    add(sample["coffee"], folder / "broken.jpg")
    for name, lines in lists.items():
        (folder / f"{name}.txt").write_text("\n".join(lines))
    return lists["image_ids"]


def check_tables(sample, wsol):
    """csv and json read what docs/run-folder.md names."""
    boxes = rows(sample / "boxes.csv")
    promised = "image_id class_index rank probability true_class x_min y_min x_max y_max iou flag status message"
    assert set(boxes[0]) >= set(promised.split()), boxes[0]
    assert all(x0 < x1 and y0 < y1 for x0, y0, x1, y1 in map(corners, boxes)), "a box is empty"
    boxed = {row["image_id"] for row in rows(sample / "truth.csv") if row["x_min"] != ""}
    has_iou = lambda row: row["true_class"] == "true" and row["image_id"] in boxed
    assert all((row["iou"] != "") == has_iou(row) for row in boxes)
    for path in (sample, wsol):
        summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
        failed = [row for row in rows(path / "boxes.csv") if row["status"] != "ok"]
        assert (summary["schema"], summary["failed"]) == (1, len(failed)), summary
        json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    assert not (sample / "failures.jsonl").exists()
    failures = [
        json.loads(line)
        for line in (wsol / "failures.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [row["image_id"] for row in failed] == [failure["id"] for failure in failures], failures
    assert all(set(failure) >= {"id", "path", "kind", "reason"} for failure in failures)
    print(f"ok tables: {len(boxes)} boxes, {len(failures)} failure")
    return {failure["id"] for failure in failures}


def check_maps(out, image_ids, failed):
    """numpy loads the path that wsolevaluation's evaluator builds, and its checks pass."""
    for image_id in set(image_ids) - failed:
        scoremap = np.load(os.path.join(out / "maps", image_id + ".npy"))
        assert scoremap.shape == (224, 224) and np.issubdtype(scoremap.dtype, np.floating), image_id
        assert scoremap.min() == 0 and scoremap.max() == 1 and not np.isnan(scoremap).any(), (
            image_id
        )
        mask = Image.open(out / "masks" / f"{image_id}.png")
        assert mask.size == Image.open(
            out.parent / "wsol" / image_id
        ).size and mask.getextrema() == (0, 255), image_id
    print(f"ok maps and masks: {len(image_ids) - len(failed)}")


def overlaps(truth, results):
    """{(image_id, category_id): the IoU of each result with its best true box} as COCOeval finds them."""
    with contextlib.redirect_stdout(sys.stderr):  # it tells of its progress
        truth = COCO(truth)
        evaluator = COCOeval(truth, truth.loadRes(str(results)), "bbox")
        evaluator.evaluate()
    return {key: np.max(ious, axis=1) for key, ious in evaluator.ious.items() if len(ious)}


def write_coco(path, run, name):
    """What the run was scored against as COCO instances; `name` makes an image's id."""
    truth = rows(run / "truth.csv")
    photos = {row["image_id"]: row for row in truth}
    path.write_text(
        json.dumps(
            {
                "images": [
                    {
                        "id": name(i),
                        "file_name": row["file"],
                        "width": int(row["width"]),
                        "height": int(row["height"]),
                    }
                    for i, row in photos.items()
                ],
                "annotations": [
                    {
                        "id": k,
                        "image_id": name(row["image_id"]),
                        "category_id": int(row["class_index"]),
                        "bbox": bbox(row),
                        "area": np.prod(bbox(row)[2:]),
                        "iscrowd": 0,
                    }
                    for k, row in enumerate(truth, 1)
                ],
                "categories": [
                    {"id": int(row["class_index"]), "name": row["wnid"]} for row in photos.values()
                ],
            }
        )
    )
    return path


def check_coco(out, folder):
    """pycocotools loads our results and finds the IoUs of boxes.csv."""
    boxes = rows(out / "boxes.csv")
    found = {(row["image_id"], int(row["class_index"])): row for row in boxes}

    # The run's guesses: an image's id is its name.
    results = folder / "guesses.json"
    localise("score", out, "--write", f"coco={results}")
    written = {
        (one["image_id"], one["category_id"]): one for one in json.loads(results.read_text())
    }
    assert set(written) == {key for key, row in found.items() if int(row["rank"]) <= 5}
    for key, one in written.items():
        assert one["bbox"] == bbox(found[key]) and one["score"] == float(
            found[key]["probability"]
        ), key
    guesses = overlaps(write_coco(folder / "named.json", out, str), results)
    assert guesses, "no guess is of a true class"

    # The boxes of the true classes in a COCO dataset of ours, where an image's id is a number.
    number = {
        image_id: n for n, image_id in enumerate(dict.fromkeys(row["image_id"] for row in boxes), 1)
    }
    truth = write_coco(folder / "truth.json", out, number.get)
    table, results = folder / "true.csv", folder / "true.json"
    true = [row for row in boxes if row["true_class"] == "true"]
    with open(table, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "x_min", "y_min", "x_max", "y_max"])
        writer.writerows(
            [f"{number[row['image_id']]}/{row['class_index']}", *corners(row)] for row in true
        )
    scores = json.loads(
        localise("score", table, "--dataset", truth, "--json", "--write", f"coco={results}")
    )
    boxed = overlaps(truth, results)
    assert len(boxed) == len(true)

    for (image_id, category), ious in [*guesses.items(), *boxed.items()]:
        name = image_id if isinstance(image_id, str) else list(number)[image_id - 1]
        assert abs(ious.item() - float(found[name, category]["iou"])) < 1e-6, (name, category)
    mean, ours = np.mean(list(boxed.values())), scores["metrics"]["mean_iou"]["value"]
    assert abs(ours - mean) < 1e-6, (ours, mean)
    print(f"ok coco: {len(written)} guesses, {len(guesses) + len(boxed)} IoUs")


def check_gradient(wsol, folder):
    """The example's gradient is that of the original model's score, and its saliency that of a run."""
    localise("grad", MODEL, "-o", folder / "grad.onnx")
    # The photo of the network's own size: nobody resizes it.
    sys.argv = ["gradient.py", str(folder / "grad.onnx"), str(folder / "wsol/small.png")]
    example = runpy.run_path(str(ROOT / "docs/examples/gradient.py"), run_name="__main__")
    image, gradient, best = example["image"], example["gradient"], example["classes"][0]
    session = onnxruntime.InferenceSession(MODEL)

    def score(image):
        return float(session.run(None, {"input": image.astype(np.float32)})[0][0, best])

    # Central differences along random directions that on the whole go uphill: half of the signs are the gradient's.
    random, step, worst = np.random.default_rng(1), 1e-3, 0
    for _ in range(10):
        signs = random.choice([-1, 1], gradient.shape)
        direction = np.where(random.random(gradient.shape) < 0.5, np.sign(gradient), signs)
        difference = (score(image + step * direction) - score(image - step * direction)) / (
            2 * step
        )
        worst = max(worst, abs(difference / np.sum(gradient * direction) - 1))
    assert worst < 0.03, f"central differences differ by {worst:.1%}"

    ours = np.load(wsol / "maps/val/ILSVRC2012_val_00000008.JPEG.npy")
    theirs = np.asarray(
        Image.fromarray(example["saliency"]).resize((224, 224), Image.Resampling.BILINEAR)
    )
    apart = np.abs((theirs - theirs.min()) / np.ptp(theirs) - ours).max()
    assert apart < 1e-3, f"saliency maps are {apart} apart"
    print(f"ok gradient: {worst:.2%} from central differences; saliency {apart:.0e} from a run's")


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        image_ids = write_wsol(folder / "wsol")
        sample = run(folder / "sample", SEVEN, "--classes", "top5")
        wsol = run(folder / "run", folder / "wsol", "--data-dir", folder / "wsol", code=3)
        failed = check_tables(sample, wsol)
        check_maps(wsol, image_ids, failed)
        check_coco(sample, folder)
        check_gradient(wsol, folder)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv[1])
    main()
