"""The PyTorch nets of the exporter table: seeded random weights, small inputs, and their export.

python exporter_nets.py [NET...]     export these nets (default: all) and compute their gradients
"""

import logging
import sys
import tempfile
import traceback
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import timm
import torch
import torchvision
import transformers
from optimum.exporters.onnx import onnx_export_from_model
from optimum.exporters.tasks import TasksManager
from torch import nn

import nets
from images import image
from places import cached
from reference import references

SIDE = 64
CLASSES = 100
DYNAMO = {"dynamo": None, "dynamo-23": 23}  # and the opset that is asked for
INPUTS = 5
STEP, TOLERANCE = 1e-8, 1e-2
NOISE, GATE = 0.2, 0.3  # in place of zeros, and of the small factors of residual branches

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


@dataclass
class Net:
    """A classifier of a library, and what makes it small."""

    library: str
    name: str
    side: int = SIDE
    options: dict = field(default_factory=dict)

    @property
    def label(self):
        return f"{self.library}-{self.name}"

    @property
    def exporters(self):
        """Optimum exports nets of timm and transformers; for the latter it is the usual way."""
        return {
            "torchvision": [*DYNAMO],
            "timm": [*DYNAMO, "optimum"],
            "transformers": ["optimum"],
        }[self.library]


def sized(library, names, option, side=SIDE, **options):
    """Nets whose options must state the side of the image."""
    return [Net(library, name, side, {option: side} | options) for name in names.split()]


def free(library, names, side=SIDE, **options):
    """Nets that take an image of any size."""
    return [Net(library, name, side, options) for name in names.split()]


def transformer(name, side=SIDE, **options):
    """A classifier of transformers, by the type of its configuration."""
    return Net("transformers", name, side, options)


NETS = [
    *free(
        "torchvision",
        "resnet18 resnext50_32x4d densenet121 mobilenet_v2 mobilenet_v3_small shufflenet_v2_x1_0 "
        "squeezenet1_1 mnasnet0_5 vgg11_bn efficientnet_b0 efficientnet_v2_s regnet_y_400mf convnext_tiny "
        "swin_t swin_v2_t",
    ),
    *free("torchvision", "googlenet", aux_logits=False, init_weights=False),
    *free("torchvision", "inception_v3", 128, aux_logits=False, init_weights=False),
    *sized("torchvision", "vit_b_32", "image_size"),
    *free("torchvision", "maxvit_t", 224, input_size=(224, 224)),
    *sized(
        "timm",
        "vit_tiny_patch16_224 deit_tiny_distilled_patch16_224 mixer_s32_224 "
        "resmlp_12_224 cait_xxs24_224 xcit_nano_12_p16_224 levit_128s "
        "coatnet_nano_rw_224 volo_d1_224 vit_small_patch16_rope_224 "
        "efficientformerv2_s0 swinv2_tiny_window8_256 gmlp_s16_224 convit_tiny "
        "botnet26t_256 gcvit_xxtiny hiera_tiny_224 sequencer2d_s mvitv2_tiny "
        "lambda_resnet26t",
        "img_size",
    ),
    *sized("timm", "eva02_tiny_patch14_224 swin_tiny_patch4_window7_224", "img_size", 56),
    *sized("timm", "beit_base_patch16_224 vit_base_patch16_siglip_224", "img_size", depth=4),
    *sized("timm", "halonet26t", "img_size", 256),
    *free("timm", "efficientformer_l1", 224),
    *free(
        "timm",
        "pvt_v2_b0 mobilevit_xxs mobilevitv2_050 poolformer_s12 "
        "ghostnet_100 hrnet_w18_small eca_nfnet_l0 convnextv2_atto resnetv2_50x1_bit",
    ),
    transformer("vit", image_size=SIDE, num_hidden_layers=4),
    transformer("vit_msn", image_size=SIDE, num_hidden_layers=4),
    transformer(
        "deit",
        image_size=SIDE,
        num_hidden_layers=4,
        architectures=["DeiTForImageClassification"],
    ),
    transformer("beit", image_size=SIDE, num_hidden_layers=4),
    transformer("data2vec-vision", image_size=SIDE, num_hidden_layers=4),
    transformer("cvt"),
    transformer("levit", image_size=SIDE, architectures=["LevitForImageClassification"]),
    transformer("convnext"),
    transformer("convnextv2"),
    transformer("hiera", image_size=[SIDE, SIDE], side=SIDE),
    transformer("pvt", image_size=SIDE),
    transformer("mobilevit", image_size=SIDE),
    transformer("regnet"),
    transformer("resnet"),
    transformer("swin", image_size=128, side=128, window_size=4),
    transformer("swinv2", image_size=128, side=128, window_size=4),
    transformer("poolformer"),
    transformer("segformer"),
    transformer("mobilenet_v1", image_size=SIDE),
    transformer("mobilenet_v2", image_size=SIDE),
    transformer(
        "efficientnet",
        width_coefficient=1.0,
        depth_coefficient=1.0,
        hidden_dim=1280,
        image_size=SIDE,
    ),
    transformer(
        "clip", vision_config={"image_size": SIDE, "patch_size": 16, "num_hidden_layers": 4}
    ),
]


