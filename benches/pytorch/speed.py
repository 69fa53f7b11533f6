"""How fast are the gradients? One photo on one thread, compared with PyTorch in eager mode.

In every round each program runs once, in turn, so that what slows down the machine slows down all.
"""

import argparse
import copy
import gc
import statistics
import sys
import time

import torch

import nets
from compiled import gradient_session, session
from images import image
from profile_nodes import profile

CLASSES = (1, 10, 100, 500, 900)
WARM_UPS = 2
ONE_CLASS_EACH, ONE_CLASS_MEAN, FIVE_CLASS_MEAN, FIVE_RUNS_MEAN = 1.1, 1.5, 1.8, 1.6
COLUMNS = (
    "torch f",
    "torch f (cl)",
    "torch f+1",
    "torch f+1 (cl)",
    "ours f",
    "ours f+1",
    "ratio +1",
    "torch f+5",
    "torch f+5 (cl)",
    "ours f+5",
    "ratio +5",
    "ours 5 x f+1",
    "five runs / ours f+5",
)


def torch_forward(net, picture):
    with torch.no_grad():
        return net(picture)


def torch_gradients(net, picture, classes):
    """The gradients of some classes from one forward pass."""
    picture = picture.detach().requires_grad_(True)
    scores = net(picture)[0]
    return [
        torch.autograd.grad(scores[c], picture, retain_graph=c != classes[-1])[0] for c in classes
    ]


def timed_functions(net, forward, run, picture):
    """The functions that are timed, by column."""
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)
    picture_last = picture.to(memory_format=torch.channels_last)
    ours, one, five = picture.numpy(), run.one_hot(CLASSES[0]), run.one_hot(*CLASSES)
    singles = [run.one_hot(c) for c in CLASSES]
    return {
        "torch f": lambda: torch_forward(net, picture),
        "torch f (cl)": lambda: torch_forward(last, picture_last),
        "torch f+1": lambda: torch_gradients(net, picture, CLASSES[:1]),
        "torch f+1 (cl)": lambda: torch_gradients(last, picture_last, CLASSES[:1]),
        "ours f": lambda: forward.run(None, {"input": ours}),
        "ours f+1": lambda: run(ours, one),
        "torch f+5": lambda: torch_gradients(net, picture, CLASSES),
        "torch f+5 (cl)": lambda: torch_gradients(last, picture_last, CLASSES),
        "ours f+5": lambda: run(ours, five),
        "ours 5 x f+1": lambda: [run(ours, single) for single in singles],
    }


def medians(functions, rounds):
    """The median CPU milliseconds of each function, after the warm-ups."""
    times = {name: [] for name in functions}
    for _ in range(WARM_UPS + rounds):
        for name, function in functions.items():
            start = time.process_time()
            function()
            times[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(values[WARM_UPS:]) for name, values in times.items()}


def measure(name, rounds):
    """The row of a net: milliseconds and ratios by column."""
    model, net, picture = (
        nets.exported(name, "torchscript"),
        nets.build(name),
        image(0, nets.side(name)),
    )
    with gradient_session(model) as run:
        m = medians(timed_functions(net, session(model), run, picture), rounds)
    m["ratio +1"] = min(m["torch f+1"], m["torch f+1 (cl)"]) / m["ours f+1"]
    m["ratio +5"] = min(m["torch f+5"], m["torch f+5 (cl)"]) / m["ours f+5"]
    m["five runs / ours f+5"] = m["ours 5 x f+1"] / m["ours f+5"]
    return m


def table(names, rounds):
    """Prints a row per net and the geometric means, and returns them."""
    print(
        "The times are CPU milliseconds of one thread at batch size 1, as medians of "
        f"{rounds} rounds. f = forward;\n"
        "+1, +5 = gradients of that many classes; cl = channels_last. "
        "The ratios are to the faster of torch's\ntwo layouts.\n"
    )
    print("| net | " + " | ".join(COLUMNS) + " |")
    print("| --- |" + " ---: |" * len(COLUMNS), flush=True)
    rows = []
    for name in names:
        rows.append(measure(name, rounds))
        print(
            f"| {name} | " + " | ".join(format_value(c, rows[-1][c]) for c in COLUMNS) + " |",
            flush=True,
        )
        gc.collect()
    means = {c: statistics.geometric_mean(m[c] for m in rows) for c in COLUMNS}
    print("| geometric mean | " + " | ".join(format_value(c, means[c]) for c in COLUMNS) + " |")
    return rows, means


def format_value(column, value):
    return f"{value:.1f}" if column.startswith(("torch", "ours")) else f"{value:.2f}"


def bars(names, rows, means):
    """Prints whether each bar is met, and returns whether all are."""
    slowest = min(range(len(rows)), key=lambda i: rows[i]["ratio +1"])
    checks = (
        (f"+1 on every net (least: {names[slowest]})", rows[slowest]["ratio +1"], ONE_CLASS_EACH),
        ("+1, geometric mean", means["ratio +1"], ONE_CLASS_MEAN),
        ("+5, geometric mean", means["ratio +5"], FIVE_CLASS_MEAN),
        ("five runs / ours f+5, geometric mean", means["five runs / ours f+5"], FIVE_RUNS_MEAN),
    )
    print()
    for what, reached, bar in checks:
        print(f"* {'pass' if reached >= bar else 'FAIL'}: {what}: {reached:.2f}, to reach {bar}")
    return all(reached >= bar for _, reached, bar in checks)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    every = nets.ACCURACY_NETS + nets.SPEED_ONLY_NETS
    parser.add_argument("--nets", type=lambda s: s.split(","), default=every)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", metavar="NET", help="show instead where our time goes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.profile:
        profile(options.profile, CLASSES[:1], options.rounds)
        return
    rows, means = table(options.nets, options.rounds)
    sys.exit(0 if bars(options.nets, rows, means) else 1)


if __name__ == "__main__":
    main()
