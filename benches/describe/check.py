"""Runs `localise describe` on models that torchvision, timm, transformers and Keras export, and
compares what it finds with what the libraries themselves do to pixels. Weights are random, so
nothing is measured: layout, size, classes and scaling must come from the files.

    check.py LOCALISE FOLDER [NAME...]    makes the exports in FOLDER once, and prints a table

The expected numbers are those that each library computes for a random picture of the size of the
canvas, from which it cuts the crop; ours are computed from the description by its formula.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")
import timm
import timm.data
import torch
import torchvision
import transformers
from PIL import Image

TORCHVISION = (
    "resnet18 mobilenet_v2 squeezenet1_1 shufflenet_v2_x1_0 mnasnet0_5 regnet_y_400mf"
    " efficientnet_b0"
).split()
TIMM = (
    "vit_tiny_patch16_224 deit_tiny_patch16_224 mobilenetv3_small_050 convnextv2_atto mobilevit_xxs"
    " ghostnet_050 resnetv2_18 tf_efficientnet_lite0 mixer_s32_224 edgenext_xx_small"
).split()
TRANSFORMERS = {
    "vit": (
        "ViT",
        {
            "hidden_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "intermediate_size": 96,
        },
    ),
    "deit": (
        "DeiT",
        {
            "hidden_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "intermediate_size": 96,
        },
    ),
    "beit": (
        "Beit",
        {
            "hidden_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 3,
            "intermediate_size": 96,
        },
    ),
    "resnet": (
        "ResNet",
        {"embedding_size": 16, "hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1]},
    ),
    "convnext": ("ConvNext", {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1]}),
    "mobilenet_v1": ("MobileNetV1", {}),
    "mobilevit": ("MobileViT", {}),
    "poolformer": ("PoolFormer", {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 1, 1]}),
    "levit": ("Levit", {}),
    "efficientnet": (
        "EfficientNet",
        {"width_coefficient": 0.5, "depth_coefficient": 0.5, "hidden_dim": 640},
    ),
}
PROCESSORS = {
    "resnet": ("ConvNext", {"size": {"shortest_edge": 224}}),
    "convnext": ("ConvNext", {"size": {"shortest_edge": 224}}),
    "mobilevit": ("MobileViT", {"size": {"shortest_edge": 288}}),
    "levit": ("Levit", {}),
    "efficientnet": ("EfficientNet", {"size": {"height": 224, "width": 224}}),
}
KERAS = {
    "ResNet50": "resnet",
    "ResNet50V2": "resnet_v2",
    "VGG16": "vgg16",
    "MobileNet": "mobilenet",
    "MobileNetV2": "mobilenet_v2",
    "MobileNetV3Small": "mobilenet_v3",
    "EfficientNetB0": "efficientnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "DenseNet121": "densenet",
    "InceptionV3": "inception_v3",
    "Xception": "xception",
    "NASNetMobile": "nasnet",
    "ConvNeXtTiny": "convnext",
}


def export(model, folder, size, name="model", axes=("batch",)):
    """Writes an ONNX file once; `axes` are the open ones."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        names = dict(enumerate(axes))
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, 3, size, size),),
            path,
            dynamo=False,
            input_names=["pixel_values"],
            output_names=["logits"],
            dynamic_axes={"pixel_values": names, "logits": {0: "batch"}},
            opset_version=17,
        )
    return path


def picture(side):
    return Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    )


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).logits


def of_torchvision(root):
    for name in TORCHVISION:
        weights = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
        size = weights.transforms().crop_size[0]
        model = torchvision.models.get_model(name, weights=None)
        yield (
            export(model, root / "torchvision", size, name),
            [],
            weights.transforms(),
            1000,
            "nchw",
        )
        yield (
            export(model, root / "torchvision", size, name),
            ["--like", "torchvision"],
            weights.transforms(),
            1000,
            "nchw",
        )


def of_timm(root):
    for name in TIMM:
        folder = root / f"timm-{name}"
        model = timm.create_model(name, pretrained=False, num_classes=1000)
        cfg = timm.data.resolve_data_config(model=model)
        export(
            model, folder, cfg["input_size"][1], axes=("batch", "num_channels", "height", "width")
        )
        timm.models._hub.save_config_for_hf(model, str(folder / "config.json"))
        yield folder, [], timm.data.create_transform(**cfg), 1000, "nchw"


