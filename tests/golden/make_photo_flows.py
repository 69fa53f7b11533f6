#!/usr/bin/env python3
"""The flows of cuts of the sample photos: `make_photo_flows.py FILE ...` writes `photo_flows.csv` beside this script.

The files are DIMACS, made by `target/release/examples/peer instances DIR`.  A row is `name,flow,source_set`, as in
`crates/grid-maxflow/tests/golden/grids.csv`: PyMaxflow's flow and smallest source set, which must be scipy's too.
"""

import csv
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "crates/grid-maxflow/tests/golden"))
from make_grids import solve_pymaxflow, solve_scipy  # noqa: E402


def read(path):
    """The capacities as two arrays: rows (source, sink) by pixel, and rows (pixel, pixel, forth, back)."""
    lines = [line.split() for line in path.read_text().splitlines()]
    nodes = next(int(words[2]) for words in lines if words[0] == "p")
    tail, head, capacity = np.array([words[1:] for words in lines if words[0] == "a"], np.int64).T
    terminals = np.zeros((nodes - 2, 2), np.int64)
    terminals[head[tail == 1] - 3, 0] = capacity[tail == 1]
    terminals[tail[head == 2] - 3, 1] = capacity[head == 2]
    inner = (tail > 2) & (head > 2)
    tail, head, capacity = tail[inner] - 3, head[inner] - 3, capacity[inner]
    pairs, place = np.unique(
        np.minimum(tail, head) * nodes + np.maximum(tail, head), return_inverse=True
    )
    edges = np.column_stack(
        [pairs // nodes, pairs % nodes, np.zeros_like(pairs), np.zeros_like(pairs)]
    )
    edges[place, np.where(tail < head, 2, 3)] = capacity
    return terminals, edges


def main():
    with open(Path(__file__).with_name("photo_flows.csv"), "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("name", "flow", "source_set"))
        for path in sorted(map(Path, sys.argv[1:])):
            terminals, edges = read(path)
            flow, _ = solve_pymaxflow(terminals, edges)
            turned, source_set = solve_pymaxflow(terminals[:, ::-1], edges[:, [0, 1, 3, 2]])
            assert turned == flow and solve_scipy(terminals, edges) == (flow, source_set), path
            table.writerow((path.stem, flow, source_set))


if __name__ == "__main__":
    main()
