"""Are the gradients right? All nets and light graphs, compared with PyTorch in fp32 and fp64."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np

import light
import nets
from compiled import gradient_session
from images import image
from reference import references

SMOOTH_MAX_REL = 1e-4
KINK_L2 = 2e-2
KINK_COSINE = 0.999
KINK_FACTOR = 3.0  # how much further from fp64 than torch's fp32 is
FLIP = 1e-5  # a gradient that is further from fp64 took the other branch of some kink

HEADER = """\
max-rel = max |d| / max |g|; rel-L2 = |d| / |g|. "Worst" and "median" are over {inputs} inputs.

The bars to pass are:

* Without kinks: worst max-rel <= {SMOOTH_MAX_REL:g}.
* With kinks (the network as is, with ReLU or max pools): median rel-L2 <= {KINK_L2:g}, median
  cosine >= {KINK_COSINE:g}, and (ours to fp64) / (torch fp32 to fp64) <= {KINK_FACTOR:g},
  as the median of the inputs' ratios.

"Flips" are inputs whose gradient is further than {FLIP:g} from fp64: rounding took the other
branch of some kink. Where about half of the inputs flip, the ratio of the two medians would be 1 or
1000 by chance alone. The last line names the rows where it is above {KINK_FACTOR:g}.

| net | exporter | variant \
| max-rel to torch fp32, worst | rel-L2 to torch fp32, median | cosine to torch fp32, median \
| ours to fp64, rel-L2 median | torch fp32 to fp64, rel-L2 median | ours / torch, median of the ratios \
| flips, ours / torch \
| scores to torch fp32, max-rel worst | verdict |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |"""


@dataclass
class Case:
    """A row: an ONNX file and the torch module that it must agree with."""

    net: str
    exporter: str
    variant: str
    kinks: bool
    reference: str
    model: Callable[[], Path]
    build: Callable
    picture: Callable


def cases(name):
    """The rows of a net."""
    if name in light.LIGHT_NETS:
        return [
            Case(
                name,
                "zoo",
                "as is",
                True,
                name,
                lambda: light.randomised(name),
                lambda: light.LightNet(name),
                light.picture(name),
            )
        ]
    return [
        net_case(name, exporter, variant)
        for variant in nets.variants(name)
        for exporter in nets.EXPORTERS
    ]


def net_case(name, exporter, variant):
    kinks = variant == "as is" and name not in nets.SMOOTH_NETS
    return Case(
        name,
        exporter,
        variant,
        kinks,
        nets.label(name, variant),
        lambda: nets.exported(name, exporter, variant),
        lambda: nets.build(name, variant),
        lambda seed: image(seed, nets.side(name)),
    )


def max_rel(ours, theirs):
    return np.abs(ours - theirs).max() / np.abs(theirs).max()


def rel_l2(ours, theirs):
    return np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)


def cosine(ours, theirs):
    return (ours * theirs).sum() / np.linalg.norm(ours) / np.linalg.norm(theirs)


def answers(case, classes):
    """Our scores and gradients for the given class of each picture."""
    with gradient_session(case.model()) as run:
        answered = [
            run(case.picture(i).numpy(), run.one_hot(chosen)) for i, chosen in enumerate(classes)
        ]
    return [np.stack(arrays) for arrays in zip(*answered)]


def compare(scores, gradients, expected):
    """The numbers of one row, from arrays with one row per picture."""

    def each(metric, ours, theirs):
        # in fp64, so that the sums of the comparison add no rounding of their own
        ours, theirs = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (ours, theirs))
        return [metric(x, y) for x, y in zip(ours, theirs, strict=True)]

    fp32, fp64 = expected["fp32"], expected["fp64"]
    ours_off, torch_off = (
        np.array(each(rel_l2, gradients, fp64)),
        np.array(each(rel_l2, fp32, fp64)),
    )
    return {
        "max-rel": np.max(each(max_rel, gradients, fp32)),
        "rel-L2": np.median(each(rel_l2, gradients, fp32)),
        "cosine": np.median(each(cosine, gradients, fp32)),
        "ours to fp64": np.median(ours_off),
        "torch to fp64": np.median(torch_off),
        "ratio": np.median(ours_off / torch_off),
        "flips": f"{sum(ours_off > FLIP)} / {sum(torch_off > FLIP)}",
        "scores": np.max(each(max_rel, scores, expected["scores"])),
    }


def verdict(kinks, m):
    """Whether the bars of the header are met. NaN meets none of them."""
    bars = (
        {"max-rel": m["max-rel"] <= SMOOTH_MAX_REL}
        if not kinks
        else {
            "rel-L2": m["rel-L2"] <= KINK_L2,
            "cosine": m["cosine"] >= KINK_COSINE,
            "ours / torch": m["ratio"] <= KINK_FACTOR,
        }
    )
    missed = [name for name, met in bars.items() if not met]
    return "no: " + ", ".join(missed) if missed else "pass"


def format_value(name, value):
    return {"cosine": "{:.6f}", "ratio": "{:.2f}", "flips": "{}"}.get(name, "{:.1e}").format(value)


def row(case, inputs):
    """Prints a row. Returns whether it passes, and its name if the two medians are far apart."""
    expected = references(case.reference, case.build, case.picture, inputs)
    try:
        m = compare(*answers(case, expected["classes"]), expected)
        result = verdict(case.kinks, m)
        apart = case.kinks and m["ours to fp64"] > KINK_FACTOR * m["torch to fp64"]
        numbers = " | ".join(format_value(name, value) for name, value in m.items())
    except Exception as error:  # a failed row; the table goes on
        reason = (str(error).strip() or repr(error)).splitlines()[0].replace("|", "/")
        result, numbers, apart = f"no: {reason}", " | ".join("-" * 8), False
    print(f"| {case.net} | {case.exporter} | {case.variant} | {numbers} | {result} |", flush=True)
    return result == "pass", f"{case.net} ({case.exporter})" if apart else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    every = [*nets.ACCURACY_NETS, *light.LIGHT_NETS]
    parser.add_argument("--nets", type=lambda s: s.split(","), default=every)
    parser.add_argument("--inputs", type=int, default=20)
    options = parser.parse_args()
    print(HEADER.format(inputs=options.inputs, **globals()))
    passed, apart = zip(
        *[row(case, options.inputs) for name in options.nets for case in cases(name)]
    )
    print(
        f"\n{sum(passed)} of {len(passed)} pass; "
        f"ratio of the medians above {KINK_FACTOR:g}: {', '.join(filter(None, apart)) or 'none'}"
    )
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