class Logits(nn.Module):
    """A classifier of transformers as a function from image to scores."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).logits


def build(net):
    """The net in eval mode, frozen, with seeded weights that are the same in every process."""
    torch.manual_seed(nets.SEED)
    match net.library:
        case "torchvision":
            made = torchvision.models.get_model(net.name, num_classes=CLASSES, **net.options)
        case "timm":
            made = timm.create_model(net.name, num_classes=CLASSES, **net.options)
        case _:
            config = transformers.AutoConfig.for_model(net.name, num_labels=CLASSES, **net.options)
            made = Logits(transformers.AutoModelForImageClassification.from_config(config))
    made = made.eval().requires_grad_(False)
    randomise(made)
    nets.calibrate(made, net.side)
    return made


def randomise(net):
    """As in nets.py; besides, no parameter is left at a constant that would hide a branch."""
    nets.randomise(net)
    for module in net.modules():
        for parameter in module.parameters(recurse=False):
            constant = parameter.flatten()[0].item()
            if parameter.min() != parameter.max():
                continue
            if constant == 0:
                parameter.normal_(std=NOISE)
            elif abs(constant) < 0.1:
                parameter.fill_(GATE)
            else:
                parameter.mul_(1 + nets.SCALE_SPREAD * torch.randn_like(parameter))


def exported(net, exporter):
    """The ONNX file of a net. It is made if the cache does not have it."""
    path = cached("nets", f"{net.label}.{exporter}.onnx")
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = export(net, exporter, Path(folder))
            made.rename(path)
    return path


def export(net, exporter, folder):
    """Writes a net as one file into a folder, as a user of the exporter would."""
    made = build(net)
    path = folder / "model.onnx"
    if exporter == "optimum":
        if net.library == "timm":
            made.pretrained_cfg["input_size"] = (3, net.side, net.side)
            TasksManager.standardize_model_attributes(made, "timm")
        else:
            made = made.net
        onnx_export_from_model(
            made,
            folder,
            task="image-classification",
            do_validation=False,
            height=net.side,
            width=net.side,
        )
    else:
        torch.onnx.export(
            made,
            (image(0, net.side),),
            str(path),
            dynamo=True,
            opset_version=DYNAMO[exporter],
            external_data=False,
            verbose=False,
        )
    return path


def referee(net):
    """The net for PyTorch's own gradients.

    In PyTorch 2.9.1 on a CPU, the gradient of a BatchNorm in eval mode is wrong where the incoming
    gradient has other strides than its output has, as after flatten(2).transpose(1, 2). Here it
    never has.
    """
    made = build(net)
    for module in made.modules():
        if isinstance(module, nets.BATCH_NORMS):
            module.register_forward_hook(with_contiguous_gradient)
    return made


def with_contiguous_gradient(_module, _inputs, output):
    if output.requires_grad:
        output.register_hook(torch.Tensor.contiguous)


def expected(net):
    """PyTorch's scores and gradients of the first pictures."""
    is_new = not cached("references", f"{net.label}.npz").exists()
    answers = references(net.label, lambda: referee(net), lambda i: image(i, net.side), INPUTS)
    if is_new:
        confirm(net, answers["classes"][0], torch.from_numpy(answers["fp64"][0]))
    return answers


def confirm(net, chosen, gradient):
    """Checks a gradient by a central difference along one direction, in float64."""
    score = lambda x: build(net).double()(x).flatten()[chosen].item()
    picture = image(0, net.side).double()
    step = STEP * image(1, net.side).double()
    with torch.no_grad():
        difference = score(picture + step) - score(picture - step)
    slope = 2 * (gradient.flatten() @ step.flatten()).item()
    if abs(difference - slope) > TOLERANCE * max(abs(difference), abs(slope)):
        raise ValueError(f"PyTorch's gradient gives {slope:e}, its function {difference:e}")


def main():
    chosen = sys.argv[1:]
    for net in NETS:
        if chosen and net.name not in chosen and net.label not in chosen:
            continue
        try:
            expected(net)
        except Exception:
            traceback.print_exc()
            print("FAILED reference", net.label, flush=True)
            continue
        for exporter in net.exporters:
            try:
                print(exported(net, exporter), flush=True)
            except Exception:
                traceback.print_exc()
                print("FAILED export", net.label, exporter, flush=True)


if __name__ == "__main__":
    main()
