"""PyTorch's gradient of the top score with respect to the picture, in fp32 and fp64, with a cache.

The cache does not notice changes of nets.py, light.py or images.py. After such a change, delete its
folders `nets` and `references`.
"""

import numpy as np
import torch

from places import cached

THREADS = 1


def score_gradient(net, picture, chosen=None):
    """The scores of a picture, the chosen class (default: the top one) and its gradient."""
    picture = picture.requires_grad_(True)
    scores = net(picture).flatten()
    chosen = scores.argmax() if chosen is None else chosen
    (gradient,) = torch.autograd.grad(scores[chosen], picture)
    return scores.detach().numpy(), int(chosen), gradient.numpy()


def references(name, build, picture, count):
    """The fp32 scores and top classes, and the fp32 and fp64 gradients, of `count` pictures."""
    path = cached("references", f"{name}.npz")
    known = dict(np.load(path)) if path.exists() else {"classes": []}
    if len(known["classes"]) < count:
        known = compute(build, picture, count)
        np.savez(path, **known)
    return {key: values[:count] for key, values in known.items()}


def compute(build, picture, count):
    """The references of `count` pictures."""
    torch.set_num_threads(THREADS)
    net = build()
    single = [score_gradient(net, picture(i)) for i in range(count)]
    net = net.double()
    double = [score_gradient(net, picture(i).double(), single[i][1])[2] for i in range(count)]
    scores, classes, gradients = map(np.stack, zip(*single))
    return {"scores": scores, "classes": classes, "fp32": gradients, "fp64": np.stack(double)}
