"""Compares the CPU time of grid-maxflow with that of other solvers: `peers.py FILE ...`.

The files are DIMACS grids, written by `instances.py` or by the example `peer` of localise.

All figures are process CPU times in ms on one pinned core. In each round the solvers take turns on
a file; each gives the median of `--repeat` runs, after one run to warm up. The table has medians
over rounds, and then the geometric mean over the photos of a class. Ratios are formed round by
round, before their median is taken. Reading the file is not timed. grid-maxflow reuses one grid
from run to run. PyMaxflow allocates memory for each graph, but `malloc` is told to keep the pages
of freed memory: otherwise it depends on chance whether a build needs fresh pages, which make it up
to three times slower.

The script fails if the flows are not the same integer. `--scipy` adds scipy's solver, which is slow
and requires flows below 2**31. The table is Markdown; `nan` means that a value is unknown.
"""

import argparse
import os
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import maxflow
import numpy as np
from instances import STEPS, arcs, read_dimacs, sides
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow
from timing import geometric_mean, keep_pages

BINARY = Path(__file__).resolve().parents[3] / "target/release/examples/time_cut"
ROUNDS = {"224": 5}  # by size, if `--rounds` is not given; 3 for other sizes
# Build + solve of PyMaxflow and of the fastest of EIBFS, HPF and GridCut in ms, measured together,
# once, and elsewhere. The latter three cannot be run here, so the bar is their gain over PyMaxflow
# times a margin. All of them used fresh pages (see above), so the bar is approximate at size 500.
BEST_PEER = {
    "224 smooth g50": (67.0, 32.9),
    "224 smooth g5": (19.8, 10.6),
    "224 speckle g50": (34.9, 17.7),
    "500 smooth g50": (281.9, 139.4),
    "500 smooth g5": (92.2, 37.8),
    "500 speckle g50": (157.6, 69.1),
}
MARGIN = 1.3


def run_pymaxflow(_path, instance, repeat):
    """PyMaxflow's GraphInt, built in the fastest way: vectors of edges, and a known size."""
    width, height, *planes = instance
    source, sink, edges = (
        plane.astype(np.int64) for plane in planes
    )  # PyMaxflow's own type, so it converts nothing
    # The index vectors can be kept from graph to graph, so they are not timed. Steps without edges
    # are left out.
    numbers, pairs = np.arange(width * height).reshape(height, width), []
    for edge, step in zip(edges, STEPS):
        here, there = sides(numbers, step)
        if edge.any():
            pairs.append((here.ravel(), there.ravel(), *2 * [sides(edge, step)[0].ravel()]))

    def once():
        start = time.process_time()
        graph = maxflow.GraphInt(width * height, len(pairs) * width * height)
        nodes = graph.add_grid_nodes((height, width))
        for vectors in pairs:
            graph.add_edges(*vectors)
        graph.add_grid_tedges(nodes, source, sink)
        built = time.process_time()
        flow = graph.maxflow()
        return flow, built - start, time.process_time() - built

    return median_of(once, repeat)


def run_scipy(_path, instance, repeat):
    """scipy's Dinic on a sparse matrix of int32."""
    tail, head, capacity = arcs(instance).T
    tail, head, capacity = (part.astype(np.int32) for part in (tail - 1, head - 1, capacity))
    size = instance[0] * instance[1] + 2

    def once():
        start = time.process_time()
        graph = csr_array((capacity, (tail, head)), shape=(size, size))
        built = time.process_time()
        flow = maximum_flow(graph, 0, 1).flow_value
        return flow, built - start, time.process_time() - built

    return median_of(once, repeat)


def run_ours(binary, path, _instance, repeat):
    """The example `time_cut`, which warms up and takes the medians itself."""
    command = [binary, path, "--repeat", str(repeat)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    values = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    return int(values["flow"]), float(values["build"]), float(values["solve"])


def median_of(once, repeat):
    """The flow and the median times of build and solve in ms, after one run to warm up."""
    once()
    flows, *times = zip(*(once() for _ in range(repeat)))
    return flows[0], *(1000 * float(np.median(series)) for series in times)


def measure(path, solvers, rounds, repeat):
    """For each solver an array of (build, solve) by round. All solvers must find the same flow."""
    instance = read_dimacs(path)
    times, flows = defaultdict(list), {}
    for _ in range(rounds):
        for name, run in solvers.items():
            if name == "scipy" and max(flows.values()) >= 2**31:
                continue
            flows[name], *pair = run(path, instance, repeat)
            times[name].append(pair)
        if len(set(flows.values())) > 1:
            sys.exit(f"{path}: the flows differ: {flows}")
    return {name: np.array(pairs) for name, pairs in times.items()}


def figures(photos, name):
    """A solver's times in a class as `build + solve`."""
    medians = [np.median(photo[name], axis=0) for photo in photos if name in photo]
    return " + ".join(f"{geometric_mean(column):.2f}" for column in zip(*medians)) or "-"


def speedup(photos):
    """The ratio of PyMaxflow's build + solve to ours in a class."""
    return geometric_mean(
        [np.median(photo["PyMaxflow"].sum(1) / photo["ours"].sum(1)) for photo in photos]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="PHOTO.SIZE.MAP.gGAMMA.max")
    parser.add_argument("--rounds", type=int, help="default: 5 at size 224, else 3")
    parser.add_argument("--repeat", type=int, default=3, help="runs of a solver in a round")
    parser.add_argument("--only", choices=("ours", "pymaxflow"))
    parser.add_argument("--scipy", action="store_true")
    parser.add_argument("--binary", type=Path, default=BINARY, help="the example time_cut")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    keep_pages()

    solvers = {"PyMaxflow": run_pymaxflow, "ours": partial(run_ours, options.binary)}
    if options.only:
        solvers = {name: run for name, run in solvers.items() if name.lower() == options.only}
    if options.scipy:
        solvers["scipy"] = run_scipy

    classes = defaultdict(list)
    for path in options.files:
        size, kind, gamma = path.stem.split(".")[1:]
        rounds = options.rounds or ROUNDS.get(size, 3)
        classes[f"{path.parent.name} {size} {kind} {gamma}"].append(
            measure(path, solvers, rounds, options.repeat)
        )
        print(f"measured {path.name}", file=sys.stderr)

    header = [
        "class",
        "photos",
        *(f"{name} build + solve" for name in solvers),
        "PyMaxflow / ours",
        "bar",
    ]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    ratios = []
    for label, photos in classes.items():
        ratios.append(np.nan if options.only else speedup(photos))
        peer, best = BEST_PEER.get(label.removeprefix("made "), (np.nan, np.nan))
        cells = [label, str(len(photos)), *(figures(photos, name) for name in solvers)]
        print("| " + " | ".join(cells) + f" | {ratios[-1]:.2f} | {MARGIN * peer / best:.2f} |")
    cells = ["all classes", str(len(options.files)), *("" for _ in solvers)]
    print("| " + " | ".join(cells) + f" | {geometric_mean(ratios):.2f} | |")


if __name__ == "__main__":
    main()
