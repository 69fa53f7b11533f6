#!/usr/bin/env python3
"""Saliency maps of small networks by the libraries of the field, in float64.

    PYTHONPATH=TORCHRAY python make_methods.py [OUTPUT]      OUTPUT defaults to methods/ beside this script

TORCHRAY is the unpacked source archive torchray-1.0.0.2. Needs torch, grad-cam, captum, scikit-learn, onnx.

OUTPUT/plain.onnx      three convolutions, two max pools, means over 3 x 3, a linear layer
OUTPUT/residual.onnx   the same with batch normalisation and a residual block
OUTPUT/vit.onnx        a vision transformer of three blocks, two heads, patches of 4 x 4 and a class token
OUTPUT/picture.png     24 x 24 pixels, made up; the networks see value / 255 * 2 - 1
OUTPUT/maps.json       for each network: the tensors of its layers, the class, and for each method its map,
                       [24, 24], enlarged from that of the layer (bilinear, half-pixel centres)

Who computes which map:
    hires-cam, xgrad-cam, ablation-cam, score-cam     pytorch-grad-cam, before it scales the map to 0..1; Score-CAM's
                       masks are enlarged with half-pixel centres, where the library aligns the corners
    eigen-cam, eigen-grad-cam, kpca-cam    pytorch-grad-cam's projections; the value of the largest magnitude is positive
    occlusion, lrp     Captum (probabilities; EpsilonRule with 1e-6)
    excitation, contrastive-excitation     TorchRay for `plain`; formulas of the paper for `residual`
    rise, relevance-cam, attention-rollout, generic-attention, and lrp for `residual`     formulas of the papers,
                       written here in PyTorch
"""

import hashlib
import json
import struct
import sys
from pathlib import Path

import captum.attr
import numpy as np
import pytorch_grad_cam
import torch
from captum.attr._utils.lrp_rules import EpsilonRule
from PIL import Image
from pytorch_grad_cam import base_cam
from pytorch_grad_cam.utils import svd_on_activations as svd
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torch.nn import functional as F
from torchray.attribution import excitation_backprop as torchray

SIDE, CLASSES = 24, 5
MASKS = 60


