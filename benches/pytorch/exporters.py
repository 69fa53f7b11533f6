"""Does the program read what exporters write? Gradients against the framework's own in float64."""

import argparse
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import onnx

import exporter_nets
from accuracy import max_rel, rel_l2
from compiled import CompileError, gradient_session
from images import image
from places import CACHE

SCORES, SMOOTH, KINK_BEST, KINK_MEDIAN, FACTOR = 1e-3, 1e-4, 1e-4, 2e-2, 3.0
KINKS = {"Abs", "Clip", "HardSigmoid", "HardSwish", "LeakyRelu", "Max", "MaxPool", "Min", "PRelu"}
KINKS |= {"ReduceMax", "ReduceMin", "Relu"}

EXPORTERS = ("dynamo", "dynamo-23", "optimum", "tf2onnx")

HEADER = f"""\
A number is the median of |d| / |g| over {exporter_nets.INPUTS} inputs, where g is the framework's gradient in float64
and d the difference from it; "own" is that of the framework's float32 gradient. It stands for a
pass: the scores are within {SCORES:g} of the framework's, and

* without kinks, max |d| / max |g| is at most {SMOOTH:g} in the median, or {FACTOR:g} times the framework's;
* with kinks (ReLU, max pools, clips), where rounding can take the other branch, |d| / |g| is at
  most {KINK_BEST:g} for the best input, or in the median at most {KINK_MEDIAN:g} and {FACTOR:g} times the framework's.

| net | own | {" | ".join(EXPORTERS)} |
| --- | ---: |{" ---: |" * len(EXPORTERS)}"""


@dataclass
class Row:
    """A net as an exporter writes it."""

    net: str
    exporter: str
    model: Callable[[], Path]
    pictures: Callable[[], list[np.ndarray]]
    expected: Callable[[], dict]


def torch_rows():
    """The rows of the PyTorch nets."""
    for net in exporter_nets.NETS:
        for exporter in net.exporters:
            yield Row(
                net.label,
                exporter,
                lambda net=net, exporter=exporter: exporter_nets.exported(net, exporter),
                lambda net=net: [image(i, net.side).numpy() for i in range(exporter_nets.INPUTS)],
                lambda net=net: exporter_nets.expected(net),
            )


def tensorflow_rows():
    """The rows of the nets that keras_nets.py has left in the cache, with its pictures."""
    for path in sorted((CACHE / "nets").glob("*.tf2onnx.onnx")):
        label = path.name.removesuffix(".tf2onnx.onnx")
        answers = CACHE / "references" / f"{label}.npz"
        yield Row(
            label,
            "tf2onnx",
            lambda path=path: path,
            lambda answers=answers: [x[None] for x in np.load(answers)["pictures"]],
            lambda answers=answers: dict(np.load(answers)),
        )


def measured(row, model):
    """The numbers of a row that compiles."""
    pictures, expected = row.pictures(), row.expected()
    side = pictures[0].shape[2]
    with gradient_session(model, size=f"{side}x{side}") as run:
        answers = [run(x, run.one_hot(c)) for x, c in zip(pictures, expected["classes"])]
    scores, gradients = (np.stack(part).astype(np.float64) for part in zip(*answers))
    gradients = gradients.reshape(expected["fp64"].shape)

    def each(metric, found, wanted):
        return np.array([metric(a.astype(np.float64), b) for a, b in zip(found, wanted)])

    theirs = expected["scores"].reshape(len(scores), -1).astype(np.float64)
    return {
        "scores": each(max_rel, scores.reshape(theirs.shape), theirs).max(),
        "rel-L2": each(rel_l2, gradients, expected["fp64"]),
        "max-rel": each(max_rel, gradients, expected["fp64"]),
        "own rel-L2": each(rel_l2, expected["fp32"], expected["fp64"]),
        "own max-rel": each(max_rel, expected["fp32"], expected["fp64"]),
    }


def missed(m, kinks):
    """The bars of the header that the numbers do not meet. NaN meets none of them."""
    bars = {"scores": m["scores"] <= SCORES}
    if kinks:
        median, own = np.median(m["rel-L2"]), np.median(m["own rel-L2"])
        bars["gradient"] = m["rel-L2"].min() <= KINK_BEST or median <= min(
            KINK_MEDIAN, FACTOR * own
        )
    else:
        bars["gradient"] = np.median(m["max-rel"]) <= max(
            SMOOTH, FACTOR * np.median(m["own max-rel"])
        )
    return [name for name, met in bars.items() if not met]


def shortened(error):
    """An error on one line: where it lists operators with their nodes, the operators alone."""
    first, *rest = error.splitlines()
    return first + "".join(f" {line.split()[0]}" for line in rest if line.strip())


@dataclass
class Verdict:
    """What came of a row."""

    word: str
    reason: str = ""
    median: float = np.nan
    own: float = np.nan

    def cell(self):
        return f"{self.median:.1e}" if self.word == "pass" else self.word


def verdict(row):
    """Exports, compiles and compares a row."""
    try:
        with redirect_stdout(sys.stderr):  # exporters print whole graphs
            model = row.model()
    except Exception as error:  # the exporter's; the table goes on
        return Verdict("not exported", first_line(error))
    try:
        m = measured(row, model)
    except CompileError as error:
        return Verdict("refused", shortened(str(error)))
    except Exception as error:  # ONNX Runtime's
        return Verdict("failed", first_line(error))
    graph = onnx.load(model, load_external_data=False).graph
    bars = missed(m, any(node.op_type in KINKS for node in graph.node))
    numbers = np.median(m["rel-L2"]), np.median(m["own rel-L2"])
    return Verdict("failed" if bars else "pass", ", ".join(bars), *numbers)


def first_line(error):
    """The first line of an exception's own first cause."""
    while error.__cause__:
        error = error.__cause__
    return (str(error).strip() or repr(error)).splitlines()[0][:120]


def print_table(verdicts):
    """The nets with their exporters, what is not a pass, and the counts."""
    print(HEADER)
    for net in dict.fromkeys(row.net for row, _ in verdicts):
        found = {row.exporter: v for row, v in verdicts if row.net == net}
        own = next((f"{v.own:.1e}" for v in found.values() if v.word == "pass"), "")
        cells = [found[exporter].cell() if exporter in found else "" for exporter in EXPORTERS]
        print(f"| {net} | {own} | {' | '.join(cells)} |")
    print()
    for row, v in verdicts:
        if v.word != "pass":
            print(f"* {row.net}, {row.exporter}: {v.word}: {v.reason}")
    print()
    for exporter in EXPORTERS:
        counts = Counter(v.word for row, v in verdicts if row.exporter == exporter)
        print(f"* {exporter}: {', '.join(f'{n} {word}' for word, n in sorted(counts.items()))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=lambda s: s.split(","), help="by their labels in the table")
    options = parser.parse_args()
    verdicts = []
    for row in [*torch_rows(), *tensorflow_rows()]:
        if options.nets and row.net not in options.nets:
            continue
        verdicts.append((row, verdict(row)))
        print(row.net, row.exporter, verdicts[-1][1], file=sys.stderr, flush=True)
    print_table(verdicts)
    sys.exit(any(v.word == "failed" for _, v in verdicts))


if __name__ == "__main__":
    main()
