#!/usr/bin/env python3
"""Operators of transformers, scatters, gathers and normalisations: reference gradients from PyTorch (float64).

    python make_operators.py [OUTPUT]         OUTPUT defaults to ./operators beside this script

OUTPUT receives, per case, the files of make_gradients.py. The cases of GRAPHS are built here: nodes in the text
form of onnx.parser, with random weights. The case "vit" is a small vision transformer (random weights) as
PyTorch's dynamo exporter writes it at opset 23; its model.onnx is read from OUTPUT, and only the reference
results are made.

The reference takes a model node by node, each with PyTorch's own operators, and lets autograd differentiate.
Scores are compared with ONNX Runtime, and each row of the gradient with a central difference, before anything
is written.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch.nn import functional as F

GRAPHS = {  # case: (opset, image, weights, nodes)
    "attention": (
        23,
        [1, 6, 8],
        {
            "wq": [8, 24],
            "wk": [8, 12],
            "wv": [8, 10],
            "cosine": [9, 2],
            "sine": [9, 2],
            "mask": [6, 6],
            "scale": [20],
            "head": [120, 7],
        },
        """
        places = Constant <value = int64[1, 6] {0, 1, 2, 3, 8, 5}> ()
        q = MatMul (input, wq)
        k = MatMul (input, wk)
        v = MatMul (input, wv)
        turned_q = RotaryEmbedding <num_heads = 4, rotary_embedding_dim = 4> (q, cosine, sine, places)
        turned_k = RotaryEmbedding <num_heads = 2, rotary_embedding_dim = 4, interleaved = 1>
            (k, cosine, sine, places)
        mixed = Attention <q_num_heads = 4, kv_num_heads = 2, softcap = 1.5, is_causal = 1, scale = 0.6>
            (turned_q, turned_k, v, mask)
        normal = RMSNormalization (mixed, scale)
        flat = Flatten (normal)
        logits = MatMul (flat, head)
        """,
    ),
    "windows": (
        24,
        [1, 4, 6, 5],
        {"cosine": [4, 3, 2], "sine": [4, 3, 2], "key": [4, 1, 5, 5], "head": [120, 6]},
        """
        shape = Constant <value = int64[4] {4, 2, 3, 5}> ()
        bits = Constant <value = int64[3, 5] {1,1,0,1,1, 1,0,1,1,1, 0,1,1,1,0}> ()
        mask = Cast <to = 9> (bits)
        q = Reshape (input, shape)
        turned = RotaryEmbedding <rotary_embedding_dim = 4> (q, cosine, sine)
        first = Attention (turned, key, key, mask)
        second = Attention (turned, first, q)
        gate = Swish <alpha = 1.3> (second)
        flat_shape = Constant <value = int64[2] {1, -1}> ()
        flat = Reshape (gate, flat_shape)
        logits = MatMul (flat, head)
        """,
    ),
    "einsum": (
        17,
        [1, 4, 3, 3],
        {"a": [4, 5], "b": [5, 3], "c": [3, 6], "head": [6, 6]},
        """
        square = Mul (input, input)
        diagonal = Einsum <equation = "...ii -> ...i"> (input)
        traces = Einsum <equation = "b C i i -> b C"> (square)
        three = Einsum <equation = "bCI,CD,DI->bI"> (diagonal, a, b)
        outer = Einsum <equation = "bi, b C, C k -> b k i"> (three, traces, a)
        turned = Einsum <equation = "bki,iJ,b...i->bJ"> (outer, c, three)
        logits = MatMul (turned, head)
        """,
    ),
    "positions": (
        18,
        [1, 4, 3, 5],
        {"divisor": [3, 1], "base": [1, 4, 3, 5], "head": [30, 6]},
        """
        axis = Constant <value = int64 {2}> ()
        sums = CumSum <exclusive = 1, reverse = 1> (input, axis)
        upper = Trilu <upper = 1> (sums)
        three = Constant <value_float = 3.0> ()
        safe = Add (divisor, three)
        far = Mul (input, three)
        rest = Mod <fmod = 1> (far, safe)
        sum = Add (upper, rest)
        lists = Constant <value = int64[3, 3] {0, 1, 2, 0, -1, 0, 0, 1, 2}> ()
        slices = GatherND (sum, lists)
        squares = Mul (slices, slices)
        order = Constant <value_ints = [2, 0]> ()
        updates = Gather (squares, order)
        places = Constant <value = int64[2, 3] {0, 3, 0, 0, 0, 1}> ()
        written = ScatterND (sum, places, updates)
        columns = Constant <value = int64[1, 4, 3, 2] {
            0,1, 4,4, -1,2, 3,0, 1,1, 2,0, 0,0, 3,-2, 4,1, 2,2, 1,0, 0,3}> ()
        taken = GatherElements <axis = 3> (written, columns)
        added = ScatterElements <axis = 3, reduction = "add"> (base, columns, taken)
        count = Constant <value_ints = [2]> ()
        best, which = TopK <axis = 1> (added, count)
        product = Mul (best, best)
        flat = Flatten (product)
        logits = MatMul (flat, head)
        """,
    ),
    "norms": (
        21,
        [1, 6, 4, 3],
        {"per_channel": [6], "bias": [6], "head": [72, 5]},
        """
        grouped = GroupNormalization <num_groups = 3> (input, per_channel, bias)
        whole = MeanVarianceNormalization <axes = [0, 2, 3]> (input)
        two = LpNormalization <axis = 1> (input)
        one = LpNormalization <axis = 2, p = 1> (input)
        first = Mul (grouped, two)
        second = Mul (whole, one)
        sum = Add (first, second)
        flat = Flatten (sum)
        logits = MatMul (flat, head)
        """,
    ),
}


# ---- ONNX operators by PyTorch's --------------------------------------------------------------


def attention(node, q, k, v, mask=None):
    merged, shape = q.dim() == 3, q.shape

    def split(tensor, heads):
        return tensor.unflatten(2, (heads, -1)).transpose(1, 2) if merged else tensor

    q, k, v = (split(t, node[a]) if merged else t for t, a in zip((q, k, v), HEADS, strict=True))
    k, v = (t.repeat_interleave(q.shape[1] // k.shape[1], 1) for t in (k, v))
    scores = node.get("scale", q.shape[3] ** -0.5) * q @ k.mT
    if cap := node.get("softcap", 0):
        scores = cap * torch.tanh(scores / cap)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    if node.get("is_causal", 0):
        causal = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~causal, -torch.inf)
    y = scores.softmax(-1) @ v
    return y.transpose(1, 2).reshape(*shape[:2], -1) if merged else y


HEADS = ("q_num_heads", "kv_num_heads", "kv_num_heads")


def rotary(node, x, cosine, sine, places=None):
    merged, shape = x.dim() == 3, x.shape
    if merged:
        x = x.unflatten(2, (node["num_heads"], -1)).transpose(1, 2)
    if places is not None:
        cosine, sine = cosine[places], sine[places]
    turn = torch.complex(cosine, sine)[:, None]
    size = 2 * cosine.shape[-1]
    part, rest = x[..., :size], x[..., size:]
    if node.get("interleaved", 0):
        pairs = part.unflatten(-1, (-1, 2))
        turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn).flatten(-2)
    else:
        turned = torch.complex(*part.chunk(2, -1)) * turn
        turned = torch.cat((turned.real, turned.imag), -1)
    y = torch.cat((turned, rest), -1)
    return y.transpose(1, 2).reshape(shape) if merged else y


def running_sum(node, x, axis):
    axis = int(axis)
    x = x.flip(axis) if node.get("reverse", 0) else x
    y = x.cumsum(axis)
    y = y - x if node.get("exclusive", 0) else y
    return y.flip(axis) if node.get("reverse", 0) else y


def places_of(x, lists):
    """The index tuple of x that the last axis of `lists` gives."""
    return tuple(lists.unbind(-1))


def scatter_elements(node, x, indices, updates):
    axis = node.get("axis", 0)
    indices = indices % x.shape[axis]
    if node.get("reduction", "none") == "add":
        return x.scatter_add(axis, indices, updates)
    return x.scatter(axis, indices, updates)


def standardised(x, axes, epsilon=0.0):
    centred = x - x.mean(axes, keepdim=True)
    return centred / ((centred**2).mean(axes, keepdim=True) + epsilon).sqrt()


def group_norm(node, x, scale, bias):
    return F.group_norm(x, node["num_groups"], scale, bias, node.get("epsilon", 1e-5))


def layer_norm(node, x, scale, bias=None):
    assert node.get("axis", -1) % x.dim() == x.dim() - 1
    return F.layer_norm(x, x.shape[-1:], scale, bias, node.get("epsilon", 1e-5))


def gemm(node, a, b, c=0.0):
    a, b = (t.mT if node.get(flag, 0) else t for t, flag in ((a, "transA"), (b, "transB")))
    return node.get("alpha", 1.0) * a @ b + node.get("beta", 1.0) * c


def conv(node, x, weight, bias=None):
    assert not any(node.get("pads", [])), "no padding"
    return F.conv2d(x, weight, bias, stride=node["strides"], groups=node.get("group", 1))


def reshape(_node, x, shape):
    return x.reshape([x.shape[i] if n == 0 else n for i, n in enumerate(shape.tolist())])


def gather(node, x, indices):
    axis = node.get("axis", 0)
    taken = x.index_select(axis, indices.reshape(-1) % x.shape[axis])
    return taken.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def squeeze(_node, x, axes):
    return x.squeeze(tuple(axes.tolist()))


def unsqueeze(_node, x, axes):
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


OPERATORS = {
    "Add": lambda _, a, b: a + b,
    "Attention": attention,
    "Cast": lambda node, x: x.to({9: torch.bool}[node["to"]]),
    "Concat": lambda node, *x: torch.cat(x, node["axis"]),
    "Conv": conv,
    "CumSum": running_sum,
    "Einsum": lambda node, *x: torch.einsum(node["equation"], *x),
    "Flatten": lambda _, x: x.flatten(1),
    "Gather": gather,
    "GatherElements": lambda node, x, i: x.gather(node["axis"], i % x.shape[node["axis"]]),
    "GatherND": lambda _, x, lists: x[places_of(x, lists)],
    "Gelu": lambda node, x: F.gelu(x, approximate=node.get("approximate", "none")),
    "Gemm": gemm,
    "GroupNormalization": group_norm,
    "LayerNormalization": layer_norm,
    "LpNormalization": lambda node, x: F.normalize(x, node.get("p", 2), node.get("axis", -1)),
    "MatMul": lambda _, a, b: a @ b,
    "MeanVarianceNormalization": lambda node, x: standardised(x, node["axes"]),
    "Mod": lambda _, a, b: torch.fmod(a, b),
    "Mul": lambda _, a, b: a * b,
    "RMSNormalization": lambda node, x, scale: F.rms_norm(x, x.shape[-1:], scale, 1e-5),
    "Reshape": reshape,
    "RotaryEmbedding": rotary,
    "ScatterElements": scatter_elements,
    "ScatterND": lambda _, x, lists, u: x.index_put(places_of(x, lists), u),
    "Squeeze": squeeze,
    "Swish": lambda node, x: x * torch.sigmoid(node.get("alpha", 1.0) * x),
    "TopK": lambda node, x, k: torch.topk(x, int(k), node["axis"]),
    "Transpose": lambda node, x: x.permute(node["perm"]),
    "Trilu": lambda node, x: x.triu() if node.get("upper", 1) else x.tril(),
    "Unsqueeze": unsqueeze,
}


def function_of(model):
    """The model as a PyTorch function, in float64."""
    weights = {w.name: torch.tensor(numpy_helper.to_array(w)) for w in model.graph.initializer}
    weights = {n: w.double() if w.is_floating_point() else w for n, w in weights.items()}

    def function(image):
        tensors = {model.graph.input[0].name: image, **weights}
        for node in model.graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            attributes = {n: a.decode() if isinstance(a, bytes) else a for n, a in attributes.items()}
            if node.op_type == "Constant":
                [value] = attributes.values()
                value = numpy_helper.to_array(value) if isinstance(value, TensorProto) else value
                results = torch.tensor(value)
                results = results.double() if results.is_floating_point() else results
            else:
                inputs = [tensors[name] for name in node.input]
                results = OPERATORS[node.op_type](attributes, *inputs)
            results = results if isinstance(results, tuple) else (results,)
            tensors.update(zip(node.output, results, strict=False))
        return tensors[model.graph.output[0].name]

    return function


# ---- models, references and files --------------------------------------------------------------


def built(case, generator):
    """The model of a case of GRAPHS."""
    opset, shape, shapes, nodes = GRAPHS[case]
    image = f"float[{', '.join(map(str, shape))}]"
    classes = shapes["head"][1]
    model = onnx.parser.parse_model(
        f'<ir_version: 10, opset_import: ["": {opset}]>'
        f"{case} ({image} input) => (float[1, {classes}] logits) {{ {nodes} }}"
    )
    for name, size in shapes.items():
        values = torch.randn(size, generator=generator) * (0.3 if name == "head" else 0.7)
        model.graph.initializer.append(numpy_helper.from_array(values.numpy(), name))
    return model


def check(model, function, image, seed, scores, gradient, generator):
    """Largest ONNX Runtime difference, and largest relative error of a central difference."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {model.graph.input[0].name: image.numpy()})[0]
    forward = np.abs(found - scores.numpy()).max() / np.abs(scores.numpy()).max()
    direction, step = torch.randn(image.shape, generator=generator).double(), 1e-6
    with torch.no_grad():
        ends = [function(image.double() + sign * step * direction) for sign in (1, -1)]
    expected = seed.double() @ (ends[0] - ends[1])[0] / (2 * step)
    slope = (gradient * direction).flatten(1).sum(1)
    derivative = ((slope - expected).abs() / expected.abs().clamp(min=1e-3)).max().item()
    assert forward < 1e-5 and derivative < 1e-5, (forward, derivative)
    return forward, derivative


