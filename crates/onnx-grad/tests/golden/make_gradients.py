#!/usr/bin/env python3
"""Small kink-free networks with reference gradients from PyTorch (float64).

    python make_gradients.py [OUTPUT]        OUTPUT defaults to ./gradients beside this script

Per case, OUTPUT/<case>/ receives
    model.onnx   random weights, smooth activations, average pools only; "input" -> "logits"
    image.pb     one input, [1, C, H, W]
    seed.pb      [3, classes]: two one-hot rows and a dense random row
    scores.pb    the logits, [1, classes]
    gradient.pb  [3, C, H, W]: row k = d(sum_j seed[k, j] logits[0, j]) / d image

Before anything is written, the ONNX file is compared with PyTorch through ONNX Runtime, and
every gradient row with a central difference along a random direction.
"""

import io
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

OPSET = 17
MODEL_LIMIT = 60_000  # bytes


# ---- single ONNX nodes that the exporter would otherwise break up ------------------------------


class ExportedNode(torch.autograd.Function):
    """Computes with PyTorch, exports as the one ONNX node `op`."""

    @staticmethod
    def forward(_ctx, _op, _attributes, compute, *tensors):
        return compute(*tensors)

    @staticmethod
    def symbolic(graph, op, attributes, _compute, *tensors):
        return graph.op(op, *tensors, **attributes)


def as_node(op, attributes, compute, *tensors):
    """`compute(*tensors)`; during export, the ONNX node `op` with `attributes`."""
    if torch.onnx.is_in_onnx_export():
        return ExportedNode.apply(op, attributes, compute, *tensors)
    return compute(*tensors)


class Lrn(nn.Module):
    """LocalResponseNorm as an ONNX LRN node (both divide alpha by size)."""

    def __init__(self, size, alpha, beta, bias):
        super().__init__()
        self.size, self.alpha, self.beta, self.bias = size, alpha, beta, bias

    def forward(self, x):
        size, alpha, beta, bias = self.size, self.alpha, self.beta, self.bias
        attributes = {"size_i": size, "alpha_f": alpha, "beta_f": beta, "bias_f": bias}
        return as_node(
            "LRN", attributes, lambda t: F.local_response_norm(t, size, alpha, beta, bias), x
        )


class SameConv(nn.Module):
    """Depthwise stride-2 convolution with TensorFlow "same" padding: the end gets the odd pixel."""

    def __init__(self, channels, kernel):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel, kernel))
        self.channels, self.kernel = channels, kernel

    def forward(self, x):
        begin, end, channels = (self.kernel - 2) // 2, (self.kernel - 1) // 2, self.channels
        attributes = {
            "kernel_shape_i": [self.kernel] * 2,
            "strides_i": [2, 2],
            "pads_i": [begin, begin, end, end],
            "group_i": channels,
        }
        return as_node(
            "Conv",
            attributes,
            lambda t, w: F.conv2d(F.pad(t, (begin, end, begin, end)), w, stride=2, groups=channels),
            x,
            self.weight,
        )


class InferenceDropout(nn.Module):
    """Dropout that does nothing, yet stays in the graph."""

    def forward(self, x):
        return as_node("Dropout", {}, torch.clone, x)


# ---- the exported networks ---------------------------------------------------------------------


def plain():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.SiLU(),
        nn.Conv2d(8, 10, 3, stride=2, padding=1),
        nn.Tanh(),
        nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
        nn.Conv2d(10, 9, 2, dilation=2),
        nn.Sigmoid(),
        nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False),
        nn.Flatten(),
        nn.Linear(54, 16),
        nn.Tanh(),
        InferenceDropout(),
        nn.Linear(16, 7),
    )


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.Sigmoid(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )

    def forward(self, x):
        return torch.sigmoid(self.body(x) + self.shortcut(x))


def residual():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.Sigmoid(),
        ResidualBlock(8, 8, 1),
        ResidualBlock(8, 12, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 8),
    )


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Tanh(), Lrn(5, 0.5, 0.75, 1.0))
        self.branches = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(8, 4, 1), nn.Tanh()),
                nn.Sequential(
                    nn.Conv2d(8, 5, 1), nn.Tanh(), nn.Conv2d(5, 6, 3, padding=1), nn.Tanh()
                ),
                nn.Sequential(
                    nn.Conv2d(8, 3, 1), nn.Tanh(), nn.Conv2d(3, 4, 5, padding=2), nn.Tanh()
                ),
                nn.Sequential(
                    nn.AvgPool2d(3, 1, 1, count_include_pad=True), nn.Conv2d(8, 4, 1), nn.Tanh()
                ),
            ]
        )
        self.tail = nn.Sequential(
            nn.Conv2d(18, 12, 3, 2, 1, groups=2),
            nn.Tanh(),
            Lrn(5, 1.0, 0.75, 2.0),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(12, 9),
        )

    def forward(self, x):
        x = self.stem(x)
        return self.tail(torch.cat([branch(x) for branch in self.branches], 1))


