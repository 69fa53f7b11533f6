"""The light graphs of the ONNX model zoo, with random weights, as ONNX files and as torch modules.

The onnx package contains nine classifiers of the zoo (opset 9) whose weights were replaced by
ConstantOfShape.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from torch import nn

from images import image
from places import cached

FOLDER = Path(onnx.__file__).parent / "backend/test/data/light"
LIGHT_NETS = tuple(sorted(path.stem for path in FOLDER.glob("light_*.onnx")))

SEED = 2013
SPREAD = 0.1  # of scales around 1 and of shifts around 0
CAFFE_DEVIATION = (
    60.0  # Caffe's nets take 0..255 minus the mean; LRN has no effect on smaller values
)


def randomised(name):
    """The ONNX file of a light graph with random weights, which is made if it is not cached."""
    path = cached("nets", f"{name}.onnx")
    if not path.exists():
        model = onnx.load(FOLDER / f"{name}.onnx")
        randomise(model.graph)
        onnx.checker.check_model(model)
        onnx.save(model, path)
    return path


def randomise(graph):
    """Replaces every float weight (initialiser or ConstantOfShape) by a random initialiser."""
    known = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    shapes = {name: value.shape for name, value in known.items() if value.dtype == np.float32}
    constant = [node for node in graph.node if node.op_type == "ConstantOfShape"]
    shapes |= {node.output[0]: tuple(known[node.input[0]]) for node in constant}
    gone = set(shapes) | {node.input[0] for node in constant}

    random = np.random.default_rng(SEED)
    uses = {name: (node, slot) for node in graph.node for slot, name in enumerate(node.input)}
    weights = {
        name: weight(random, uses, name, shape) for name, shape in shapes.items() if name in uses
    }
    kept = [i for i in graph.initializer if i.name not in gone]
    inputs = [
        i for i in graph.input if i.name not in gone
    ]  # IR 3 lists initialisers among the inputs
    inputs += [
        helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, w.shape)
        for n, w in weights.items()
    ]
    nodes = [node for node in graph.node if node.op_type != "ConstantOfShape"]
    for field, values in (("initializer", kept), ("input", inputs), ("node", nodes)):
        graph.ClearField(field)
        getattr(graph, field).extend(values)
    graph.initializer.extend(numpy_helper.from_array(w, n) for n, w in weights.items())


def weight(random, uses, name, shape):
    """Random values: He's scale for kernels, near 1 for scales, and near 0 otherwise."""
    node, slot = uses[name]
    if node.op_type == "Unsqueeze":  # Caffe's Scale layer: Unsqueeze, then Mul or Add
        return weight(random, uses, node.output[0], shape)
    drawn = random.standard_normal(shape)
    match node.op_type, slot:
        case "Conv", 1:
            drawn *= (2 / np.prod(shape[1:])) ** 0.5
        case "Gemm", 1:
            drawn *= (1 / shape[1]) ** 0.5
        case ("BatchNormalization", 1) | ("Mul", 1):
            drawn = 1 + SPREAD * drawn
        case "BatchNormalization", 4:
            drawn = np.exp(SPREAD * drawn)
        case _:
            drawn *= SPREAD
    return drawn.astype(np.float32)


def picture(name):
    """The input pictures of a light graph, as a function of the seed."""
    graph = onnx.load(FOLDER / f"{name}.onnx").graph
    side = image_input(graph).type.tensor_type.shape.dim[2].dim_value
    deviation = CAFFE_DEVIATION if any(node.op_type == "LRN" for node in graph.node) else 1.0
    return lambda seed: deviation * image(seed, side)


def image_input(graph):
    """The only input that is not an initialiser."""
    initialisers = {i.name for i in graph.initializer}
    (found,) = [i for i in graph.input if i.name not in initialisers]
    return found


class LightNet(nn.Module):
    """A light graph as a torch module. It returns the scores before a final softmax."""

    def __init__(self, name):
        super().__init__()
        graph = onnx.load(randomised(name)).graph
        self.nodes, self.input, self.target = (
            list(graph.node),
            image_input(graph).name,
            graph.output[0].name,
        )
        if self.nodes[-1].op_type == "Softmax":
            self.target = self.nodes.pop().input[0]
        for i in graph.initializer:
            self.register_buffer(i.name, torch.from_numpy(numpy_helper.to_array(i).copy()))

    def forward(self, x):
        values = dict(self.named_buffers()) | {self.input: x}
        for node in self.nodes:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            inputs = (values[name] for name in node.input)
            values[node.output[0]] = OPERATORS[node.op_type](attributes, *inputs)
        return values[self.target]


def padded(a, x, value=0.0):
    top, left, bottom, right = a.get("pads", (0, 0, 0, 0))
    return F.pad(x, (left, right, top, bottom), value=value)


def conv(a, x, kernel, bias=None):
    strides, dilations = a.get("strides", 1), a.get("dilations", 1)
    return F.conv2d(padded(a, x), kernel, bias, strides, 0, dilations, a.get("group", 1))


def max_pool(a, x):
    return F.max_pool2d(padded(a, x, float("-inf")), a["kernel_shape"], a["strides"])


def average_pool(a, x):
    """An average pool without the padding."""
    total = F.avg_pool2d(padded(a, x), a["kernel_shape"], a["strides"])
    return total / F.avg_pool2d(padded(a, torch.ones_like(x)), a["kernel_shape"], a["strides"])


def unsqueeze(a, x):
    for axis in a["axes"]:
        x = x.unsqueeze(axis)
    return x


OPERATORS = {
    "Add": lambda a, x, y: x + y,
    "AveragePool": average_pool,
    "BatchNormalization": lambda a, x, scale, shift, mean, variance: F.batch_norm(
        x, mean, variance, scale, shift, eps=a.get("epsilon", 1e-5)
    ),
    "Concat": lambda a, *xs: torch.cat(xs, a["axis"]),
    "Conv": conv,
    "Dropout": lambda a, x: x,
    "Gemm": lambda a, x, kernel, bias: F.linear(x, kernel, bias),  # all of them have transB = 1
    "GlobalAveragePool": lambda a, x: x.mean((2, 3), keepdim=True),
    "LRN": lambda a, x: F.local_response_norm(x, a["size"], a["alpha"], a["beta"], a["bias"]),
    "MaxPool": max_pool,
    "Mul": lambda a, x, y: x * y,
    "Relu": lambda a, x: F.relu(x),
    "Reshape": lambda a, x, shape: x.reshape(shape.tolist()),
    "Sum": lambda a, *xs: sum(xs),
    "Transpose": lambda a, x: x.permute(a["perm"]),
    "Unsqueeze": unsqueeze,
}
