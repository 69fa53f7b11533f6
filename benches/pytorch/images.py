"""Random pictures: smooth structure at three scales plus pixel noise, normalised.

The first layers would average away white noise alone, and a flat picture would leave most units at
zero.
"""

import torch
import torch.nn.functional as F

STRUCTURE = ((4, 1.0), (14, 0.7), (56, 0.4))  # cells per side, amplitude
NOISE = 0.3


def image(seed, side):
    """A picture [1, 3, side, side] with zero mean and unit deviation in every channel."""
    generator = torch.Generator().manual_seed(seed)
    picture = NOISE * torch.randn(1, 3, side, side, generator=generator)
    for cells, amplitude in STRUCTURE:
        field = torch.randn(1, 3, cells, cells, generator=generator)
        picture += amplitude * F.interpolate(
            field, size=(side, side), mode="bicubic", align_corners=False
        )
    mean, deviation = picture.mean((2, 3), keepdim=True), picture.std((2, 3), keepdim=True)
    return (picture - mean) / deviation
