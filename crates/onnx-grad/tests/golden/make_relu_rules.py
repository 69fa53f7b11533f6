#!/usr/bin/env python3
"""Guided backpropagation and DeconvNet: reference "gradients" from PyTorch (float64).

    python make_relu_rules.py [OUTPUT]       OUTPUT defaults to ./relu_rules beside this script

The networks of make_gradients.py have no ReLU; those here are smaller ones of the same four kinds with ReLU
and max pools. Per case, OUTPUT/<case>/ receives
    model.onnx      random weights; "input" -> "logits"
    image.pb        one input, [1, C, H, W]
    seed.pb         [3, classes]: two one-hot rows and a dense random row
    scores.pb       the logits, [1, classes]
    gradient.pb     [3, C, H, W]: row k = d(sum_j seed[k, j] logits[0, j]) / d image
    guided.pb       the same, the backward pass of every ReLU replaced by   max(dy, 0) * [x > 0]
    deconvnet.pb    the same, by                                            max(dy, 0)
(Springenberg et al. 2014, Zeiler and Fergus 2013; dy arrives from above, x is the ReLU's input.) All other
nodes keep their true derivative; max pools send it to the maximum of the forward pass. dy is summed over
all that read the ReLU's output before the rule applies, and the seed itself is not cut.

Weights and image come from the first generator seed that keeps clear of kinks. Relative to the largest
magnitude in the tensor, MARGIN lies between 0 and every input of a ReLU, and between the two largest values
of every window of a max pool. So no window is all zeros either: DeconvNet would tell its zeros apart. And
in every file the largest magnitude of each row is at least LEAST_ROW of the largest of all.

Before anything is written, the ONNX file is compared with PyTorch through ONNX Runtime, and every row of
gradient.pb with a central difference along a random direction.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from make_gradients import InferenceDropout, Lrn, check, export, randomise, save_tensor

MARGIN = 1e-3
LEAST_ROW = 0.05
RULES = {
    "gradient": lambda x, dy: dy * (x > 0),
    "guided": lambda x, dy: dy.clamp(min=0) * (x > 0),
    "deconvnet": lambda x, dy: dy.clamp(min=0),
}


# ---- ReLU with a rule --------------------------------------------------------------------------


class RuledRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, rule):
        ctx.save_for_backward(x)
        ctx.rule = rule
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, dy):
        return RULES[ctx.rule](*ctx.saved_tensors, dy), None


class Relu(nn.Module):
    rule = "gradient"  # of all ReLUs

    def forward(self, x):
        return F.relu(x) if torch.onnx.is_in_onnx_export() else RuledRelu.apply(x, Relu.rule)


# ---- the networks ------------------------------------------------------------------------------


def plain():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        Relu(),
        nn.MaxPool2d(3, 2, padding=1),
        nn.Conv2d(6, 7, 3, padding=1),
        nn.MaxPool2d(2, 2, ceil_mode=True),
        Relu(),
        nn.Conv2d(7, 6, 2),
        Relu(),
        nn.Flatten(),
        nn.Linear(24, 10),
        Relu(),
        InferenceDropout(),
        nn.Linear(10, 5),
    )


def alexnet():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5, stride=2, padding=2),
        Relu(),
        Lrn(5, 0.5, 0.75, 1.0),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(6, 8, 3, padding=1, groups=2),
        Relu(),
        nn.MaxPool2d(2, 1),
        nn.Flatten(),
        nn.Linear(32, 10),
        Relu(),
        nn.Linear(10, 6),
    )


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), Relu(), Lrn(5, 0.5, 0.75, 1.0))
        self.branches = nn.ModuleList(
            [
                nn.Sequential(nn.Conv2d(6, 3, 1), Relu()),
                nn.Sequential(nn.Conv2d(6, 4, 1), Relu(), nn.Conv2d(4, 4, 3, padding=1), Relu()),
                nn.Sequential(nn.Conv2d(6, 2, 1), Relu(), nn.Conv2d(2, 3, 5, padding=2), Relu()),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(6, 4, 1), Relu()),
            ]
        )
        self.tail = nn.Sequential(
            nn.Conv2d(14, 8, 3, 2, 1, groups=2),
            Relu(),
            Lrn(5, 1.0, 0.75, 2.0),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, 6),
        )

    def forward(self, x):
        x = self.stem(x)
        return self.tail(torch.cat([branch(x) for branch in self.branches], 1))


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            Relu(),
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
        self.last = Relu()

    def forward(self, x):
        return self.last(self.body(x) + self.shortcut(x))


def residual():
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1, bias=False),
        nn.BatchNorm2d(5),
        Relu(),
        nn.MaxPool2d(3, 2, 1),
        ResidualBlock(5, 5, 1),
        ResidualBlock(5, 7, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(7, 6),
    )


CASES = {  # case: (network, image height and width)
    "plain": (plain, (12, 10)),
    "alexnet": (alexnet, (13, 15)),
    "inception": (Inception, (11, 12)),
    "residual": (residual, (12, 11)),
}


# ---- kinks -------------------------------------------------------------------------------------


def pool_gap(pool, x):
    """Least difference of the two largest values of a window; what lies outside counts for nothing."""
    size, stride, pad = pool.kernel_size, pool.stride, pool.padding
    rows, columns = pool.forward(x).shape[2:]
    gaps = []
    for y in range(-pad, rows * stride - pad, stride):
        for z in range(-pad, columns * stride - pad, stride):
            window = x[0, :, max(y, 0) : y + size, max(z, 0) : z + size].flatten(1)
            if window.shape[1] > 1:
                largest = window.topk(2).values
                gaps.append((largest[:, 0] - largest[:, 1]).min().item())
    return min(gaps)


def kinks(network, image):
    """Relative distances of the network's ReLUs and of its max pools from their nearest kink."""
    relus, pools = [], [np.inf]

    def measure(module, inputs):
        x = inputs[0].detach()
        if isinstance(module, Relu):
            relus.append((x.abs().min() / x.abs().max()).item())
        else:
            pools.append(pool_gap(module, x) / x.abs().max().item())

    handles = [
        module.register_forward_pre_hook(measure)
        for module in network.modules()
        if isinstance(module, (Relu, nn.MaxPool2d))
    ]
    with torch.no_grad():
        network(image)
    for handle in handles:
        handle.remove()
    return min(relus), min(pools)


