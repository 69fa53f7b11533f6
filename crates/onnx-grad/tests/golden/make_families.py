#!/usr/bin/env python3
"""Small nets of 14 torchvision families without their weights; reference gradients from PyTorch (float64).

    python make_families.py [OUTPUT]         OUTPUT defaults to ./families beside this script

OUTPUT receives families.json and, per case, <case>.onnx: "input" [1, 3, size, size] -> "scores" [1, 10].
Initialisers that are weights (parameters and statistics, under their names in the state dict) keep type and
dimensions, but no data; all others have raw data. families.json holds, per case, with 9 significant digits,
    size      height and width of the image
    scores    the 10 scores
    norms     L2 norms of the two gradient rows; row k = d(sum_j seed[k, j] scores[0, j]) / d image
    gradient  every 97th element of each gradient row, from element 0, flattened in row-major order

A case is a family, some with fewer or narrower layers, with SiLU for ReLU, ReLU6 and Hardswish, sigmoid for
Hardsigmoid and average pools (padding not counted) for max pools; <family>-as-is keeps its kinks. Cases in
TORCHSCRIPT are what the TorchScript exporter writes (opset 17, nothing folded); the others come from the
dynamo exporter (opset 18), constants folded, but no weight folded or fused.

Weights, image and seed follow from names. Element i (row-major order, from 0) of the tensor named n:
    h = FNV-1a, 64 bit, of the UTF-8 bytes of n
    x = h + i + 0x9e3779b97f4a7c15              (splitmix64; all of this modulo 2^64)
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb
    z = x ^ (x >> 31)
    v = 2 * ((z >> 11) / 2^53) - 1              (float64, in [-1, 1))
A weight with dimensions d is, by the first line that applies, computed in float64 and rounded to float32,
    1 + 0.5 * v                                 n ends in "running_var"
    0.1 * v                                     n ends in "running_mean" or "bias", one axis
    1 + 0.2 * v                                 n ends in "weight", one axis
    v * sqrt(3 / (d[1] * d[2] * ...)) * GAIN    n ends in "weight", two or more axes; GAIN = 1.46
    0.3 * v                                     any other
Rounded to float32 too are the image, v of n = "image" with dimensions [1, 3, size, size], and seed row 1, v
of n = "seed" with dimensions [10]. Seed row 0 is one-hot for class 3 (from 0).

Before anything is written, the ONNX file with the weights put back is compared with PyTorch through ONNX
Runtime, and every gradient row with a central difference. Printed are both differences, and the largest
difference of PyTorch's own gradients in float32 from those in float64, relative to the largest |gradient|.
"""

import copy
import io
import json
import logging
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxscript import optimizer
from torch import nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.resnet import BasicBlock

GAIN = (
    1.46  # activations of a lively size; in the cases as they are, no rounding error crosses a kink
)
CLASSES = 10
ONE_HOT = 3
STRIDE = 97
MODEL_LIMIT, TOTAL_LIMIT = 150_000, 1_500_000  # bytes


# ---- tensors from names ------------------------------------------------------------------------


