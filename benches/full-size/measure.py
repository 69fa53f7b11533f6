#!/usr/bin/env python3
"""Makes a dataset of the size of ImageNet's training set, and measures a run over it.

    benches/full-size/measure.py FOLDER --localise PROGRAM [--photos 1281167]
        [--form files|tar|nested] [--shards 2] [--member-kib 0] [--threads 2]

The photos are those of `data/sample/images`, or of --source, repeated. As files they are hard links,
in 1,000 folders of classes; `tar` is one archive of all, and `nested` a tar of 1,000 tars, one for
each class. With --member-kib, each member of a tar is so large: the rest of it is a hole, so that
the archive has the size of one with ordinary photos and takes little disk.

It needs the Python package onnx. It prints one line of JSON for each step: `make`, `open` (until the journal of the first shard
exists), the shards, `merge` and `report`, each with its seconds, its CPU seconds and the most memory
that it held. The memory over time is in FOLDER/rss.csv. Each photo is synced to the journal, which
takes longer than a small photo: with --out on a file system in memory, the rest is measured.
"""

import argparse
import io
import json
import os
import resource
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from onnx import TensorProto, helper, save

CLASSES = 1000
# Linux has at most 65,000 links to a file on ext4.
LINKS = 60_000


def wordnet_ids():
    """The keys of the classes."""
    table = Path(__file__).parents[2] / "data/classes/imagenet1k.csv"
    return [line.split(",")[1] for line in table.read_text().splitlines()[1:]]


def small_model(folder):
    """A network that takes no time: the mean of each channel, and 1,000 classes."""
    weights = [((7 * i) % 13 - 6) / 6 for i in range(3 * CLASSES)]
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["y"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "small",
        [value("x", TensorProto.FLOAT, [1, 3, 16, 16])],
        [value("y", TensorProto.FLOAT, [1, CLASSES])],
        [helper.make_tensor("w", TensorProto.FLOAT, [3, CLASSES], weights)],
    )
    opset = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=8), folder / "small.onnx")
    description = folder / "small.toml"
    description.write_text(
        'title = "small"\nmodel = "small.onnx"\nclasses = "imagenet1k"\nsize = 16\ncanvas = 16\n'
        'channels = "rgb"\nrange = 1.0\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n'
    )
    return description


def names(count):
    """Class and file name of each photo, as ImageNet has them."""
    keys = wordnet_ids()
    for number in range(count):
        key = keys[number * CLASSES // count]
        yield key, f"{key}_{number}.JPEG"


def make_files(root, sources, count):
    originals = []
    for number, (key, name) in enumerate(names(count)):
        if number % (LINKS * len(sources)) == 0:
            originals = []
            for i, source in enumerate(sources):
                copy = root.with_name(f"{root.name}-originals") / f"{number}-{i}"
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy)
                originals.append(copy)
        folder = root / key
        folder.mkdir(parents=True, exist_ok=True)
        os.link(originals[number % len(sources)], folder / name)


def header(name, size):
    """The header of a member. `tarfile` would take several minutes for all of them."""
    if size not in TEMPLATES:
        info = tarfile.TarInfo("")
        info.size = size
        rest = info.tobuf(tarfile.GNU_FORMAT)[100:]
        # The checksum is the sum of all bytes, its own eight being blanks.
        TEMPLATES[size] = (rest[:48], rest[56:], sum(rest[:48]) + 8 * 32 + sum(rest[56:]))
    before, after, total = TEMPLATES[size]
    name = name.encode()
    checksum = b"%06o\0 " % (total + sum(name))
    return name.ljust(100, b"\0") + before + checksum + after


TEMPLATES = {}