class Plain(nn.Sequential):
    def __init__(self):
        super().__init__()
        for name, module in {
            "conv1": nn.Conv2d(3, 8, 3, padding=1),
            "relu1": nn.ReLU(),
            "pool1": nn.MaxPool2d(2),
            "conv2": nn.Conv2d(8, 12, 3, padding=1),
            "relu2": nn.ReLU(),
            "pool2": nn.MaxPool2d(2),
            "conv3": nn.Conv2d(12, 16, 3, padding=1),
            "relu3": nn.ReLU(),
            "mean": nn.AvgPool2d(3),
            "flat": nn.Flatten(),
            "fc": nn.Linear(64, CLASSES),
        }.items():
            self.add_module(name, module)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv3, self.bn3 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, CLASSES)
        self.relu1, self.relu2, self.relu3 = nn.ReLU(), nn.ReLU(), nn.ReLU()

    def forward(self, x):
        x = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(x)))
        x = self.relu3(self.bn3(self.conv3(y)) + x)
        return self.fc(x.mean((2, 3)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        n, tokens, width = x.shape
        split = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        self.attention = (3 * q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5).softmax(-1)
        if self.attention.requires_grad:
            self.attention.retain_grad()
        x = x + self.out((self.attention @ v).transpose(1, 2).reshape(n, tokens, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    def __init__(self, width=16, heads=2):
        super().__init__()
        self.patches = nn.Conv2d(3, width, 4, stride=4)
        self.token = nn.Parameter(torch.randn(1, 1, width))
        self.places = nn.Parameter(torch.randn(1, 37, width))
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(3)))
        self.norm, self.fc = nn.LayerNorm(width), nn.Linear(width, CLASSES)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        return self.fc(self.norm(self.blocks(x))[:, 0])


def made(network, seed):
    """A network with random weights, large enough for the scores to differ."""
    torch.manual_seed(seed)
    network = network().double().eval()
    for name, tensor in network.named_parameters():
        if name.endswith("weight") and tensor.dim() > 1:
            gain = 6.0 if name == "fc.weight" else 1.6
            nn.init.normal_(tensor, std=gain / tensor[0].numel() ** 0.5)
        elif name.endswith("bias"):
            nn.init.normal_(tensor, std=0.2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    # The weights of the file, so that both sides have the same.
    for tensor in [*network.parameters(), *network.buffers()]:
        if tensor.dtype == torch.float64:
            tensor.data = tensor.data.float().double()
    return network


def picture():
    y, x = np.mgrid[:SIDE, :SIDE]
    waves = [np.sin(x / 3 + c) * np.cos(y / 4 - c) + 0.8 * ((x - 15) ** 2 + (y - 9) ** 2 < 30) for c in range(3)]
    noise = np.random.default_rng(7).normal(0, 0.25, (3, SIDE, SIDE))
    return np.clip(128 + 60 * (np.array(waves) + noise), 0, 255).astype(np.uint8).transpose(1, 2, 0)


# ---- pytorch-grad-cam ------------------------------------------------------------------------------


def half_pixels(size):
    return nn.Upsample(size=tuple(size), mode="bilinear", align_corners=False)


def grad_cam(method, network, x, layer, category):
    base_cam.scale_cam_image = lambda cam, *_: cam
    torch.nn.UpsamplingBilinear2d = lambda size: half_pixels(size)
    cam = getattr(pytorch_grad_cam, method)(model=network, target_layers=[layer])
    return cam(input_tensor=x, targets=[ClassifierOutputTarget(category)])[0]


def layer_and_gradient(network, x, layer, category):
    kept = []
    handle = layer.register_forward_hook(lambda _, __, output: kept.append(output))
    score = network(x)[0, category]
    handle.remove()
    return kept[0].detach(), torch.autograd.grad(score, kept[0])[0]


def positive_extreme(projection):
    """The projection whose value of the largest magnitude is positive, cut off below 0."""
    projection = np.asarray(projection)[0]
    if abs(projection.min()) > abs(projection.max()):
        projection = -projection
    return np.maximum(projection, 0)


# ---- RISE ------------------------------------------------------------------------------------------


class SplitMix:
    """Steele, Lea and Flood's SplitMix64."""

    def __init__(self, purpose):
        (self.state,) = struct.unpack("<Q", hashlib.sha256(purpose.encode()).digest()[:8])

    def next(self):
        full = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & full
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & full
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & full
        return z ^ (z >> 31)

    def unit(self):
        return (self.next() >> 11) / 2**53

    def below(self, n):
        return (self.next() * n) >> 64


def rise(network, x, category):
    random, cell = SplitMix("0/picture/noise/0"), -(-SIDE // 7)
    total = torch.zeros(SIDE, SIDE).double()
    for _ in range(MASKS):
        grid = torch.tensor([[float(random.unit() < 0.5) for _ in range(7)] for _ in range(7)]).double()
        large = F.interpolate(grid[None, None], size=(8 * cell, 8 * cell), mode="bilinear")[0, 0]
        top, left = random.below(cell), random.below(cell)
        mask = large[top : top + SIDE, left : left + SIDE]
        total += network(x * mask).softmax(1)[0, category].detach() * mask
    return total / MASKS / 0.5


# ---- relevance -------------------------------------------------------------------------------------


def epsilon_share(function, x, relevance):
    """R(x) = x * W'(R / (z + eps sign z)), z = W x + b"""
    x = x.detach().requires_grad_()
    z = function(x)
    stable = z + 1e-6 * torch.where(z >= 0, 1.0, -1.0)
    return x * torch.autograd.grad(z, x, (relevance / stable).detach())[0]


def positive_share(function, x, relevance):
    """R(x) = x+ * W+'(R / W+ x+), 0 / 0 = 0; `function` has weights that are not negative, and no bias"""
    x = x.detach().clamp(min=0).requires_grad_()
    z = function(x)
    quotient = torch.where(z > 0, relevance / torch.where(z > 0, z, 1.0), 0.0)
    return x * torch.autograd.grad(z, x, quotient.detach())[0]


def folded(conv, bn):
    """Weight and bias of a convolution with the normalisation behind it."""
    factor = bn.weight / (bn.running_var + bn.eps).sqrt()
    return conv.weight * factor[:, None, None, None], bn.bias - bn.running_mean * factor


def residual_relevance(network, x, start, rule, contrastive=False):
    """The relevance of the picture and of the output of relu2 in the residual network."""
    weights = {
        name: folded(getattr(network, f"conv{name}"), getattr(network, f"bn{name}")) for name in (1, 2, 3)
    }
    strides = {1: 2, 2: 1, 3: 1}

    def conv(i, x, positive):
        weight, bias = weights[i]
        if positive:
            weight, bias = weight.clamp(min=0), None
        return F.conv2d(x, weight, bias, stride=strides[i], padding=1)

    a = conv(1, x, False).relu()
    b = conv(2, a, False).relu()
    c = conv(3, b, False)
    d = (c + a).relu()
    e = d.mean((2, 3))
    w, bias = network.fc.weight, network.fc.bias
    if rule == "epsilon":

        def share(function, x, r):
            return epsilon_share(function, x, r)

        re = share(lambda t: F.linear(t, w, bias), e, start)
    else:

        def share(function, x, r):
            return positive_share(function, x, r)

        re = share(lambda t: F.linear(t, w.clamp(min=0)), e, start)
        if contrastive:
            re = re - share(lambda t: F.linear(t, (-w).clamp(min=0)), e, start)
    positive = rule != "epsilon"
    rd = share(lambda t: t.mean((2, 3)), d, re)
    pair = share(lambda t: t.sum(0, keepdim=True), torch.cat([c, a]), rd.expand(1, -1, -1, -1))
    rc, ra = pair[:1], pair[1:]
    rb = share(lambda t: conv(3, t, positive), b, rc)
    ra = ra + share(lambda t: conv(2, t, positive), a, rb)
    rx = share(lambda t: conv(1, t, positive), x, ra)
    return rx.detach(), rb.detach(), b.detach()


def plain_against_others(network, x, category):
    """Relevance-CAM at relu2 of the plain network."""
    with torch.no_grad():
        steps = [x]
        for module in network:
            steps.append(module(steps[-1]))
    relevance = torch.full((1, CLASSES), -1 / (CLASSES - 1)).double()
    relevance[0, category] = 1
    modules = list(network.named_children())
    for i in reversed(range(len(modules))):
        name, module = modules[i]
        if name == "relu2":
            return (relevance.mean((2, 3), keepdim=True) * steps[i + 1]).sum(1)[0].clamp(min=0)
        if isinstance(module, nn.Conv2d):
            relevance = positive_share(
                lambda t, m=module: F.conv2d(t, m.weight.clamp(min=0), padding=1), steps[i], relevance
            )
        elif isinstance(module, nn.Linear):
            relevance = positive_share(lambda t, m=module: F.linear(t, m.weight.clamp(min=0)), steps[i], relevance)
        elif not isinstance(module, nn.ReLU):
            relevance = positive_share(module, steps[i], relevance)
    return None


# ---- the maps --------------------------------------------------------------------------------------


def plain_maps(x, category, network):
    last, inner = network.relu3, network.relu2
    values, gradient = (t.numpy() for t in layer_and_gradient(network, x, last, category))
    occlusion = captum.attr.Occlusion(lambda t: network(t).softmax(1)).attribute(
        x, sliding_window_shapes=(3, 5, 5), strides=(3, 2, 2), baselines=0, target=category
    )
    maps = {
        "hires-cam": grad_cam("HiResCAM", network, x, last, category),
        "xgrad-cam": grad_cam("XGradCAM", network, x, last, category),
        "score-cam": grad_cam("ScoreCAM", network, x, last, category),
        "ablation-cam": grad_cam("AblationCAM", network, x, last, category),
        "eigen-cam": positive_extreme(svd.get_2d_projection(values)),
        "eigen-grad-cam": positive_extreme(svd.get_2d_projection(values * gradient)),
        "kpca-cam": positive_extreme(svd.get_2d_projection_kernel(values)),
        "occlusion": occlusion[0, 0].clamp(min=0),
        "rise": rise(network, x, category),
        "relevance-cam": plain_against_others(network, x, category),
    }
    for module in network:
        module.rule = EpsilonRule(epsilon=1e-6)
    relevance = captum.attr.LRP(network).attribute(x.clone().requires_grad_(), target=category)
    maps["lrp"] = relevance[0].sum(0).clamp(min=0)
    maps["excitation"] = torchray.excitation_backprop(network, x.clone(), category, saliency_layer=inner)[0, 0]
    maps["contrastive-excitation"] = torchray.contrastive_excitation_backprop(
        network, x.clone(), category, saliency_layer=inner, contrast_layer=last, classifier_layer=network.fc
    )[0, 0]
    return maps


def residual_maps(x, category, network):
    one_hot = F.one_hot(torch.tensor([category]), CLASSES).double()
    against = one_hot * (1 + 1 / (CLASSES - 1)) - 1 / (CLASSES - 1)
    of_picture, _, _ = residual_relevance(network, x, one_hot * network(x).detach(), "epsilon")
    _, excitation, _ = residual_relevance(network, x, one_hot, "positive")
    _, contrast, _ = residual_relevance(network, x, one_hot, "positive", contrastive=True)
    _, others, values = residual_relevance(network, x, against, "positive")
    return {
        "hires-cam": grad_cam("HiResCAM", network, x, network.relu3, category),
        "ablation-cam": grad_cam("AblationCAM", network, x, network.relu3, category),
        "lrp": of_picture[0].sum(0).clamp(min=0),
        "excitation": excitation[0].sum(0),
        "contrastive-excitation": contrast[0].sum(0).clamp(min=0),
        "relevance-cam": (others.mean((2, 3), keepdim=True) * values).sum(1)[0].clamp(min=0),
    }


def transformer_maps(x, category, network):
    network(x)[0, category].backward()
    rollout = relevance = torch.eye(37).double()
    for block in network.blocks:
        attention, gradient = block.attention[0].detach(), block.attention.grad[0]
        rollout = (attention.mean(0) + torch.eye(37)) / 2 @ rollout
        relevance = relevance + (attention * gradient).clamp(min=0).mean(0) @ relevance
    return {
        "attention-rollout": rollout[0, 1:].reshape(6, 6),
        "generic-attention": relevance[0, 1:].reshape(6, 6),
        "occlusion": captum.attr.Occlusion(lambda t: network(t).softmax(1))
        .attribute(x, sliding_window_shapes=(3, 5, 5), strides=(3, 2, 2), baselines=0, target=category)[0, 0]
        .clamp(min=0),
    }


NETWORKS = {
    "plain": (Plain, plain_maps, {"last": "/relu3/Relu_output_0", "inner": "/relu2/Relu_output_0"}),
    "residual": (Residual, residual_maps, {"last": "/relu3/Relu_output_0", "inner": "/relu2/Relu_output_0"}),
    "vit": (Transformer, transformer_maps, {}),
}


def enlarged(values):
    values = torch.as_tensor(np.asarray(values.detach() if torch.is_tensor(values) else values)).double()
    values = F.interpolate(values[None, None], size=(SIDE, SIDE), mode="bilinear", align_corners=False)[0, 0]
    return [float(f"{v:.6g}") for v in values.flatten().tolist()]


def main():
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "methods"
    pixels = picture()
    Image.fromarray(pixels).save(output / "picture.png")
    x = torch.tensor(pixels.transpose(2, 0, 1)[None]).double() / 255 * 2 - 1
    found = {}
    for name, (network, maps, layers) in NETWORKS.items():
        candidates = (made(network, seed) for seed in range(100))
        network = next(made for made in candidates if made(x)[0].topk(2).values[1] > 0.5)
        torch.onnx.export(
            network.float(), x.float(), output / f"{name}.onnx", input_names=["image"], output_names=["scores"],
            opset_version=17, dynamo=False,
        )  # fmt: skip
        network = network.double()
        scores = network(x)[0]
        category = int(scores.topk(2).indices[1])  # not the best class
        print(name, scores.tolist(), category)
        maps = {method: enlarged(values) for method, values in maps(x, category, network).items()}
        found[name] = {"layers": layers, "class": category, "maps": maps}
    lines = json.dumps(found).replace('"maps": {', '"maps": {\n').replace("], ", "],\n").replace("}}, ", "}},\n")
    (output / "maps.json").write_text(lines + "\n")


if __name__ == "__main__":
    main()
