"""Where does the time of a compiled net go? ONNX Runtime's profile by operator type and node."""

import json
from collections import Counter
from pathlib import Path

import nets
from compiled import gradient_session
from images import image
from places import cached

WARM_UPS = 2
SLOWEST = 25
KERNEL = "_kernel_time"  # the suffix of the events that time a node's kernel


def profile(name, classes, rounds):
    """Prints the milliseconds of a run, by operator type and for the slowest nodes."""
    picture = image(0, nets.side(name)).numpy()
    with gradient_session(nets.exported(name, "torchscript"), cached("profiles", name)) as run:
        seed = run.one_hot(*classes)
        for _ in range(WARM_UPS + rounds):
            run(picture, seed)
        trace = Path(run.session.end_profiling())
    by_type, by_node, shapes = Counter(), Counter(), {}
    for event in kernels(trace, WARM_UPS):
        milliseconds = event["dur"] / 1000 / rounds
        kind, node = event["args"]["op_name"], event["name"].removesuffix(KERNEL)
        by_type[kind] += milliseconds
        by_node[kind, node] += milliseconds
        shapes[kind, node] = shape(event["args"])
    trace.unlink()
    total = by_type.total()
    print(
        f"{name}, forward and {len(classes)} class: {total:.1f} ms per run in kernels, one thread\n"
    )
    print("| operator | ms | % | nodes |\n| --- | ---: | ---: | ---: |")
    for kind, ms in by_type.most_common():
        nodes = sum(key[0] == kind for key in by_node)
        print(f"| {kind} | {ms:.2f} | {100 * ms / total:.1f} | {nodes} |")
    print("\n| node | operator | ms | inputs -> outputs |\n| --- | --- | ---: | --- |")
    for (kind, node), ms in by_node.most_common(SLOWEST):
        print(f"| {node} | {kind} | {ms:.2f} | {shapes[kind, node]} |")


def kernels(trace, warm_ups):
    """The kernel events of a trace in order of time, without those of the warm-up runs."""
    events = sorted(json.loads(trace.read_text()), key=lambda event: event["ts"])
    runs = [event["ts"] for event in events if event["name"] == "model_run"]
    return [e for e in events if e["name"].endswith(KERNEL) and e["ts"] >= runs[warm_ups]]


def shape(args):
    """The shapes of an event's inputs and outputs, as 1x3x224x224 ... -> ..."""

    def sides(typed):
        return " ".join(
            "x".join(map(str, dims)) or "1" for tensor in typed for dims in tensor.values()
        )

    return f"{sides(args['input_type_shape'])} -> {sides(args['output_type_shape'])}"
