"""Loads a classifier's ONNX file as a torch module, with its description.

python network.py MODEL.toml PHOTO      compare its scores with ONNX Runtime's
"""

import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper
from PIL import Image
from torch import fx, nn

TOLERANCE = 1e-4


def description(path):
    """The description of a model from its TOML, with `model` as a path."""
    parsed = tomllib.loads(path.read_text())
    return parsed | {"model": path.parent / parsed["model"]}


def network(path):
    """The module, in eval mode and frozen. torch.fx writes its forward pass as plain Python."""
    graph = onnx.load(path).graph
    known = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer}
    modules, code = nn.ModuleDict(), fx.Graph()
    values = {graph.input[0].name: code.placeholder("x")}
    for i, node in enumerate(graph.node):
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        inputs = [values[name] for name in node.input if name not in known]
        made = LAYERS[node.op_type](
            attributes, *(known[name] for name in node.input if name in known)
        )
        if isinstance(made, nn.Module):
            modules[f"{node.op_type}{i}"] = made
            values[node.output[0]] = code.call_module(f"{node.op_type}{i}", tuple(inputs))
        else:
            values[node.output[0]] = made(code, inputs)
    code.output(values[graph.output[0].name])
    return fx.GraphModule(modules, code).eval().requires_grad_(False)


def sides(a):
    """The padding of a layer: a number if all sides are equal, else (left, right, top, bottom)."""
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    return (top, None) if top == left == bottom == right else (0, (left, right, top, bottom))


def conv(a, weight, bias):
    padding, outside = sides(a)
    group = a.get("group", 1)
    layer = nn.Conv2d(
        weight.shape[1] * group, weight.shape[0], a["kernel_shape"], a["strides"], padding, 1, group
    )
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer if outside is None else nn.Sequential(nn.ZeroPad2d(outside), layer)


def max_pool(a):
    padding, outside = sides(a)
    assert outside in (None, (0, 1, 0, 1)) and (
        outside is None or a["strides"] == [2, 2]
    )  # Caffe rounds up
    return nn.MaxPool2d(a["kernel_shape"], a["strides"], padding, ceil_mode=outside is not None)


def linear(a, weight, bias):
    layer = nn.Linear(*weight.shape[::-1])
    layer.weight, layer.bias = nn.Parameter(weight), nn.Parameter(bias)
    return layer


def clip(a, low, high):
    assert (low, high) == (0, 6)
    return nn.ReLU6(inplace=True)


LAYERS = {
    "Add": lambda a: lambda code, xs: code.call_function(torch.add, tuple(xs)),
    "AveragePool": lambda a: nn.AvgPool2d(a["kernel_shape"], a["strides"]),
    "Clip": clip,
    "Concat": lambda a: lambda code, xs: code.call_function(torch.cat, (xs, a["axis"])),
    "Conv": conv,
    "Flatten": lambda a: nn.Flatten(a["axis"]),
    "Gemm": linear,
    "GlobalAveragePool": lambda a: nn.AdaptiveAvgPool2d(1),
    "LRN": lambda a: nn.LocalResponseNorm(a["size"], a["alpha"], a["beta"], a["bias"]),
    "MaxPool": max_pool,
    "Relu": lambda a: nn.ReLU(inplace=True),
}


def tensor(frame, model):
    """An RGB picture as the input of a network, [1, 3, height, width] in channels_last."""
    pixels = frame[..., ::-1] if model["channels"] == "bgr" else frame
    factor, mean, std = (
        np.float32(value) for value in (model["range"] / 255, model["mean"], model["std"])
    )
    scaled = (pixels.astype(np.float32) * factor - mean) / std
    return torch.from_numpy(scaled).permute(2, 0, 1)[None]


def main():
    import onnxruntime

    model = description(Path(sys.argv[1]))
    photo = (
        Image.open(sys.argv[2])
        .convert("RGB")
        .resize((model["size"],) * 2, Image.Resampling.BILINEAR)
    )
    x = tensor(np.asarray(photo), model)
    with torch.no_grad():
        ours = network(model["model"]).to(memory_format=torch.channels_last)(x)[0].numpy()
    session = onnxruntime.InferenceSession(model["model"], providers=["CPUExecutionProvider"])
    theirs = session.run(None, {session.get_inputs()[0].name: x.contiguous().numpy()})[0][0]
    worst = np.abs(ours - theirs).max() / np.abs(theirs).max()
    print(f"{model['title']}: the scores differ by {worst:.1e} of the largest")
    sys.exit(int(worst > TOLERANCE))


if __name__ == "__main__":
    main()