def hashed(name):
    """FNV-1a, 64 bit."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def uniform(name, shape):
    """The numbers v of the docstring, float64."""
    x = np.arange(np.prod(shape, dtype=int), dtype=np.uint64)
    x += np.uint64(hashed(name))
    x += np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return (2 * ((x >> np.uint64(11)) / 2**53) - 1).reshape(shape)


def weight(name, shape):
    """One entry of a state dict, float64."""
    v = uniform(name, shape)
    if name.endswith("running_var"):
        return 1 + 0.5 * v
    if name.endswith(("running_mean", "bias")) and len(shape) == 1:
        return 0.1 * v
    if name.endswith("weight") and len(shape) == 1:
        return 1 + 0.2 * v
    if name.endswith("weight") and len(shape) > 1:
        return v * np.sqrt(3 / np.prod(shape[1:])) * GAIN
    return 0.3 * v


def weights(net):
    """The floating-point entries of the state dict: parameters, means and variances."""
    return {name: tensor for name, tensor in net.state_dict().items() if tensor.is_floating_point()}


# ---- the nets ----------------------------------------------------------------------------------


def headed(net, *widths):
    """AlexNet or VGG with a smaller map before, and smaller linear layers in, its classifier."""
    net.avgpool = nn.AdaptiveAvgPool2d(2)
    places = [place for place, layer in enumerate(net.classifier) if isinstance(layer, nn.Linear)]
    for place, inputs, outputs in zip(places, widths, widths[1:]):
        net.classifier[place] = nn.Linear(inputs, outputs)
    return net


def convnext():
    blocks = [
        CNBlockConfig(24, 48, 1),
        CNBlockConfig(48, 96, 1),
        CNBlockConfig(96, 192, 2),
        CNBlockConfig(192, None, 1),
    ]
    return ConvNeXt(blocks, num_classes=CLASSES)


def mobilenet_v2():
    # expansion, channels, blocks, stride
    blocks = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 1, 2], [6, 64, 2, 2]]
    return models.MobileNetV2(CLASSES, inverted_residual_setting=blocks)


def swin():
    """Like swin_t at 224: windows fit every map, and the last map is one window."""
    return models.SwinTransformer(
        patch_size=[4, 4],
        embed_dim=32,
        depths=[2, 2, 2],
        num_heads=[2, 4, 8],
        window_size=[4, 4],
        num_classes=CLASSES,
    )


def vit():
    return models.VisionTransformer(
        image_size=64,
        patch_size=16,
        num_layers=2,
        num_heads=4,
        hidden_dim=64,
        mlp_dim=128,
        num_classes=CLASSES,
    )


def family(name, **options):
    return lambda: getattr(models, name)(num_classes=CLASSES, **options)


INCEPTION = {"aux_logits": False, "init_weights": False, "transform_input": True}
FAMILIES = {  # family: (net, image height and width)
    "alexnet": (lambda: headed(models.alexnet(), 1024, 256, 256, CLASSES), 96),
    "vgg11": (lambda: headed(models.vgg11(init_weights=False), 2048, 256, 256, CLASSES), 64),
    "googlenet": (family("googlenet", **INCEPTION), 64),
    "inception_v3": (family("inception_v3", **INCEPTION), 96),
    "resnet18": (lambda: models.ResNet(BasicBlock, [1, 1, 1, 1], num_classes=CLASSES), 64),
    "densenet121": (lambda: models.DenseNet(block_config=(2, 2, 2, 2), num_classes=CLASSES), 64),
    "squeezenet1_1": (family("squeezenet1_1"), 64),
    "mobilenet_v2": (mobilenet_v2, 64),
    "mobilenet_v3_small": (family("mobilenet_v3_small"), 64),
    "shufflenet_v2_x1_0": (
        lambda: models.ShuffleNetV2([2, 4, 2], [24, 116, 232, 464, 1024], CLASSES),
        64,
    ),
    "efficientnet_b0": (family("efficientnet_b0"), 64),
    "convnext_tiny": (convnext, 64),
    "vit_b_16": (vit, 64),
    "swin_t": (swin, 64),
}
AS_IS = "-as-is"
CASES = [*FAMILIES, "resnet18" + AS_IS, "googlenet" + AS_IS, "mobilenet_v3_small" + AS_IS]
TORCHSCRIPT = ("vgg11", "squeezenet1_1", "mobilenet_v2", "vit_b_16", "resnet18" + AS_IS)


def average_pool(
    x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """The average pool of a max pool's geometry."""
    return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad=False)


SMOOTH = {  # modules and functional calls both end here
    "relu": lambda x, inplace=False: F.silu(x),
    "hardtanh": lambda x, low, high, inplace=False: F.silu(x),  # how torch computes ReLU6
    "hardswish": lambda x, inplace=False: F.silu(x),
    "hardsigmoid": lambda x, inplace=False: torch.sigmoid(x),
    "max_pool2d": average_pool,
}


def build(case):
    """The net and the size of its image."""
    make, size = FAMILIES[case.removesuffix(AS_IS)]
    net = make().eval().requires_grad_(False)
    for name, tensor in weights(net).items():
        tensor.copy_(torch.from_numpy(weight(name, tensor.shape)))
    return net, size


# ---- ONNX without weights ----------------------------------------------------------------------


def export(case, net, image):
    """The net as ONNX, its weights as empty initialisers under the names of the state dict."""
    names = {"input_names": ["input"], "output_names": ["scores"]}
    if case in TORCHSCRIPT:
        buffer = io.BytesIO()
        torch.onnx.export(
            net,
            (image,),
            buffer,
            dynamo=False,
            opset_version=17,
            do_constant_folding=False,
            training=torch.onnx.TrainingMode.PRESERVE,
            **names,
        )
        model = onnx.load_model_from_string(buffer.getvalue())
    else:
        model = torch.onnx.export(
            net, (image,), dynamo=True, opset_version=18, optimize=False, verbose=False, **names
        ).model_proto
    empty = [
        TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        for tensor in model.graph.initializer
        if tensor.name in weights(net)
    ]
    shapes = {tensor.name: tuple(tensor.dims) for tensor in empty}
    assert shapes == {name: tuple(tensor.shape) for name, tensor in weights(net).items()}
    without(model.graph.initializer, shapes)
    if case not in TORCHSCRIPT:
        model.graph.input.extend(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            for tensor in empty
        )
        model = optimizer.optimize(model)  # takes what is fed for unknown
        without(model.graph.input, shapes)
    assert all(tensor.raw_data for tensor in model.graph.initializer)
    model.graph.initializer.extend(empty)
    del model.graph.value_info[:]
    graph = model.graph
    for part in [model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output]:
        part.ClearField("doc_string")
        del part.metadata_props[:]
    assert not model.functions and [value.name for value in model.graph.input] == ["input"]
    return model


