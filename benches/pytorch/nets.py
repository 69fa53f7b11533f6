"""The torchvision nets: seeded random weights, kink-free variants, and their export to ONNX.

python nets.py [NET...]     export these nets (default: all) and their variants into the cache
"""

import logging
import sys
import warnings

import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from images import image
from places import cached

ACCURACY_NETS = (
    "alexnet",
    "vgg11",
    "googlenet",
    "inception_v3",
    "resnet18",
    "densenet121",
    "squeezenet1_1",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "shufflenet_v2_x1_0",
    "efficientnet_b0",
    "convnext_tiny",
    "vit_b_16",
    "swin_t",
)
SPEED_ONLY_NETS = ("resnet50", "vgg16")
SMOOTH_NETS = (
    "efficientnet_b0",
    "convnext_tiny",
    "vit_b_16",
    "swin_t",
)  # without kinks as they are
EXPORTERS = {"torchscript": 17, "dynamo": 18}  # and the opset that each writes

SEED = 2013
CALIBRATION_SEED = 1_000_000  # the inputs of accuracy.py are seeded from 0
CALIBRATION_IMAGES = 8
BIAS = 0.05
SCALE_SPREAD, SHIFT_SPREAD = 0.1, 0.1
# Without this shift, rounding errors of random nets grow by a fifth per layer: 1e4 in Inception.
BATCH_NORM_SHIFT = 0.5
# torchvision's 1e-6 and the zeros of vit's head would hide most of the net from the gradient.
LAYER_SCALE = 0.3
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
NORMS = (*BATCH_NORMS, nn.GroupNorm, nn.LayerNorm)

warnings.filterwarnings(
    "ignore", category=DeprecationWarning
)  # "legacy TorchScript-based ONNX export"
logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # "Missing annotation for parameter"


def side(name):
    """The height and width of the input of a net."""
    return 299 if name == "inception_v3" else 224


def variants(name):
    """The net as it is and, if it has kinks and is compared, without them."""
    return ("as is",) if name in SMOOTH_NETS + SPEED_ONLY_NETS else ("as is", "kink-free")


def build(name, variant="as is"):
    """The net in eval mode, frozen, with seeded weights that are the same in every process."""
    torch.manual_seed(SEED)
    options = (
        {"aux_logits": False, "init_weights": False}
        if name in ("googlenet", "inception_v3")
        else {}
    )
    net = getattr(torchvision.models, name)(weights=None, **options).eval().requires_grad_(False)
    randomise(net)
    net = KinkFree(net) if variant == "kink-free" else net
    calibrate(net, side(name))
    return net


def randomise(net):
    """He's scale for convolutions, LeCun's for linear layers; near 1 for scales of norms."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            gain = 2.0 if isinstance(module, nn.Conv2d) else 1.0
            module.weight.normal_(std=(gain / module.weight[0].numel()) ** 0.5)
            if module.bias is not None:
                module.bias.normal_(std=BIAS)
        elif isinstance(module, NORMS):
            module.weight.normal_(1.0, SCALE_SPREAD)
            module.bias.normal_(
                BATCH_NORM_SHIFT if isinstance(module, BATCH_NORMS) else 0.0, SHIFT_SPREAD
            )
        if isinstance(getattr(module, "layer_scale", None), nn.Parameter):
            module.layer_scale.fill_(LAYER_SCALE)


def calibrate(net, side):
    """Sets the statistics of every BatchNorm to those of one batch of pictures."""
    norms = [m for m in net.modules() if isinstance(m, BATCH_NORMS)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    with torch.no_grad():
        net(torch.cat([image(CALIBRATION_SEED + i, side) for i in range(CALIBRATION_IMAGES)]))
    for norm, momentum in zip(norms, momenta):
        norm.eval()
        norm.momentum = momentum


class KinkFree(nn.Module):
    """A net with SiLU instead of ReLU and similar functions, and average instead of max pools.

    Modules and functional calls both use torch.nn.functional, so they are replaced there.
    """

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        original = {name: getattr(F, name) for name in SMOOTH}
        try:
            for name, smooth in SMOOTH.items():
                setattr(F, name, smooth)
            return self.net(x)
        finally:
            for name, sharp in original.items():
                setattr(F, name, sharp)


def average_pool(
    x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
):
    """An average pool with the arguments of a max pool. As there, padding does not count."""
    return F.avg_pool2d(x, kernel_size, stride, padding, ceil_mode, count_include_pad=False)


SMOOTH = {
    "relu": lambda x, inplace=False: F.silu(x),
    "hardtanh": lambda x, low, high, inplace=False: F.silu(x),  # how torch computes ReLU6
    "hardswish": lambda x, inplace=False: F.silu(x),
    "hardsigmoid": lambda x, inplace=False: torch.sigmoid(x),
    "max_pool2d": average_pool,
}


def label(name, variant):
    """The name of a net and variant in file names."""
    return name if variant == "as is" else f"{name}-{variant}"


def exported(name, exporter, variant="as is"):
    """The ONNX file of a net. It is made if the cache does not have it."""
    path = cached("nets", f"{label(name, variant)}.{exporter}.onnx")
    if not path.exists():
        partial = path.with_suffix(".partial")
        export(build(name, variant), image(0, side(name)), partial, exporter)
        partial.rename(path)
    return path


def export(net, example, path, exporter):
    """Writes a net as one file."""
    common = {
        "input_names": ["input"],
        "output_names": ["scores"],
        "opset_version": EXPORTERS[exporter],
    }
    torch.backends.mha.set_fastpath_enabled(False)  # the TorchScript exporter cannot write it
    if exporter == "dynamo":
        common |= {"external_data": False, "verbose": False}
        torch.onnx.export(net, (example,), str(path), dynamo=True, **common)
    else:
        torch.onnx.export(net, (example,), str(path), dynamo=False, **common)
    torch.backends.mha.set_fastpath_enabled(True)


def main():
    for name in sys.argv[1:] or ACCURACY_NETS + SPEED_ONLY_NETS:
        for variant in variants(name):
            for exporter in EXPORTERS:
                print(exported(name, exporter, variant), flush=True)


if __name__ == "__main__":
    main()
