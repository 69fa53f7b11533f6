"""Are the maps of the CAM methods right for any form of feature map? Compared with pytorch-grad-cam.

The layers are those that `localise` finds by their names alone, `last` and `stride16`; the same
places of the PyTorch modules are written down here.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
import pytorch_grad_cam as cams
import timm
import torch
import torchvision
from PIL import Image
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

import exporter_nets
import nets
from images import image
from places import LOCALISE, cached

SIDE = 224
PICTURES = 2
MIN_COSINE = 0.9999
SMALL = 1e6  # how much smaller Grad-CAM++'s epsilon is made

DESCRIPTION = """\
title = "A net with random weights"
model = "model.onnx"
classes = "imagenet1k"
size = {side}
canvas = {side}
channels = "rgb"
range = 1.0
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
"""


class GradCAMPlusPlus(cams.GradCAMPlusPlus):
    """pytorch-grad-cam's, with a smaller epsilon.

    It adds 1e-6 to `2 g^2 + g^3 sum A`, which is more than that sum for the small gradients of many
    nets. With g c and A / c in place of g and A the sum is c^2 times as large, and the weights are
    c times as large.
    """

    def get_cam_weights(self, layer, category, targets, activations, gradients):
        return super().get_cam_weights(
            layer, category, targets, activations / SMALL, gradients * SMALL
        )


METHODS = {
    "grad-cam": cams.GradCAM,
    "grad-cam++": GradCAMPlusPlus,
    "layer-cam": cams.LayerCAM,
    "hirescam": cams.HiResCAM,
    "xgrad-cam": cams.XGradCAM,
    "eigen-cam": cams.EigenCAM,
    "eigen-grad-cam": cams.EigenGradCAM,
}


def tokens(extra):
    """From [1, extra + H W, C] to [1, C, H, W]."""

    def reshape(x):
        side = int((x.shape[1] - extra) ** 0.5)
        return x[:, extra:].reshape(1, side, side, -1).permute(0, 3, 1, 2)

    return reshape


def channels_last(x):
    """From [1, H, W, C] to [1, C, H, W]."""
    return x.permute(0, 3, 1, 2)


@dataclass
class Net:
    """A net, the modules whose outputs the names of layers stand for, and the form of these."""

    library: str
    name: str
    layers: dict[str, Callable]
    reshape: Callable | None = None

    @property
    def label(self):
        return f"{self.library} {self.name}"

    def build(self):
        torch.manual_seed(nets.SEED)
        if self.library == "timm":
            net = timm.create_model(self.name)
        else:
            net = torchvision.models.get_model(self.name, weights=None)
        net = net.eval().requires_grad_(False)
        exporter_nets.randomise(net)
        nets.calibrate(net, SIDE)
        return net


# The score of a class token does not depend on the positions after the last block.
BEFORE_LAST = {"last": lambda net: net.blocks[-2]}
NETS = [
    Net("timm", "vit_base_patch16_224", BEFORE_LAST, tokens(1)),
    Net("timm", "deit_tiny_patch16_224", BEFORE_LAST, tokens(1)),
    Net("timm", "deit_tiny_distilled_patch16_224", BEFORE_LAST, tokens(2)),
    Net("timm", "beit_base_patch16_224", {"last": lambda net: net.blocks[-1]}, tokens(1)),
    Net(
        "timm",
        "swin_tiny_patch4_window7_224",
        {"last": lambda net: net.norm, "stride16": lambda net: net.layers[2].blocks[-1]},
        channels_last,
    ),
    Net(
        "torchvision",
        "swin_t",
        {"last": lambda net: net.norm, "stride16": lambda net: net.features[5][-1]},
        channels_last,
    ),
    Net(
        "torchvision",
        "convnext_tiny",
        {"last": lambda net: net.features[7], "stride16": lambda net: net.features[5]},
    ),
    Net(
        "torchvision",
        "resnet50",
        {"last": lambda net: net.layer4, "stride16": lambda net: net.layer3},
    ),
]


def picture(seed):
    """A picture of whole levels in 0..=255, [SIDE, SIDE, 3]."""
    levels = (image(seed, SIDE)[0].permute(1, 2, 0) * 50 + 128).round().clamp(0, 255)
    return levels.numpy().astype(np.uint8)


def normalised(levels):
    """What the description makes of it, [1, 3, SIDE, SIDE]."""
    scaled = (torch.from_numpy(levels).double() / 255 - 0.5) / 0.25
    return scaled.permute(2, 0, 1)[None]


def run(*arguments):
    """The program's output."""
    done = subprocess.run([LOCALISE, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def ours(folder, layer, method, classes):
    """Our maps of the pictures, [224, 224] in 0..=1."""
    out = folder / f"{layer}-{method}"
    run(
        "run", "--quiet", "--dataset", folder / "photos", "--model", folder / "model.onnx",
        "--pipeline", "layer-cam", "--set", f'saliency.method="{method}"',
        "--set", f'saliency.layers=["{layer}"]', "--write-maps", "--out", out,
    )  # fmt: skip
    names = class_names()
    return [np.load(out / "maps" / names[c] / f"{i}.png.npy") for i, c in enumerate(classes)]


def class_names():
    """The WordNet ids, by class."""
    return [known["wnid"] for known in json.loads(run("list", "classes", "--json"))["classes"]]


def theirs(net, module, method, classes):
    """pytorch-grad-cam's maps of the pictures, in float64."""
    with METHODS[method](net, [module], reshape_transform=net.reshape) as cam:
        return [
            cam(normalised(picture(i)), [ClassifierOutputTarget(c)])[0]
            for i, c in enumerate(classes)
        ]


def cosine(a, b):
    """The cosine of two maps; 1 if both are 0 everywhere, as where all products are negative."""
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    if not a.any() and not b.any():
        return 1.0
    return a @ b / max(np.linalg.norm(a) * np.linalg.norm(b), 1e-300)


def prepare(net, folder):
    """Writes the model, its description and the pictures, in folders of their best classes."""
    made = net.build()
    nets.export(made, image(0, SIDE), folder / "model.onnx", "torchscript")
    (folder / "model.toml").write_text(DESCRIPTION.format(side=SIDE))
    made = made.double().requires_grad_(True)
    made.reshape = net.reshape
    classes = [int(made(normalised(picture(i))).argmax()) for i in range(PICTURES)]
    names = class_names()
    for i, c in enumerate(classes):
        (folder / "photos" / names[c]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(i)).save(folder / "photos" / names[c] / f"{i}.png")
    return made, classes


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nets", help="the names of nets, with commas between them")
    chosen = parser.parse_args().nets
    listed = {method["name"] for method in json.loads(run("list", "methods", "--json"))["methods"]}
    methods = [method for method in METHODS if method in listed]
    print("| net | layer | tensor | " + " | ".join(methods) + " |")
    print("| --- | --- | --- |" + " ---: |" * len(methods), flush=True)
    is_right = True
    for net in NETS:
        if chosen and net.name not in chosen.split(","):
            continue
        with tempfile.TemporaryDirectory(dir=cached("nets", "cams").parent) as temporary:
            folder = Path(temporary)
            made, classes = prepare(net, folder)
            names = json.loads(run("layers", folder / "model.onnx", "--json"))["names"]
            for layer, module in net.layers.items():
                worst = []
                for method in methods:
                    maps = zip(
                        ours(folder, layer, method, classes),
                        theirs(made, module(made), method, classes),
                    )
                    worst.append(min(cosine(*pair) for pair in maps))
                is_right &= min(worst) >= MIN_COSINE
                cells = " | ".join(f"{cosine:.6f}" for cosine in worst)
                print(f"| {net.label} | {layer} | `{names[layer][0]}` | {cells} |", flush=True)
    sys.exit(0 if is_right else f"a cosine is below {MIN_COSINE}")


if __name__ == "__main__":
    main()
