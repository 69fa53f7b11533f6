"""What does compiling cost? Time and memory of `localise grad`, compared with the model's size.

Linux counts the memory of the parent as the child's peak when it starts the child, so this script
does not import torch.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from places import LOCALISE, cached

DEFAULT_NETS = ("squeezenet1_1", "resnet50", "vgg16")
MB = 1e6
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def compile_measured(model, out):
    """Wall time in seconds and peak memory in bytes of compiling one model."""
    start = time.perf_counter()
    command = [LOCALISE, "grad", model, "-o", out, "--seed-input"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{model.name} does not compile")
    return seconds, usage.ru_maxrss * MAXRSS_UNIT


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", type=lambda s: s.split(","), default=DEFAULT_NETS)
    names = parser.parse_args().nets
    export = [sys.executable, Path(__file__).with_name("nets.py"), *names]
    subprocess.run(export, stdout=subprocess.DEVNULL, check=True)
    print(
        "| net | model, MB | compiled, MB | wall time, s | peak memory, MB | peak memory / model |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in names:
        model = cached("nets", f"{name}.torchscript.onnx")
        out = cached("gradients", f"{os.getpid()}.{model.name}")
        seconds, memory = compile_measured(model, out)
        before, after = (path.stat().st_size / MB for path in (model, out))
        print(
            f"| {name} | {before:.1f} | {after:.1f} | {seconds:.2f} | {memory / MB:.0f} "
            f"| {memory / MB / before:.1f} |",
            flush=True,
        )
        out.unlink()


if __name__ == "__main__":
    main()