def draw(build, size, number):
    """Network (float64), image, seed and generator of one generator seed."""
    generator = torch.Generator().manual_seed(number)
    network = build().eval()
    randomise(network, generator)
    image = torch.randn(1, 3, *size, generator=generator)
    classes = network.double()(image.double()).shape[1]
    seed = torch.zeros(3, classes)
    seed[0, 1] = seed[1, classes - 1] = 1
    seed[2] = torch.randn(classes, generator=generator)
    return network, image, seed, generator


def rows_by_rule(network, image, seed):
    """Logits, and the rows that each rule gives."""
    image, results = image.clone().requires_grad_(), {}
    for Relu.rule in RULES:
        scores = network(image)
        results[Relu.rule] = torch.stack(
            [torch.autograd.grad(scores, image, row[None], retain_graph=True)[0][0] for row in seed]
        )
    return scores.detach(), results  # the forward pass is the same for all


def lively(rows):
    """Whether no row is lost beside the others."""
    largest = rows.abs().amax((1, 2, 3))
    return largest.min() > LEAST_ROW * largest.max()


def main():
    torch.set_num_threads(1)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "relu_rules"
    for case, (build, size) in CASES.items():
        for number in range(100_000):
            network, image, seed, generator = draw(build, size, number)
            relu, pool = kinks(network, image.double())
            if min(relu, pool) >= MARGIN:
                scores, results = rows_by_rule(network, image.double(), seed.double())
                if all(map(lively, results.values())):
                    break
        model = export(network.float(), image, False)
        forward, derivative = check(
            model, network.double(), image, seed, scores, results["gradient"], generator
        )

        folder = output / case
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        for name, tensor in {"image": image, "seed": seed, "scores": scores, **results}.items():
            save_tensor(folder / f"{name}.pb", tensor)

        narrow = rows_by_rule(network.float(), image, seed)[1]
        print(
            f"{case}: generator seed {number}, kinks ReLU {relu:.2e}, max pool {pool:.2e}; forward "
            f"{forward:.1e}, derivative {derivative:.1e}"
        )
        for rule, rows in results.items():
            difference = (narrow[rule] - rows).abs().max() / rows.abs().max()
            largest = ", ".join(f"{row:.3f}" for row in rows.abs().amax((1, 2, 3)))
            print(
                f"  {rule}: largest of each row {largest}; {(rows != 0).double().mean():.0%} not 0; "
                f"float32 {difference:.1e}"
            )
        print("  " + " ".join(node.op_type for node in model.graph.node))


if __name__ == "__main__":
    main()