def without(values, names):
    """Take the values of these names out of a list of the model."""
    kept = [value for value in values if value.name not in names]
    del values[:]
    values.extend(kept)


def filled(model):
    """The model with its weights put back, from nothing but names and dimensions."""
    model = copy.deepcopy(model)
    for tensor in model.graph.initializer:
        if not tensor.raw_data:
            value = weight(tensor.name, tuple(tensor.dims)).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    onnx.checker.check_model(model, full_check=True)
    return model


# ---- references and files ----------------------------------------------------------------------


def reference(net, image, seed):
    """Scores and, for each row of `seed`, the gradient of the seeded sum."""
    image = image.clone().requires_grad_()
    scores = net(image)
    rows = [torch.autograd.grad(scores, image, row[None], retain_graph=True)[0][0] for row in seed]
    return scores.detach()[0], torch.stack(rows)


def check(model, net, image, seed, step, gradient):
    """Differences from ONNX Runtime, from a central difference, and of float64 from float32."""
    narrow, narrow_gradient = reference(net.float(), image.float(), seed.float())
    session = onnxruntime.InferenceSession(
        filled(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    ran = torch.from_numpy(session.run(None, {"input": image.float().numpy()})[0][0])
    forward = ((ran - narrow).abs().max() / narrow.abs().max()).item()

    net.double()
    direction = torch.from_numpy(uniform("direction", image.shape))
    slope = (net(image + step * direction) - net(image - step * direction))[0]
    found, expected = (gradient * direction).sum((1, 2, 3)), seed @ slope / (2 * step)
    derivative = ((found - expected).abs() / gradient.flatten(1).norm(dim=1)).max().item()
    precision = (narrow_gradient - gradient).abs().amax((1, 2, 3)) / gradient.abs().amax((1, 2, 3))
    assert forward < 1e-4 and derivative < 1e-6, (forward, derivative)
    return forward, derivative, precision.max().item()


def rounded(values):
    """Nested lists with 9 significant digits."""
    return (
        [rounded(value) for value in values] if np.ndim(values) else float(f"{float(values):.9g}")
    )


def make(case, seed):
    """The file and the numbers of one case."""
    net, size = build(case)
    image = torch.from_numpy(uniform("image", (1, 3, size, size)).astype(np.float32))
    model = export(case, net, image)
    scores, gradient = reference(net.double(), image.double(), seed)
    step = 1e-7 if case.endswith(AS_IS) else 1e-5  # a longer one would cross kinks
    differences = check(model, net, image.double(), seed, step, gradient)
    rows = gradient.flatten(1)
    print(
        f"{case}: {len(model.SerializeToString())} bytes, {len(model.graph.node)} nodes, "
        f"|score| {scores.abs().max():.3f}, norms {rows[0].norm():.3g} {rows[1].norm():.3g}, "
        "forward {:.1e}, derivative {:.1e}, float32 {:.1e}".format(*differences),
        flush=True,
    )
    return model, {
        "size": size,
        "scores": rounded(scores),
        "norms": rounded(rows.norm(dim=1)),
        "gradient": rounded(rows[:, ::STRIDE]),
    }


def main():
    torch.set_num_threads(1)
    torch.backends.mha.set_fastpath_enabled(False)  # the TorchScript exporter cannot write it
    warnings.simplefilter("ignore")
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "families"
    output.mkdir(parents=True, exist_ok=True)

    seed = torch.zeros(2, CLASSES, dtype=torch.float64)
    seed[0, ONE_HOT] = 1
    seed[1] = torch.from_numpy(uniform("seed", (CLASSES,)).astype(np.float32))
    made = {}
    for case in CASES:
        with nullcontext() if case.endswith(AS_IS) else patch.multiple(F, **SMOOTH):
            made[case] = make(case, seed)
    contents = {case: model.SerializeToString() for case, (model, _) in made.items()}
    assert (
        max(map(len, contents.values())) <= MODEL_LIMIT
        and sum(map(len, contents.values())) <= TOTAL_LIMIT
    )
    for case, content in contents.items():
        (output / f"{case}.onnx").write_bytes(content)
    lines = [f" {json.dumps(case)}: {json.dumps(numbers)}" for case, (_, numbers) in made.items()]
    (output / "families.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
