"""Compares localise with the same work in Python, taking turns on the same photos.

In a round, each program runs once on all photos and once on one photo per worker. The median of the
latter over the rounds is the program's start-up (imports, model, sessions, the first photos), and
is subtracted. Rates are photos per second of wall time and of CPU time (all threads and processes,
including the kernel's time). A ratio is that of two rates of the same round; the table has the
median, the minimum and the maximum over the rounds. With T threads, the peer runs both as one
process of T threads and as T processes of one thread, and each column has the better of the two.
Accuracy is GT-known at IoU 1/2, unweighted, on these photos. It is a check that both do the same
work, not a result. With fewer than about 50 photos, the noise of the start-up hides everything
else. The table is Markdown.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import product
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
MODELS = REPOSITORY / "data/models"
PHOTO = REPOSITORY / "data/sample/images/chelsea.jpg"  # the networks must agree on it
NETS = ("squeezenet1.1", "efficientnet-lite0", "googlenet")
COLUMNS = (
    "model",
    "classes",
    "threads",
    "ours, photos/s",
    "peer, photos/s",
    "ratio",
    "ours, photos/CPU s",
    "peer, photos/CPU s",
    "CPU ratio",
    "peer's gradient, CPU ms",
    "peer's cut, CPU ms",
    "start-up ours, peer, s",
    "accuracy ours, peer, %",
)


def measured(command):
    """The output of a program, its wall time, and its CPU time including that of its children."""
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
    command = [
        options.localise,
        "run",
        "--quiet",
        "--dataset",
        options.dataset,
        "--pipeline",
        "single-warp",
    ]
    command += [
        "--model",
        model,
        "--classes",
        classes,
        "--threads",
        threads,
        "--limit",
        limit,
        "--out",
        folder,
    ]
    return measured(command + (["--data-dir", options.data_dir] if options.data_dir else []))


def peer(model, classes, workers, limit, folder):
    """A run of the peer over the first photos of a run of localise, with (threads, processes)."""
    command = [
        sys.executable,
        HERE / "peer.py",
        model.with_suffix(".toml"),
        folder / "truth.csv",
        folder / "peer.csv",
    ]
    command += [
        "--classes",
        classes,
        "--limit",
        limit,
        "--threads",
        workers[0],
        "--processes",
        workers[1],
    ]
    return measured(command)


def accuracy(boxes, truth):
    """The share of photos where the box of the true class has an IoU of 1/2 with a true box."""
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


def rounds(options, model, classes, threads, modes, work):
    """The runs of each program by round, on all photos and on one per worker.

    Also returns the number of photos and the last folder.
    """
    full, first = defaultdict(list), defaultdict(list)
    for turn in range(options.rounds):
        folder, small = (Path(tempfile.mkdtemp(dir=work)) for _ in range(2))
        if turn == 0:  # to warm up
            ours(options, model, classes, threads, threads, small)
            peer(model, classes, (1, 1), 1, small)
            small = Path(tempfile.mkdtemp(dir=work))
        full["ours"].append(ours(options, model, classes, threads, options.limit, folder))
        first["ours"].append(ours(options, model, classes, threads, threads, small))
        photos = len({row["image_id"] for row in csv.DictReader((folder / "truth.csv").open())})
        for mode, workers in modes.items():
            full[mode].append(peer(model, classes, workers, photos, folder))
            first[mode].append(peer(model, classes, workers, workers[1], small))
    return full, first, photos, folder


def row(options, model, classes, threads, work):
    """A row of the table."""
    modes = (
        {f"{threads} threads": (threads, 1), f"{threads} processes": (1, threads)}
        if threads > 1
        else {"": (1, 1)}
    )
    full, first, photos, folder = rounds(options, model, classes, threads, modes, work)
    workers = {"ours": threads} | {mode: processes for mode, (_, processes) in modes.items()}
    cells = [model.stem, classes, str(threads)]
    for clock in (2, 1):  # CPU time, then wall time, whose `best` and `begun` the other columns use
        begun = {name: median(run[clock] for run in first[name]) for name in workers}
        rates = {
            name: [(photos - n) / (run[clock] - begun[name]) for run in full[name]]
            for name, n in workers.items()
        }
        best = max(modes, key=lambda mode: median(rates[mode]))
        ratios = [a / b for a, b in zip(rates["ours"], rates[best])]
        mine, theirs = (f"{median(rates[name]):.1f}" for name in ("ours", best))
        ratio = f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
        cells[3:3] = [mine, f"{theirs} ({best})" if best else theirs, ratio]
    stages = [json.loads(run[0].splitlines()[-1]) for run in full[best]]
    cells += [f"{median(of[stage] for of in stages):.1f}" for stage in ("gradient", "cut")]
    cells.append(", ".join(f"{begun[name]:.2f}" for name in ("ours", best)))
    cells.append(
        ", ".join(
            f"{accuracy(folder / name, folder / 'truth.csv'):.1f}"
            for name in ("boxes.csv", "peer.csv")
        )
    )
    return cells


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--localise", type=Path, default=REPOSITORY / "target/release/localise", help="the program"
    )
    parser.add_argument("--dataset", default="ilsvrc-dev")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument(
        "--googlenet", type=Path, help="googlenet.onnx (default: leave GoogLeNet out)"
    )
    parser.add_argument("--models", nargs="+", choices=NETS, default=NETS)
    parser.add_argument("--classes", nargs="+", choices=("gt", "top5"), default=("gt", "top5"))
    parser.add_argument("--threads", nargs="+", type=int, default=(1, 2))
    parser.add_argument(
        "--limit", type=int, default=60, help="number of photos, from localise's fixed shuffle"
    )
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = os.cpu_count()
    print(f"{options.limit} photos of {options.dataset}, {options.rounds} rounds, {cores} cores.\n")
    print(
        "| " + " | ".join(COLUMNS) + " |\n|" + " --- |" * 3 + " ---: |" * (len(COLUMNS) - 3),
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        files = {name: MODELS / f"{name}.onnx" for name in NETS} | {"googlenet": options.googlenet}
        for name in options.models:
            if files[name] is None:
                print(f"{name} is left out: --googlenet gives its path", file=sys.stderr)
                continue
            model = work / f"{name}.onnx"  # beside its description
            model.symlink_to(files[name].resolve())
            shutil.copy(MODELS / f"{name}.toml", work)
            check = [sys.executable, HERE / "network.py", model.with_suffix(".toml"), PHOTO]
            subprocess.run(check, check=True, stdout=sys.stderr)
            for classes, threads in product(options.classes, options.threads):
                print(
                    "| " + " | ".join(row(options, model, classes, threads, work)) + " |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
