#!/usr/bin/env python3
"""Small networks with feature maps of every form, and PyTorch's values and gradients of them.

    python make_layers.py [--output FOLDER]

FOLDER (default: `layers` beside this script) gets NETWORK.onnx and layers.json. That has, for the
picture whose channel c has the level (37 x + 59 y + 83 c + x y) mod 256 at (x, y), scaled to 0..=1,
each layer by the name that it is asked for: values A and gradients G = d score / d A of the class,
[C, H, W], in float64, and the maps of Grad-CAM and LayerCAM.

The networks have seeded random weights. They are written so that each exercises one form:

* `class-token`: tokens [1, 1 + 16, C] of a vision transformer; the class token is read, so that the
  last layer is the input of the last block.
* `registers`: the class token in front, two registers behind, which are removed before the mean.
* `sequence-first`: tokens [16, 1, C] without a class token.
* `channels-last`: a network like ConvNeXt whose blocks work on [1, H, W, C].
* `windows`: a network like Swin, with shifted windows and merged patches.
* `unrolled`: tokens in the order of 2 x 2 windows, as Hiera keeps them: it has no readable layer.
"""

import argparse
import json
import warnings
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

SIDE, PATCH, WIDTH, HEADS, CLASSES, CLASS = 32, 8, 8, 2, 5, 3
GRID = SIDE // PATCH


class Attention(nn.Module):
    """Self-attention over the tokens [N, T, C]."""

    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, HEADS, c // HEADS).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (c // HEADS) ** -0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, c))


def mlp():
    return nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))


