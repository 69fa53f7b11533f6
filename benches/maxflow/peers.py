"""Times our max-flow against its peers on DIMACS grids: `peers.py FILE ...` (made by `instances.py`).

All figures are process CPU times in ms on one pinned core.  In each round the solvers take turns on a file,
each giving the median of `--repeat` runs after one to warm up.  The table has medians over rounds, then the
geometric mean over the photos of a class; the ratio is formed round by round before its median.  Reading the
file is never timed.  Ours reuses one arena from run to run.  PyMaxflow allocates per graph, but `malloc` is
told to keep its pages: fresh ones would come or not by chance, and make the build up to three times slower.

The flows must be the same integer, or the script fails.  `--scipy` adds scipy's solver, which is slow and
takes flows below 2**31 only.  The table is Markdown; `nan` stands for what is unknown.
"""

import argparse
import ctypes
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

BINARY = Path(__file__).resolve().parents[2] / "target/release/localise"
ROUNDS = {"224": 5}  # by size, where `--rounds` does not say
# Build + solve of PyMaxflow and of the fastest of EIBFS, HPF and GridCut, measured together once, in ms.  The
# latter three cannot be run here, so our bar is their gain over PyMaxflow, by a margin.  All had fresh
# pages then (see above), so at size 500 the bar is approximate.
BEST_PEER = {
    "224 smooth g50": (67.0, 32.9),
    "224 smooth g5": (19.8, 10.6),
    "224 speckle g50": (34.9, 17.7),
    "500 smooth g50": (281.9, 139.4),
    "500 smooth g5": (92.2, 37.8),
    "500 speckle g50": (157.6, 69.1),
}
MARGIN = 1.3
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's mallopt


def run_pymaxflow(_path, instance, repeat):
    """PyMaxflow's GraphInt, built its fastest way: edges by index vectors into a graph of known size."""
    width, height, *planes = instance
    source, sink, edges = (plane.astype(np.int64) for plane in planes)  # its own type: nothing to convert
    # What it can keep from graph to graph is not timed: the vectors. Steps without edges are left out.
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
    """Our program, which warms up and takes the medians itself."""
    command = [binary, "maxflow", path, "--repeat", str(repeat)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    values = {line.split()[0]: line.split()[1] for line in output.splitlines()}
    return int(values["flow"]), float(values["build"]), float(values["solve"])


def median_of(once, repeat):
    """The flow and the median build and solve times in ms, of `repeat` runs after one to warm up."""
    once()
    flows, *times = zip(*(once() for _ in range(repeat)))
    return flows[0], *(1000 * float(np.median(series)) for series in times)


def measure(path, solvers, rounds, repeat):
    """Per solver an array of (build, solve) by round; all solvers must find the same flow."""
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


def keep_pages():
    """Lets freed memory stay with the process, to be used again by the next allocation."""
    mallopt = ctypes.CDLL(None).mallopt
    if not (mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1)):
        sys.exit("mallopt failed")


def mean(values):
    """The geometric mean."""
    return float(np.exp(np.mean(np.log(values))))


def figures(photos, name):
    """A solver's times in a class as `build + solve`."""
    medians = [np.median(photo[name], axis=0) for photo in photos if name in photo]
    return " + ".join(f"{mean(column):.2f}" for column in zip(*medians)) or "-"


def speedup(photos):
    """The ratio of PyMaxflow's to our build + solve in a class."""
    return mean([np.median(photo["PyMaxflow"].sum(1) / photo["ours"].sum(1)) for photo in photos])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="PHOTO.SIZE.MAP.gGAMMA.max")
    parser.add_argument("--rounds", type=int, help="default: 5 at size 224, else 3")
    parser.add_argument("--repeat", type=int, default=3, help="runs of a solver in a round")
    parser.add_argument("--only", choices=("ours", "pymaxflow"))
    parser.add_argument("--scipy", action="store_true")
    parser.add_argument("--binary", type=Path, default=BINARY, help="our program")
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
        classes[f"{path.parent.name} {size} {kind} {gamma}"].append(measure(path, solvers, rounds, options.repeat))
        print(f"measured {path.name}", file=sys.stderr)

    header = ["class", "photos", *(f"{name} build + solve" for name in solvers), "PyMaxflow / ours", "bar"]
    print("| " + " | ".join(header) + " |\n|" + "---|" * len(header))
    ratios = []
    for label, photos in classes.items():
        ratios.append(np.nan if options.only else speedup(photos))
        peer, best = BEST_PEER.get(label.removeprefix("made "), (np.nan, np.nan))
        cells = [label, str(len(photos)), *(figures(photos, name) for name in solvers)]
        print("| " + " | ".join(cells) + f" | {ratios[-1]:.2f} | {MARGIN * peer / best:.2f} |")
    cells = ["all classes", str(len(options.files)), *("" for _ in solvers)]
    print("| " + " | ".join(cells) + f" | {mean(ratios):.2f} | |")


if __name__ == "__main__":
    main()
