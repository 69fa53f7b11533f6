#!/usr/bin/env python3
"""Random grid cuts with known answers: writes `grids.csv` beside this script.

A row is `seed,width,height,neighbours,kind,flow,source_set`: the maximum flow, and the number of pixels that
the source can still reach in the residual graph after it (the smallest source side of a minimum cut).  Both
come from PyMaxflow, and from scipy as well wherever the flow fits its 32 bits; they must agree.
Needs the packages of `crates/grid-maxflow/benches/requirements.txt`.

The capacities are not stored: they follow from the seed, in integers, so that a test can make them again.

The generator is splitmix64, all modulo 2**64, starting from state = seed.  A draw is

    state += 0x9E3779B97F4A7C15
    z = state
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    draw = z ^ (z >> 31)

The order of draws: for each pixel (x, y), row by row, one draw for its source and one for its sink capacity;
then for each step (dx, dy) of (1, 0), (0, 1), (1, 1), (-1, 1) -- the first two only, with 4 neighbours -- for
which (x + dx, y + dy) lies inside the grid, one draw for the capacity forth, to that neighbour, and one back.

A draw d becomes a capacity by kind, with unsigned division and remainder:

    kind       source and sink                         edge, forth and back
    unit       d % 2                                   d % 2
    sparse     d / 3 % 100 + 1 if d % 3 == 0 else 0    as for source and sink
    dense      d % 401                                 d % 101
    huge       d % 2**24 + 1                           d % 2**22 + 1
    strong     d / 8 % 10001 if d % 8 == 0 else 0      d % 1001
    symmetric  d % 101                                 d % 31, and back = forth (its own draw is dropped)
    seeds      1000000 if d % 15 == 0 else 0           d % 101
"""

import csv
import random
from itertools import product
from pathlib import Path

import maxflow
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

MASK = 2**64 - 1
STEPS = ((1, 0), (0, 1), (1, 1), (-1, 1))


TERMINAL = {
    "unit": lambda draw: draw % 2,
    "sparse": lambda draw: draw // 3 % 100 + 1 if draw % 3 == 0 else 0,
    "dense": lambda draw: draw % 401,
    "huge": lambda draw: draw % 2**24 + 1,
    "strong": lambda draw: draw // 8 % 10_001 if draw % 8 == 0 else 0,
    "symmetric": lambda draw: draw % 101,
    "seeds": lambda draw: 1_000_000 if draw % 15 == 0 else 0,
}
EDGE = {
    "unit": TERMINAL["unit"],
    "sparse": TERMINAL["sparse"],
    "dense": lambda draw: draw % 101,
    "huge": lambda draw: draw % 2**22 + 1,
    "strong": lambda draw: draw % 1001,
    "symmetric": lambda draw: draw % 31,
    "seeds": lambda draw: draw % 101,
}


def splitmix64(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def make_grid(seed, width, height, neighbours, kind):
    """The capacities as two arrays: rows (source, sink) by pixel, and rows (pixel, pixel, forth, back)."""
    draws = splitmix64(seed)
    terminal, edge = TERMINAL[kind], EDGE[kind]
    terminals, edges = [], []
    for y, x in product(range(height), range(width)):
        terminals.append((terminal(next(draws)), terminal(next(draws))))
        for dx, dy in STEPS[: neighbours // 2]:
            if 0 <= x + dx < width and y + dy < height:
                forth, back = edge(next(draws)), edge(next(draws))
                back = forth if kind == "symmetric" else back
                edges.append((y * width + x, (y + dy) * width + x + dx, forth, back))
    return np.array(terminals), np.array(edges, int).reshape(-1, 4)


def solve_pymaxflow(terminals, edges):
    """The flow, and the size of the sink's segment: the number of pixels that still reach the sink."""
    graph = maxflow.GraphInt()
    pixels = graph.add_nodes(len(terminals))
    graph.add_edges(*edges.T.copy())
    graph.add_grid_tedges(pixels, *terminals.T.copy())
    return graph.maxflow(), int(graph.get_grid_segments(pixels).sum())


def solve_scipy(terminals, edges):
    """The flow, and the number of pixels that the source reaches in the residual graph."""
    count = len(terminals)
    pixels, source, sink = np.arange(count), np.full(count, count), np.full(count, count + 1)
    first, second, forth, back = edges.T
    tails = np.concatenate([source, pixels, first, second])
    heads = np.concatenate([pixels, sink, second, first])
    capacities = np.concatenate([*terminals.T, forth, back]).astype(np.int32)
    graph = csr_array((capacities, (tails, heads)), shape=(count + 2, count + 2))
    result = maximum_flow(graph, count, count + 1)
    residual = graph - result.flow
    residual.eliminate_zeros()
    assert (residual.data > 0).all()
    return result.flow_value, len(
        breadth_first_order(residual, count, return_predecessors=False)
    ) - 1


def shapes(choose):
    """Widths and heights for one kind and neighbourhood: single pixels and lines, then ever larger grids."""
    yield from [(1, 1)] * 4
    for _ in range(10):
        yield 1, choose.randint(2, 60)
        yield choose.randint(2, 60), 1
    for largest, count in ((4, 25), (12, 25), (30, 15), (60, 6)):
        for _ in range(count):
            yield choose.randint(2, largest), choose.randint(2, largest)


def main():
    choose = random.Random(0)
    with open(Path(__file__).with_name("grids.csv"), "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("seed", "width", "height", "neighbours", "kind", "flow", "source_set"))
        seed = 0
        for kind, neighbours in product(TERMINAL, (4, 8)):
            for width, height in shapes(choose):
                seed += 1
                terminals, edges = make_grid(seed, width, height, neighbours, kind)
                flow, _ = solve_pymaxflow(terminals, edges)
                # The smallest source set is the sink's segment of the graph turned round.
                turned, source_set = solve_pymaxflow(terminals[:, ::-1], edges[:, [0, 1, 3, 2]])
                assert turned == flow
                if flow < 2**31:
                    assert solve_scipy(terminals, edges) == (flow, source_set)
                table.writerow((seed, width, height, neighbours, kind, flow, source_set))


if __name__ == "__main__":
    main()
