"""The TensorFlow nets of the exporter table, exported with tf2onnx, and TensorFlow's gradients.

python keras_nets.py [NET...]     export these nets (default: all) and compute their gradients

Half of the nets are those of keras.applications, the others the TensorFlow classifiers of
transformers, which are written for Keras 2 (package tf-keras). This file runs in a Python of its
own, because TensorFlow and PyTorch pin different packages.
"""

import gc
import os
import sys
import traceback
from dataclasses import dataclass, field

os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_USE_LEGACY_KERAS": "1"}

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf2onnx  # noqa: E402
import tf_keras  # noqa: E402
import transformers  # noqa: E402

from places import cached  # noqa: E402

SEED = 2013
SIDE = 64
CLASSES = 100
INPUTS = 5
CALIBRATION_IMAGES = 8
STRUCTURE = ((4, 1.0), (16, 0.7))  # cells per side, amplitude
NOISE = 0.3
TANH_GELU = "gelu_new"  # the form of GELU with tanh


@dataclass
class Net:
    """A classifier, and what makes it small."""

    library: str
    name: str
    side: int = SIDE
    options: dict = field(default_factory=dict)

    @property
    def label(self):
        gelu = "-tanh" if "hidden_act" in self.options else ""
        return f"{self.library}-{self.name}{gelu}"


def application(name, side=SIDE, **options):
    return Net("keras", name, side, options)


def transformer(name, side=SIDE, **options):
    return Net("tftransformers", name, side, {"image_size": side} | options)


NETS = [
    *map(
        application,
        "MobileNetV2 MobileNetV3Small EfficientNetB0 DenseNet121 ResNet50V2 ConvNeXtTiny "
        "NASNetMobile EfficientNetV2B0 MobileNet MobileNetV3Large ResNet50 VGG16 EfficientNetB1 "
        "DenseNet169 ResNet101 EfficientNetV2S ResNet101V2 DenseNet201".split(),
    ),
    *[application(name, 96) for name in ("Xception", "InceptionV3", "InceptionResNetV2")],
    transformer("ViT", num_hidden_layers=4),  # tf2onnx 1.17 cannot write its GELU
    *[transformer(name, num_hidden_layers=4, hidden_act=TANH_GELU) for name in ("DeiT", "ViT")],
    *[
        transformer(name, hidden_act=TANH_GELU)
        for name in ("ConvNext", "ConvNextV2", "Segformer", "SwiftFormer")
    ],
    *[transformer(name) for name in ("MobileViT", "RegNet", "ResNet")],
]


def picture(seed, side):
    """A picture [1, side, side, 3] of smooth structure and noise, with values in 0..255."""
    random = np.random.default_rng(seed)
    made = NOISE * random.standard_normal((side, side, 3))
    for cells, amplitude in STRUCTURE:
        field = random.standard_normal((cells, cells, 3))
        made += amplitude * tf.image.resize(field, (side, side), "bicubic").numpy()
    return np.clip(127.5 + 50 * made, 0, 255).astype(np.float32)[None]


def build(net, kind):
    """The net, with layers of this element type; the weights are those of its constructor."""
    if net.library == "keras":
        keras.config.set_dtype_policy(kind)
        keras.utils.set_random_seed(SEED)
        shape = (net.side, net.side, 3)
        made = getattr(keras.applications, net.name)
        return made(weights=None, input_shape=shape, classes=CLASSES, **net.options)
    tf_keras.backend.set_floatx(kind)
    tf_keras.utils.set_random_seed(SEED)
    config = getattr(transformers, f"{net.name}Config")(num_labels=CLASSES, **net.options)
    made = getattr(transformers, f"TF{net.name}ForImageClassification")(config)
    made(tf.zeros((1, 3, net.side, net.side), kind))
    return made


def prepare(net, made):
    """The function from pictures [N, height, width, 3] to the input of the net."""
    if net.library == "tftransformers":
        return lambda x: (np.moveaxis(x, 3, 1) - 127.5) / 50
    module = sys.modules[getattr(keras.applications, net.name).__module__]
    return lambda x: module.preprocess_input(x.copy())