class Mobile(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 1), nn.SiLU(), SameConv(8, 3), nn.BatchNorm2d(8), nn.SiLU()
        )
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 3, 1), nn.SiLU(), nn.Conv2d(3, 8, 1), nn.Sigmoid()
        )
        self.project = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.tail = nn.Sequential(
            nn.Conv2d(8, 16, 1),
            nn.SiLU(),
            SameConv(16, 5),
            nn.SiLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(16, 10),
        )

    def forward(self, x):
        x = self.stem(x)
        return self.tail(x + self.project(x * self.gate(x)))


def alexnet():
    return nn.Sequential(
        nn.Conv2d(3, 8, 11, stride=4, padding=2),
        nn.Tanh(),
        Lrn(5, 0.5, 0.75, 1.0),
        nn.AvgPool2d(3, 2),
        nn.Conv2d(8, 12, 5, padding=2, groups=2),
        nn.Tanh(),
        nn.AvgPool2d(3, 2),
        nn.Flatten(),
        nn.Linear(48, 20),
        nn.Tanh(),
        nn.Linear(20, 10),
    )


EXPORTED = {  # case: (network, image height and width, free batch size)
    "plain": (plain, (27, 21), False),
    "residual": (residual, (24, 24), True),
    "inception": (Inception, (25, 22), False),
    "mobile": (Mobile, (24, 28), True),
    "alexnet": (alexnet, (54, 47), False),
}


def randomise(network, generator):
    """Random weights, biases and batch statistics of a size that keeps activations lively."""

    def normal(tensor, std):
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * std)

    def uniform(tensor, low, high):
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                uniform(module.weight, 0.7, 1.6)
                normal(module.bias, 0.3)
                normal(module.running_mean, 0.3)
                uniform(module.running_var, 0.3, 0.8)
            elif isinstance(module, (nn.Conv2d, nn.Linear, SameConv)):
                normal(module.weight, 1.6 / module.weight[0].numel() ** 0.5)
                if getattr(module, "bias", None) is not None:
                    normal(module.bias, 0.3)


def export(network, image, free_batch):
    """The network as ONNX, every node kept (no folding of batch normalisation)."""
    buffer = io.BytesIO()
    axes = {"input": {0: "N"}, "logits": {0: "N"}} if free_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (image,),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=["input"],
            output_names=["logits"],
            dynamic_axes=axes,
        )
    return onnx.load_model_from_string(buffer.getvalue())


# ---- a network built by hand -------------------------------------------------------------------