class SparseTar:
    """A tar whose members end in holes. Such a member is an ordinary one to every reader."""

    def __init__(self, file, member_bytes):
        self.file, self.member_bytes = file, member_bytes

    def add(self, name, content):
        size = max(len(content), self.member_bytes)
        self.file.write(header(name, size))
        self.file.write(content)
        self.file.seek(-(-size // 512) * 512 - len(content), io.SEEK_CUR)

    def end(self):
        self.file.write(bytes(1024))


def make_tar(path, sources, count, member_bytes, nested):
    contents = [Path(source).read_bytes() for source in sources]
    with open(path, "wb") as file:
        outer = SparseTar(file, member_bytes)
        inner, header_at, current = outer, None, None

        def end_class():
            inner.end()
            end = file.tell()
            file.seek(header_at)
            file.write(header(f"{current}.tar", end - header_at - 512))
            file.seek(end)

        for number, (key, name) in enumerate(names(count)):
            if nested and key != current:
                if current is not None:
                    end_class()
                current, header_at = key, file.tell()
                file.write(bytes(512))
                inner = SparseTar(file, member_bytes)
            inner.add(name if nested else f"{key}/{name}", contents[number % len(contents)])
        if nested:
            end_class()
        outer.end()


def memory(pid):
    """The memory that a process holds, and the most that it held, MiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    found = {line.split(":")[0]: line for line in lines}
    return [int(found.get(key, "x 0").split()[1]) // 1024 for key in ("VmRSS", "VmHWM")]


def step(name, command, samples, opened=None):
    """Runs a command; gives how it went. `opened` is the file that ends the opening."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most, opening, opening_mib = 0, None, None
    while process.poll() is None:
        now, high = memory(process.pid)
        most = max(most, high)
        samples.write(f"{name},{time.time() - start:.1f},{now}\n")
        if opened is not None and opening is None and opened.exists():
            opening, opening_mib = round(time.time() - start, 1), high
        time.sleep(0.2)
    if process.returncode != 0:
        raise SystemExit(f"{command}: exit code {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = sum(getattr(after, key) - getattr(before, key) for key in ("ru_utime", "ru_stime"))
    result = {"step": name, "s": round(time.time() - start, 1), "cpu_s": round(cpu, 1), "mib": most}
    if opening is not None:
        result |= {"opening_s": opening, "opening_mib": opening_mib}
    print(json.dumps(result), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--localise", required=True)
    parser.add_argument("--photos", type=int, default=1_281_167)
    parser.add_argument("--form", choices=["files", "tar", "nested"], default="files")
    parser.add_argument("--source", nargs="+", default=None)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--member-kib", type=int, default=0)
    parser.add_argument("--pipeline", default="centre-box")
    parser.add_argument("--out", type=Path, help="the folder of runs (default: FOLDER)")
    parser.add_argument("--model", help="default: a network that takes no time")
    given = parser.parse_args()
    sources = given.source or sorted(Path("data/sample/images").glob("*.jpg"))
    given.folder.mkdir(parents=True, exist_ok=True)

    dataset = given.folder / ("train" if given.form == "files" else f"{given.form}.tar")
    start = time.time()
    if not dataset.exists():
        if given.form == "files":
            make_files(dataset, sources, given.photos)
        else:
            nested = given.form == "nested"
            make_tar(dataset, sources, given.photos, given.member_kib << 10, nested)
    print(json.dumps({"step": "make", "s": round(time.time() - start, 1)}), flush=True)

    model = given.model or small_model(given.folder)
    out = (given.out or given.folder) / f"run-{given.form}"
    shutil.rmtree(out, ignore_errors=True)
    program = [given.localise, "--quiet"]
    with open(given.folder / "rss.csv", "w") as samples:
        for shard in range(given.shards):
            options = ["--dataset", dataset, "--model", model, "--pipeline", given.pipeline]
            options += ["--out", out, "--threads", given.threads]
            options += ["--shard", f"{shard}/{given.shards}"]
            journal = out / f"shard-{shard}.part"
            step(f"shard {shard}", [*program, "run", *options], samples, journal)
        step("merge", [*program, "merge", out], samples)
        step("report", [*program, "report", out, "--photos", "24"], samples)
    for path in sorted(out.iterdir()):
        print(json.dumps({"file": path.name, "mib": round(path.stat().st_size / 2**20, 1)}))


if __name__ == "__main__":
    main()