def randomise(weights, random):
    """No weight is left at a constant that would hide a branch."""
    changed = []
    for weight in weights:
        value = np.asarray(weight, np.float32)
        if np.issubdtype(weight.dtype, np.floating) and value.size and value.min() == value.max():
            constant = value.flat[0]
            noise = random.standard_normal(value.shape).astype(np.float32)
            if constant == 0:
                value = 0.1 * noise
            elif abs(constant) < 0.1:
                value = np.full_like(value, 0.3)
            else:
                value = constant * (1 + 0.1 * np.abs(noise))
            changed.append(value.astype(weight.dtype))
        else:
            changed.append(weight)
    return changed


def calibrate(net, made, pictures):
    """Sets the statistics of every BatchNormalization to those of one batch of pictures."""
    layers = made._flatten_layers() if hasattr(made, "_flatten_layers") else made.layers
    norms = [layer for layer in layers if type(layer).__name__.startswith("BatchNorm")]
    for norm in norms:
        norm.momentum, norm.previous = 0.0, norm.momentum
    if norms:
        made(tf.constant(pictures), training=True)
    for norm in norms:
        norm.momentum = norm.previous


def scores(net, made, x):
    """The class scores: of keras.applications before the softmax that ends the net."""
    if net.library == "keras":
        return made(x, training=False)
    return made(x, training=False).logits


def without_softmax(made):
    """The net with a linear last layer."""
    made.layers[-1].activation = keras.activations.linear
    return made


def gradients(net, made, pictures, classes=None):
    """Scores, classes (default: the highest) and gradients of pictures, one after the other."""
    found = []
    for i, x in enumerate(pictures):
        x = tf.constant(x[None])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = scores(net, made, x)[0]
            chosen = int(np.argmax(y)) if classes is None else classes[i]
            score = y[chosen]
        found.append((y.numpy(), chosen, tape.gradient(score, x).numpy()))
    return [np.stack(part) for part in zip(*found)]


def export(net, made, path):
    """Writes the ONNX file as tf2onnx's users do."""
    if net.library == "keras":
        tf2onnx.convert.from_keras(made, output_path=str(path))
        return
    shape = [None, 3, net.side, net.side]
    function = tf.function(
        lambda pixel_values: made(pixel_values, training=False).logits,
        input_signature=[tf.TensorSpec(shape, tf.float32, name="pixel_values")],
    )
    tf2onnx.convert.from_function(
        function, input_signature=function.input_signature, output_path=str(path)
    )


def make(net):
    """The ONNX file, and beside it the pictures with TensorFlow's answers, if they are missing."""
    path, answers = (
        cached("nets", f"{net.label}.tf2onnx.onnx"),
        cached("references", f"{net.label}.npz"),
    )
    if path.exists() and answers.exists():
        return path
    made = build(net, "float32")
    made.set_weights(randomise(made.get_weights(), np.random.default_rng(SEED)))
    to_input = prepare(net, made)
    seeds = range(1_000_000, 1_000_000 + CALIBRATION_IMAGES)
    calibrate(net, made, to_input(np.concatenate([picture(i, net.side) for i in seeds])))
    weights = made.get_weights()
    partial = path.with_suffix(".partial")
    export(net, made, partial)
    inputs = to_input(np.concatenate([picture(i, net.side) for i in range(INPUTS)]))
    double = build(net, "float64")
    double.set_weights(weights)
    if net.library == "keras":
        made, double = without_softmax(made), without_softmax(double)
    outputs, classes, single = gradients(net, made, inputs.astype(np.float32))
    _, _, reference = gradients(net, double, inputs.astype(np.float64), classes)
    assert reference.dtype == np.float64
    np.savez(answers, pictures=inputs, scores=outputs, classes=classes, fp32=single, fp64=reference)
    partial.rename(path)
    return path


def main():
    chosen = sys.argv[1:]
    for net in NETS:
        if chosen and net.name not in chosen:
            continue
        try:
            print(make(net), flush=True)
            keras.backend.clear_session()
            gc.collect()
        except Exception:
            traceback.print_exc()
            print("FAILED", net.label, flush=True)


if __name__ == "__main__":
    main()