def arithmetic(generator):
    """Elementwise and shape operators, with broadcasting: (ONNX model, PyTorch function)."""

    def random(*shape, std):
        return torch.randn(shape, generator=generator) * std

    constants = {
        "kernel": random(6, 3, 3, 3, std=0.3),
        "kernel_bias": random(6, std=0.3),
        "shift": random(6, 1, 1, std=0.5),
        "divisor": 1.5 + random(6, 1, 1, std=0.2),
        "minuend": random(1, 6, 1, 1, std=0.5),
        "low": torch.tensor(-50.0),
        "high": torch.tensor(50.0),
        "mix": random(6, 5, std=0.7),
        "scale": random(5, 1, std=1.0),
        "weight": random(5 * 13 * 11, 7, std=0.05),
        "bias": random(7, std=0.3),
        "to_rows": torch.tensor([0, 5, -1]),
        "to_row": torch.tensor([0, -1]),
        "axis": torch.tensor([1]),
    }

    def node(op, inputs, output, **attributes):
        return helper.make_node(op, inputs.split(), [output], **attributes)

    nodes = [
        node("Conv", "input kernel kernel_bias", "conv", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Tanh", "conv", "tanh"),
        node("Sub", "tanh shift", "centred"),
        node("Mul", "centred centred", "square"),
        node("Div", "square divisor", "quotient"),
        node("Sub", "minuend tanh", "mirrored"),
        node("Sum", "quotient mirrored conv", "sum"),
        node("Clip", "sum low high", "clipped"),
        node("ReduceMean", "clipped", "mean", axes=[2, 3], keepdims=1),
        node("Sub", "clipped mean", "deviation"),
        node("Transpose", "deviation", "channels_last", perm=[0, 2, 3, 1]),
        node("MatMul", "channels_last mix", "mixed"),
        node("Sigmoid", "mixed", "gate"),
        node("Transpose", "gate", "channels_first", perm=[0, 3, 1, 2]),
        node("Reshape", "channels_first to_rows", "rows"),
        node("Unsqueeze", "rows axis", "unsqueezed"),
        node("Mul", "unsqueezed scale", "scaled"),
        node("Squeeze", "scaled axis", "squeezed"),
        node("Reshape", "squeezed to_row", "row"),
        node("MatMul", "row weight", "product"),
        node("Add", "product bias", "logits"),
    ]
    graph = helper.make_graph(
        nodes,
        "arithmetic",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 13, 11])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 7])],
        [numpy_helper.from_array(value.numpy(), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)

    wide = {name: value.double() for name, value in constants.items()}

    def function(x):
        conv = F.conv2d(x, wide["kernel"], wide["kernel_bias"], padding=1)
        tanh = torch.tanh(conv)
        total = (tanh - wide["shift"]) ** 2 / wide["divisor"] + (wide["minuend"] - tanh) + conv
        assert total.abs().max() < 25, "Clip must stay inactive"
        deviation = total - total.mean((2, 3), keepdim=True)
        gate = torch.sigmoid(torch.einsum("nchw,cd->ndhw", deviation, wide["mix"]))
        scaled = gate * wide["scale"][None, :, :, None]
        return scaled.flatten(1) @ wide["weight"] + wide["bias"]

    return model, function


# ---- references and files ----------------------------------------------------------------------


def reference(function, image, seed):
    """Logits and, for each row of `seed`, the gradient of the seeded sum, in float64."""
    image = image.double().requires_grad_()
    logits = function(image)
    rows = [
        torch.autograd.grad(logits, image, row[None].double(), retain_graph=True)[0][0]
        for row in seed
    ]
    return logits.detach(), torch.stack(rows)


def check(model, function, image, seed, scores, gradient, generator):
    """Largest ONNX Runtime difference and largest relative finite-difference error."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    forward = np.abs(session.run(None, {"input": image.numpy()})[0] - scores.numpy()).max()

    direction = torch.randn(image.shape, generator=generator).double()
    with torch.no_grad():
        step = 1e-5
        slope = function(image.double() + step * direction) - function(
            image.double() - step * direction
        )
    expected = (seed.double() @ slope[0]) / (2 * step)
    found = (gradient * direction).sum((1, 2, 3))
    derivative = ((found - expected).abs() / expected.abs().clamp(min=1e-3)).max().item()
    assert forward < 1e-5 and derivative < 1e-6, (forward, derivative)
    return forward, derivative


def save_tensor(path, tensor):
    array = np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)
    path.write_bytes(numpy_helper.from_array(array).SerializeToString())


def main():
    torch.set_num_threads(1)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "gradients"
    for number, case in enumerate([*EXPORTED, "arithmetic"]):
        generator = torch.Generator().manual_seed(1000 + number)
        if case in EXPORTED:
            build, size, free_batch = EXPORTED[case]
            function = build().eval()
            randomise(function, generator)
            image = torch.randn(1, 3, *size, generator=generator)
            model = export(function, image, free_batch)
            function = function.double()
        else:
            model, function = arithmetic(generator)
            image = torch.randn(1, 3, 13, 11, generator=generator)

        classes = function(image.double()).shape[1]
        seed = torch.zeros(3, classes)
        seed[0, 1] = seed[1, classes - 1] = 1
        seed[2] = torch.randn(classes, generator=generator)
        scores, gradient = reference(function, image, seed)
        forward, derivative = check(model, function, image, seed, scores, gradient, generator)

        folder = output / case
        folder.mkdir(parents=True, exist_ok=True)
        content = model.SerializeToString()
        assert len(content) <= MODEL_LIMIT, len(content)
        (folder / "model.onnx").write_bytes(content)
        for name, tensor in {
            "image": image,
            "seed": seed,
            "scores": scores,
            "gradient": gradient,
        }.items():
            save_tensor(folder / f"{name}.pb", tensor)
        print(
            f"{case}: {len(content)} bytes, logits {scores.min():.3f}..{scores.max():.3f}, "
            f"max |gradient| {gradient.abs().max():.4f}, forward {forward:.1e}, "
            f"derivative {derivative:.1e}\n  " + " ".join(node.op_type for node in model.graph.node)
        )


if __name__ == "__main__":
    main()
