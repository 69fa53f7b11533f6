"""The work of `localise run --pipeline single-warp`, written in Python with PyTorch and OpenCV.

    python peer.py MODEL.toml truth.csv boxes.csv [--classes top5] [--threads T] [--processes P]
        [--limit N]

`truth.csv` is written by a run of localise: the photos, their classes and sizes. For each photo:
decode, warp to the network's input, one forward pass, one backward pass per class, maximum of
|gradient| over colours, seeds from its top 5 % and bottom 30 %, `cv2.grabCut` with one iteration in
that frame, and the box of the largest component in pixels of the photo.

The last line of the output is JSON: CPU milliseconds per photo by stage.
"""

import argparse
import csv
import json
import time
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from network import description, network, tensor

FOREGROUND, BACKGROUND = 0.05, 0.30
COLUMNS = (
    "image_id",
    "class_index",
    "rank",
    "probability",
    "true_class",
    "x_min",
    "y_min",
    "x_max",
    "y_max",
)


class Localiser:
    """The network of one process."""

    def __init__(self, model, top5, threads):
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
        self.model, self.top5 = model, top5
        self.net = network(model["model"]).to(memory_format=torch.channels_last)

    def locate(self, photo):
        """The rows of a photo, and the CPU seconds of its stages."""
        clock = [time.process_time()]
        picture = Image.open(photo["file"]).convert("RGB")
        size, truth = self.model["size"], int(photo["class_index"])
        frame = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
        clock.append(time.process_time())
        classes, maps, probabilities = self.gradients(frame, truth)
        clock.append(time.process_time())
        boxes = [cut(frame, saliency) for saliency in maps]
        clock.append(time.process_time())
        rows = []
        for c, box in zip(classes, boxes):
            rank = 1 + int((probabilities > probabilities[c]).sum())
            scaled = (edge * side / size for edge, side in zip(box, picture.size * 2))
            rows.append(
                (photo["image_id"], c, rank, f"{probabilities[c]:.6f}", c == truth, *scaled)
            )
        return rows, np.diff(clock)

    def gradients(self, frame, truth):
        """The classes, the saliency map of each, and the probabilities of all."""
        x = tensor(frame, self.model).requires_grad_()
        scores = self.net(x)[0]
        probabilities = scores.detach().softmax(0)
        classes = probabilities.topk(5).indices.tolist() if self.top5 else []
        classes += [] if truth in classes else [truth]
        maps = []
        for c in classes:
            (gradient,) = torch.autograd.grad(scores[c], x, retain_graph=c != classes[-1])
            maps.append(gradient[0].abs().amax(0).numpy())
        return classes, maps, probabilities.numpy()


def seeds(saliency):
    """The mask that grabCut starts from: hard seeds, and the other pixels as probable background.

    (Probable foreground for the other pixels, or for their upper half, gives boxes that are as good
    and takes a tenth longer.)
    """
    n = saliency.size
    low, high = int(BACKGROUND * n), n - int(FOREGROUND * n)
    order = np.argpartition(saliency.ravel(), (low, high))
    mask = np.full(n, cv2.GC_PR_BGD, np.uint8)
    mask[order[:low]], mask[order[high:]] = cv2.GC_BGD, cv2.GC_FGD
    return mask.reshape(saliency.shape)


def cut(frame, saliency):
    """The box of the largest component, (x0, y0, x1, y1), half-open."""
    cv2.setRNGSeed(0)
    mask = seeds(saliency)
    cv2.grabCut(frame, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
    stats = cv2.connectedComponentsWithStats(mask & 1, connectivity=8)[2][
        1:
    ]  # GC_FGD and GC_PR_FGD are odd
    left, top, width, height = stats[stats[:, cv2.CC_STAT_AREA].argmax(), :4].tolist()
    return left, top, left + width, top + height


def start(*arguments):
    """Creates the localiser of a process."""
    global localiser
    localiser = Localiser(*arguments)


def locate(photo):
    return localiser.locate(photo)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path, help="the model's description")
    parser.add_argument("truth", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--classes", choices=("gt", "top5"), default="gt")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--processes", type=int, default=1, help="processes, each with this many threads"
    )
    parser.add_argument("--limit", type=int, help="only the first photos")
    options = parser.parse_args()
    with options.truth.open() as rows:
        photos = list({row["image_id"]: row for row in csv.DictReader(rows)}.values())[
            : options.limit
        ]
    begin = description(options.model), options.classes == "top5", options.threads
    if options.processes > 1:
        with get_context("fork").Pool(options.processes, start, begin) as pool:
            done = pool.map(locate, photos, chunksize=1)
    else:
        start(*begin)
        done = [locate(photo) for photo in photos]
    with options.out.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(COLUMNS)
        table.writerows(row for rows, _ in done for row in rows)
    spent = 1000 * np.mean([times for _, times in done], axis=0)
    print(json.dumps(dict(zip(("decode", "gradient", "cut"), spent.tolist()))))


if __name__ == "__main__":
    main()