class Block(nn.Module):
    """A transformer's block, on [N, T, C]."""

    def __init__(self):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(WIDTH), Attention()
        self.norm2, self.mlp = nn.LayerNorm(WIDTH), mlp()

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A vision transformer with `front` tokens before the positions and `back` behind them."""

    def __init__(self, front, back):
        super().__init__()
        self.front, self.back = front, back
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.extra = nn.Parameter(torch.randn(1, front + back, WIDTH))
        self.places = nn.Parameter(torch.randn(1, front + GRID * GRID + back, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def embed(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        front, back = self.extra[:, : self.front], self.extra[:, self.front :]
        return torch.cat([front, x, back], 1) + self.places

    def positions(self, x):
        """From tokens to [C, H, W]."""
        x = x[:, self.front : self.front + GRID * GRID]
        return x.transpose(1, 2).reshape(WIDTH, GRID, GRID)


class ClassToken(Transformer):
    def __init__(self):
        super().__init__(1, 0)
        self.layers = {"last": self.blocks[1], "inner": self.blocks[1]}

    def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class Registers(Transformer):
    def __init__(self):
        super().__init__(1, 2)
        self.layers = {"last": self.norm}

    def forward(self, x):
        x = self.embed(x)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x[:, :-2].mean(1))


class SequenceFirst(Transformer):
    def __init__(self):
        super().__init__(0, 0)
        self.layers = {"last": self.norm}

    def forward(self, x):
        x = self.embed(x).transpose(0, 1)
        for block in self.blocks:
            a = block.attention(block.norm1(x).transpose(0, 1)).transpose(0, 1)
            x = x + a
            x = x + block.mlp(block.norm2(x))
        return self.head(self.norm(x).mean(0))

    def positions(self, x):
        return super().positions(x.transpose(0, 1))


class ConvBlock(nn.Module):
    """ConvNeXt's block, on [N, H, W, C]."""

    def __init__(self):
        super().__init__()
        self.depthwise = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH)
        self.norm, self.mlp = nn.LayerNorm(WIDTH), mlp()

    def forward(self, x):
        y = self.depthwise(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return x + self.mlp(self.norm(y))


class ChannelsLast(nn.Module):
    """Strides 4 and 8. Its stride 4 has a grid of 8 x 8, and 8 channels: a shape of [1, 8, 8, 8]."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, WIDTH, 4, 4)
        self.fine = nn.Sequential(ConvBlock(), ConvBlock())
        self.down = nn.Conv2d(WIDTH, WIDTH, 2, 2)
        self.coarse = nn.Sequential(ConvBlock(), ConvBlock())
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)
        self.layers = {"last": self.norm, "stride4": self.fine}

    def forward(self, x):
        x = self.fine(self.stem(x).permute(0, 2, 3, 1))
        x = self.down(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return self.head(self.norm(self.coarse(x)).mean((1, 2)))

    def positions(self, x):
        return x[0].permute(2, 0, 1)


class WindowBlock(nn.Module):
    """Swin's block on [1, H, W, C]: attention in windows of 2 x 2, shifted by `shift`."""

    def __init__(self, shift):
        super().__init__()
        self.shift = shift
        self.norm1, self.attention = nn.LayerNorm(WIDTH), Attention()
        self.norm2, self.mlp = nn.LayerNorm(WIDTH), mlp()

    def forward(self, x):
        _, h, w, c = x.shape
        y = self.roll(self.norm1(x), -self.shift)
        y = y.reshape(h // 2, 2, w // 2, 2, c).permute(0, 2, 1, 3, 4).reshape(-1, 4, c)
        y = self.attention(y)
        y = y.reshape(h // 2, w // 2, 2, 2, c).permute(0, 2, 1, 3, 4).reshape(1, h, w, c)
        x = x + self.roll(y, self.shift)
        return x + self.mlp(self.norm2(x))

    def roll(self, x, shift):
        return torch.roll(x, (shift, shift), (1, 2)) if shift else x


class Windows(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 4, 4)
        self.fine = nn.Sequential(WindowBlock(0), WindowBlock(1))
        self.merge = nn.Linear(4 * WIDTH, WIDTH)
        self.coarse = nn.Sequential(WindowBlock(0), WindowBlock(1))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)
        self.layers = {"last": self.norm, "stride4": self.fine}

    def forward(self, x):
        x = self.fine(self.patches(x).permute(0, 2, 3, 1))
        x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1)
        return self.head(self.norm(self.coarse(self.merge(x))).mean((1, 2)))

    def positions(self, x):
        return x[0].permute(2, 0, 1)


class Unrolled(Transformer):
    def __init__(self):
        super().__init__(0, 0)
        self.layers = {}

    def forward(self, x):
        x = self.patches(x).reshape(1, WIDTH, GRID // 2, 2, GRID // 2, 2)
        x = x.permute(0, 2, 4, 3, 5, 1).reshape(1, GRID * GRID, WIDTH) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


NETWORKS = {
    "class-token": ClassToken,
    "registers": Registers,
    "sequence-first": SequenceFirst,
    "channels-last": ChannelsLast,
    "windows": Windows,
    "unrolled": Unrolled,
}


def picture():
    """[1, 3, SIDE, SIDE], 0..=1."""
    c, y, x = torch.meshgrid(*(torch.arange(n) for n in (3, SIDE, SIDE)), indexing="ij")
    return (((37 * x + 59 * y + 83 * c + x * y) % 256) / 255)[None]


def layer(net, module):
    """The values and gradients of a module's output, and the maps made from them."""
    kept = {}
    hook = module.register_forward_hook(lambda _module, _inputs, output: kept.update(a=output))
    score = net(picture().double())[0, CLASS]
    hook.remove()
    (gradient,) = torch.autograd.grad(score, kept["a"])
    a, g = net.positions(kept["a"].detach()), net.positions(gradient)
    return {
        "values": a.tolist(),
        "gradients": g.tolist(),
        "grad-cam": F.relu((g.mean((1, 2), keepdim=True) * a).sum(0)).tolist(),
        "layer-cam": F.relu((F.relu(g) * a).sum(0)).tolist(),
    }


def rounded(value):
    """A nested list with seven digits a number."""
    return [rounded(v) for v in value] if isinstance(value, list) else float(f"{value:.7g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "layers")
    output = parser.parse_args().output
    output.mkdir(exist_ok=True)
    warnings.filterwarnings("ignore")
    content = {"class": CLASS, "classes": CLASSES, "side": SIDE, "networks": {}}
    for number, (name, network) in enumerate(NETWORKS.items()):
        torch.manual_seed(number)
        net = network().eval()
        path = output / f"{name}.onnx"
        names = {"input_names": ["picture"], "output_names": ["scores"]}
        torch.onnx.export(net, (picture().float(),), str(path), opset_version=17, dynamo=False, **names)
        net.double()
        found = {asked: layer(net, module) for asked, module in net.layers.items()}
        content["networks"][name] = {
            asked: {key: rounded(value) for key, value in values.items()}
            for asked, values in found.items()
        }
    (output / "layers.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