def main():
    torch.set_num_threads(1)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "operators"
    for number, case in enumerate([*GRAPHS, "vit"]):
        generator = torch.Generator().manual_seed(3000 + number)
        folder = output / case
        folder.mkdir(parents=True, exist_ok=True)
        model = built(case, generator) if case in GRAPHS else onnx.load(folder / "model.onnx")
        shape = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
        image = torch.randn(shape, generator=generator)
        function = function_of(model)
        classes = function(image.double()).shape[1]
        seed = torch.zeros(3, classes)
        seed[0, 1] = seed[1, classes - 1] = 1
        seed[2] = torch.randn(classes, generator=generator)
        wanted = image.double().requires_grad_()
        scores = function(wanted)
        gradient = torch.stack(
            [torch.autograd.grad(scores, wanted, r[None].double(), retain_graph=True)[0][0] for r in seed]
        )
        scores = scores.detach()
        forward, derivative = check(model, function, image, seed, scores, gradient, generator)
        if case in GRAPHS:
            (folder / "model.onnx").write_bytes(model.SerializeToString())
        tensors = {"image": image, "seed": seed, "scores": scores, "gradient": gradient}
        for name, tensor in tensors.items():
            array = np.ascontiguousarray(tensor.numpy(), dtype=np.float32)
            (folder / f"{name}.pb").write_bytes(numpy_helper.from_array(array).SerializeToString())
        print(
            f"{case}: scores {scores.min():.3f}..{scores.max():.3f}, max |gradient| "
            f"{gradient.abs().max():.4f}, forward {forward:.1e}, derivative {derivative:.1e}"
        )


if __name__ == "__main__":
    main()