def of_transformers(root):
    labels = dict(enumerate(timm.data.ImageNetInfo().label_descriptions()))
    for name, (kind, changes) in TRANSFORMERS.items():
        folder = root / f"transformers-{name}"
        config = getattr(transformers, f"{kind}Config")(
            **changes, id2label=labels, label2id={v: k for k, v in labels.items()}
        )
        if kind in ("MobileViT", "EfficientNet"):
            config.image_size = 256 if kind == "MobileViT" else 224
        model = Logits(getattr(transformers, f"{kind}ForImageClassification")(config))
        processor_kind, options = PROCESSORS.get(name, (kind, {}))
        processor = getattr(transformers, f"{processor_kind}ImageProcessor")(**options)
        size = getattr(config, "image_size", 224)
        export(model, folder, size, axes=("batch", "num_channels", "height", "width"))
        config.save_pretrained(folder)
        processor.save_pretrained(folder)
        yield (
            folder,
            [],
            lambda image, p=processor: p(image, return_tensors="pt")["pixel_values"][0],
            1000,
            "nchw",
        )


def of_keras(nets):
    """Exports of Keras that are already there (`keras-NAME.tf2onnx.onnx`, 100 classes)."""
    hundred = nets / "hundred.txt"
    for name, module in KERAS.items():
        path = nets / f"keras-{name}.tf2onnx.onnx"
        if not path.exists():
            continue
        hundred.write_text("".join(f"class {i}\n" for i in range(100)))
        yield path, ["--like", "keras", "--class-list", str(hundred)], module, 100, "nhwc"


def keras_pixels(module, pixels):
    """Keras Applications' `preprocess_input` for [height, width, 3], 0 to 255."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    done = getattr(keras.applications, module).preprocess_input(pixels[None].astype("float32"))
    return np.asarray(done)[0].transpose(2, 0, 1)


def ours(description, pixels):
    """(v range / 255 - mean) / std of [height, width, 3]."""
    d = description
    done = (pixels * (d["range"] / 255) - np.array(d["mean"])) / np.array(d["std"])
    return done[..., :: -1 if d["channels"] == "bgr" else 1].transpose(2, 0, 1)


def compare(description, library, classes, layout):
    """What differs from the library."""
    (height, width), canvas = description["size"], description["canvas"]
    faults = []
    if description["class_count"] != classes or description["layout"] != layout:
        faults.append(f"{description['class_count']} classes, {description['layout']}")
    image = picture(canvas)
    pixels = np.asarray(image).astype(np.float64)
    top, left = (canvas - height) // 2, (canvas - width) // 2
    mine = ours(description, pixels[top : top + height, left : left + width])
    theirs = (
        keras_pixels(library, pixels[:height, :width])
        if isinstance(library, str)
        else np.asarray(library(image))
    )
    if isinstance(library, str):
        mine = ours(description, pixels[:height, :width])
    if theirs.shape != mine.shape:
        faults.append(f"size {mine.shape}, not {theirs.shape}")
    elif not np.allclose(mine, theirs, atol=2e-3 * np.abs(theirs).max()):
        faults.append(
            f"pixels differ by {np.abs(mine - theirs).max():.3g} of {np.abs(theirs).max():.3g}"
        )
    return faults


def main():
    localise, root, *names = sys.argv[1:]
    root, right, all_ = pathlib.Path(root), 0, 0
    for of_library in (of_torchvision, of_timm, of_transformers, of_keras):
        for path, options, library, classes, layout in of_library(root):
            if names and not any(name in str(path) for name in names):
                continue
            out = root / "description.toml"
            command = [
                localise,
                "describe",
                str(path),
                *options,
                "--out",
                str(out),
                "--json",
                "--photos",
                "10",
            ]
            ended = subprocess.run(command, capture_output=True, text=True)
            all_ += 1
            if not ended.stdout:
                print(
                    f"{path.name:<36} {' '.join(options)[:20]:<20} REFUSED {ended.stderr.strip()}"
                )
                continue
            d = json.loads(ended.stdout)["description"]
            faults = compare(d, library, classes, layout)
            right += not faults
            verdict = "right" if not faults else "WRONG: " + "; ".join(faults)
            origin = d["from"].replace(str(root), "...")
            print(
                f"{path.name:<36} {d['size'][0]:>4} of {d['canvas']:<4} {d['layout']} {d['channels']} {verdict}   {origin}",
                flush=True,
            )
    print(f"{right} of {all_} right")


if __name__ == "__main__":
    main()
