"""localise and the same work in Python, by turns on the same photos: a Markdown table.

A round runs each program on all photos and on one photo a worker; what the second takes is its start-up, and is taken off. Rates are
photos per second of wall time and of CPU time (all threads and processes, the kernel's too). The ratio of a round is that of its two
rates; the table has the median of the rounds and in brackets the least and the greatest. With two threads the peer runs both as one
process of two threads and as two processes of one; in each column the better counts. Accuracy is GT-known at IoU 1/2, unweighted,
on these photos: a check that the work is the same, not a result.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import product
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
MODELS = REPOSITORY / "data/models"
NETS = ("squeezenet1.1", "efficientnet-lite0", "googlenet")
COLUMNS = ("model", "classes", "threads", "ours, photos/s", "peer, photos/s", "ratio", "ours, photos/CPU s",
           "peer, photos/CPU s", "CPU ratio", "peer's gradient, CPU ms", "peer's cut, CPU ms", "start-up ours, peer, s",
           "accuracy ours, peer, %")


def measured(command):
    """What a program prints, its wall time and its CPU time with that of its children."""
    with tempfile.TemporaryFile("w+") as printed:
        start = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=printed, cwd=REPOSITORY)
        _, status, used = os.wait4(process.pid, 0)
        wall, process.returncode = time.perf_counter() - start, status
        if status:
            sys.exit(f"{' '.join(map(str, command))} failed")
        printed.seek(0)
        return printed.read(), wall, used.ru_utime + used.ru_stime


def ours(options, model, classes, threads, limit, folder):
    """A run of localise into a new folder."""
    command = [options.localise, "run", "--quiet", "--dataset", options.dataset, "--pipeline", "single-warp"]
    command += ["--model", model, "--classes", classes, "--threads", threads, "--limit", limit, "--out", folder]
    return measured(command + (["--data-dir", options.data_dir] if options.data_dir else []))


def peer(model, classes, workers, limit, folder):
    """A run of the peer over the first photos of a run of localise; `workers` are its threads and processes."""
    command = [sys.executable, HERE / "peer.py", model.with_suffix(".toml"), folder / "truth.csv", folder / "peer.csv"]
    command += ["--classes", classes, "--limit", limit, "--threads", workers[0], "--processes", workers[1]]
    return measured(command)


def rates(full, first, photos, workers):
    """Photos per second of wall and of CPU time beyond the start-up."""
    return [(photos - workers) / (a - b) for a, b in zip(full[1:], first[1:])]


def accuracy(boxes, truth):
    """The share of photos whose true class's box has IoU 1/2 with a true box."""
    sides = ("x_min", "y_min", "x_max", "y_max")
    true, hits = defaultdict(list), 0
    for row in csv.DictReader(truth.open()):
        true[row["image_id"]].append([float(row[side]) for side in sides])
    for row in csv.DictReader(boxes.open()):
        if row["true_class"].lower() == "true":
            box = [float(row[side]) for side in sides]
            hits += any(overlap(box, other) >= 0.5 for other in true[row["image_id"]])
    return 100 * hits / len(true)


def overlap(a, b):
    """Intersection over union."""
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (sum(area) - shared)


def rounds(options, model, classes, threads, ways, work):
    """For each round and program: its two rates, its start-up and the stages that it prints; and the last folder."""
    for turn in range(options.rounds):
        folder, small = (Path(tempfile.mkdtemp(dir=work)) for _ in range(2))
        if turn == 0:  # one to warm up
            ours(options, model, classes, threads, threads, small)
            peer(model, classes, (1, 1), 1, small)
            small = Path(tempfile.mkdtemp(dir=work))
        full = ours(options, model, classes, threads, options.limit, folder)
        first = ours(options, model, classes, threads, threads, small)
        photos = len({row["image_id"] for row in csv.DictReader((folder / "truth.csv").open())})
        done = {"ours": (rates(full, first, photos, threads), first[1], None)}
        for way, workers in ways.items():
            full = peer(model, classes, workers, photos, folder)
            first = peer(model, classes, workers, workers[1], small)
            done[way] = rates(full, first, photos, workers[1]), first[1], json.loads(full[0].splitlines()[-1])
        yield done, folder


def row(options, model, classes, threads, work):
    """A line of the table."""
    ways = {f"{threads} threads": (threads, 1), f"{threads} processes": (1, threads)} if threads > 1 else {"": (1, 1)}
    done, folders = zip(*rounds(options, model, classes, threads, ways, work))

    def median(of):
        return statistics.median(of(turn) for turn in done)

    cells = [model.stem, classes, str(threads)]
    for kind in (1, 0):  # CPU, then wall: the way that is left counts for the other columns
        best = max(ways, key=lambda way: median(lambda turn: turn[way][0][kind]))
        ratios = [turn["ours"][0][kind] / turn[best][0][kind] for turn in done]
        mine, theirs = (f"{median(lambda turn: turn[name][0][kind]):.1f}" for name in ("ours", best))
        ratio = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
        cells[3:3] = [mine, f"{theirs} ({best})" if best else theirs, ratio]
    cells += [f"{median(lambda turn: turn[best][2][stage]):.1f}" for stage in ("gradient", "cut")]
    cells.append(", ".join(f"{median(lambda turn: turn[name][1]):.2f}" for name in ("ours", best)))
    truth = folders[-1] / "truth.csv"
    cells.append(", ".join(f"{accuracy(folders[-1] / name, truth):.1f}" for name in ("boxes.csv", "peer.csv")))
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--localise", type=Path, default=REPOSITORY / "target/release/localise", help="the program")
    parser.add_argument("--dataset", default="ilsvrc-dev")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--googlenet", type=Path, help="googlenet.onnx; left out, GoogLeNet is")
    parser.add_argument("--models", nargs="+", choices=NETS, default=NETS)
    parser.add_argument("--classes", nargs="+", choices=("gt", "top5"), default=("gt", "top5"))
    parser.add_argument("--threads", nargs="+", type=int, default=(1, 2))
    parser.add_argument("--limit", type=int, default=60, help="photos, of localise's fixed shuffle")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{options.limit} photos of {options.dataset}, {options.rounds} rounds, {os.cpu_count()} cores.\n")
    print("| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * 3 + " ---: |" * (len(COLUMNS) - 3), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = {name: MODELS / f"{name}.onnx" for name in NETS} | {"googlenet": options.googlenet}
        for name in options.models:
            if files[name] is None:
                print(f"{name} is left out: --googlenet says where it lies", file=sys.stderr)
                continue
            model = work / f"{name}.onnx"  # beside its description
            model.symlink_to(files[name].resolve())
            shutil.copy(MODELS / f"{name}.toml", work)
            for classes, threads in product(options.classes, options.threads):
                print("| " + " | ".join(row(options, model, classes, threads, work)) + " |", flush=True)


if __name__ == "__main__":
    main()
