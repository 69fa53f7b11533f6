"""Convert pinned published weights to ONNX with Python's standard library alone.

    convert_models.py NAME ARCHIVE MEMBER OUT.onnx

ARCHIVE is the package as downloaded, MEMBER the weight file in it. Nothing of the package is imported or run. The
weight files are pickles: they are read by an unpickler that knows four names and refuses every other, after the
file's SHA-256 was checked. An ONNX file is a protobuf message; the few fields needed are written by `message`.
"""

import array
import hashlib
import io
import os
import pickle
import struct
import sys
import tarfile
import zipfile
from collections import OrderedDict

WEIGHTS_SHA256 = {
    "squeezenet1.1": "f286bbf493e6389979ed3036f960f4404e0079acdb92156500df0d4a43d085f1",
    "efficientnet-lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "efficientnet-lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}


class Tensor:
    """Dense float32 values in row-major order."""

    def __init__(self, shape, values):
        self.shape, self.values = tuple(shape), values

    @classmethod
    def strided(cls, values, offset, shape, stride):
        """The tensor whose element (i, j, ...) is values[offset + i*stride[0] + j*stride[1] + ...]."""
        if not shape:
            return cls(shape, values[offset : offset + 1])
        *outer, last = shape
        starts = [offset]
        for n, step in zip(outer, stride):
            starts = [s + i * step for s in starts for i in range(n)]
        dense = array.array("f")
        for s in starts:
            dense.extend(values[s : s + last * stride[-1] : stride[-1]])
        return cls(shape, dense)

    def permuted(self, *axes):
        stride = [1] * len(self.shape)
        for i in reversed(range(len(self.shape) - 1)):
            stride[i] = stride[i + 1] * self.shape[i + 1]
        return Tensor.strided(
            self.values, 0, [self.shape[a] for a in axes], [stride[a] for a in axes]
        )


# -- Reading weights ---------------------------------------------------------------------------------------------


class Unpickler(pickle.Unpickler):
    """Knows the names it was given and refuses every other: loading runs no code of the file's choice."""

    def __init__(self, file, names, storage=None):
        super().__init__(file)
        self.names, self.persistent_load = names, storage or self.refuse_storage

    def find_class(self, module, name):
        try:
            return self.names[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"the weight file asks for {module}.{name}, which is refused"
            ) from None

    def refuse_storage(self, _):
        raise pickle.UnpicklingError("the weight file asks for a storage, which is refused")


class NumpyArray:
    """Replaces numpy's array while a pickle is read: keeps shape and bytes."""

    def __init__(self, *_):
        pass

    def __setstate__(self, state):
        _, self.shape, dtype, fortran, self.data = state
        if (dtype.code, fortran) != ("f4", False):
            raise pickle.UnpicklingError(
                f"array of {dtype.code}, Fortran order {fortran}: float32 in C order wanted"
            )

    def tensor(self):
        return Tensor(self.shape, little_endian("f", self.data))


class NumpyDtype:
    def __init__(self, code, *_):
        self.code = code

    def __setstate__(self, state):
        if state[1] != "<":
            raise pickle.UnpicklingError("little-endian values wanted")


def little_endian(code, data):
    values = array.array(code, data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def read_numpy_pickle(data):
    """{layer: (kernel, bias)} of the `ndf` package's SqueezeNet."""
    names = {
        ("numpy.core.multiarray", "_reconstruct"): lambda *_: NumpyArray(),
        ("numpy", "ndarray"): NumpyArray,
        ("numpy", "dtype"): NumpyDtype,
    }
    layers = Unpickler(io.BytesIO(data), names).load()
    return {name: (kernel.tensor(), bias.tensor()) for name, (kernel, bias) in layers.items()}


def read_legacy_torch(data):
    """{name: Tensor} of a PyTorch file from before the zip format: five pickles, then the storages' bytes."""
    file, storages = io.BytesIO(data), {}

    class Parameters(OrderedDict):
        def __setstate__(self, _):
            """`_metadata`, of no use here."""

    def storage(key):
        kind, code, name, _, count, _ = key
        if kind != "storage":
            raise pickle.UnpicklingError(f"persistent id {kind!r} is refused")
        storages[name] = (code, count)
        return name

    def rebuild(storage, offset, shape, stride, *_):
        return storage, offset, shape, stride

    names = {
        ("torch._utils", "_rebuild_tensor_v2"): rebuild,
        ("torch", "FloatStorage"): "f",
        ("torch", "LongStorage"): "q",
        ("collections", "OrderedDict"): Parameters,
    }
    if Unpickler(file, {}).load() != 0x1950A86A20F9469CFC6C or Unpickler(file, {}).load() != 1001:
        raise pickle.UnpicklingError("not a legacy PyTorch file")
    if not Unpickler(file, {}).load()["little_endian"]:
        raise pickle.UnpicklingError("little-endian values wanted")
    wanted = Unpickler(file, names, storage).load()
    values = {}
    for name in Unpickler(file, {}).load():
        code, count = storages[name]
        if struct.unpack("<q", file.read(8)) != (count,):
            raise pickle.UnpicklingError(f"storage {name} has another size than announced")
        values[name] = little_endian(code, file.read(count * array.array(code).itemsize))
    if file.read(1):
        raise pickle.UnpicklingError("bytes left over at the end")
    return {
        name: Tensor.strided(values[storage], offset, shape, stride)
        for name, (storage, offset, shape, stride) in wanted.items()
        if not name.endswith("num_batches_tracked")
    }


# -- Writing ONNX (onnx.proto, IR version 8) -----------------------------------------------------------------------


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def message(*fields):
    """The protobuf bytes of (field number, value) pairs; a value is an int, a float, a str or bytes."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        elif isinstance(value, float):
            out += varint(number << 3 | 5) + struct.pack("<f", value)
        else:
            value = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return bytes(out)


class Graph:
    """Nodes and weights in the order in which they are added."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def node(self, op, inputs, output, **attributes):
        fields = [(1, i) for i in inputs] + [(2, output), (3, output), (4, op)]
        for name, value in attributes.items():
            kind = 2 if isinstance(value, int) else 7  # AttributeType INT or INTS
            values = [(3, value)] if kind == 2 else [(8, v) for v in value]
            fields.append((5, message((1, name), *values, (20, kind))))
        self.nodes.append(message(*fields))
        return output

    def initializer(self, name, tensor):
        values = little_endian("f", tensor.values.tobytes())
        dims = [(1, n) for n in tensor.shape]
        self.initializers.append(
            message(*dims, (2, 1), (8, name), (9, values.tobytes()))
        )  # 1: FLOAT
        return name

    def conv(self, name, x, kernel, bias, strides=(1, 1), pads=(0, 0, 0, 0), group=1):
        inputs = [
            x,
            self.initializer(f"{name}.weight", kernel),
            self.initializer(f"{name}.bias", bias),
        ]
        return self.node(
            "Conv",
            inputs,
            name,
            kernel_shape=kernel.shape[2:],
            strides=strides,
            pads=pads,
            group=group,
        )

    def model(self, size, output):
        def value(name, dims):
            shape = message(*[(1, message((1 if isinstance(d, int) else 2, d))) for d in dims])
            return message((1, name), (2, message((1, message((1, 1), (2, shape))))))

        graph = message(
            *[(1, n) for n in self.nodes],
            (2, "classifier"),
            *[(5, i) for i in self.initializers],
            (11, value("input", ["N", 3, size, size])),
            (12, value(output, ["N", 1000])),
        )
        return message(
            (1, 8),
            (2, "localise scripts/convert_models.py"),
            (7, graph),
            (8, message((1, ""), (2, 17))),
        )


# -- The networks --------------------------------------------------------------------------------------------------


def squeezenet(layers):
    """SqueezeNet 1.1: conv1, eight fire modules, conv10. RGB in; Caffe's ceil-mode pools as explicit end pads."""
    g = Graph()

    def conv_relu(name, x, **options):
        kernel, bias = layers.pop(name)
        kernel = kernel.permuted(3, 2, 0, 1)  # [h, w, in, out] to [out, in, h, w]
        if name == "conv1":  # trained on BGR: reverse the input channels
            out, channels, h, w = kernel.shape
            stride = (channels * h * w, -h * w, w, 1)
            kernel = Tensor.strided(kernel.values, (channels - 1) * h * w, kernel.shape, stride)
        return g.node("Relu", [g.conv(name, x, kernel, bias, **options)], f"{name}/relu")

    def pool(name, x, end):
        return g.node(
            "MaxPool", [x], name, kernel_shape=(3, 3), strides=(2, 2), pads=(0, 0, end, end)
        )

    x = conv_relu("conv1", "input", strides=(2, 2))
    x = pool("pool1", x, 0)
    for k in range(2, 10):
        if k in (4, 6):
            x = pool(f"pool{k - 1}", x, 1)
        x = conv_relu(f"fire{k}/squeeze1x1", x)
        branches = [
            conv_relu(f"fire{k}/expand1x1", x),
            conv_relu(f"fire{k}/expand3x3", x, pads=(1, 1, 1, 1)),
        ]
        x = g.node("Concat", branches, f"fire{k}/concat", axis=1)
    x = conv_relu("conv10", x)
    x = g.node("GlobalAveragePool", [x], "pool10")
    g.node("Flatten", [x], "logits", axis=1)
    return g.model(227, "logits")


def efficientnet_lite(weights, size, repeats, channels):
    """EfficientNet-Lite with its BatchNormalization folded into the convolutions, in double precision."""
    g = Graph()

    def conv(name, x, weight, norm, side, strides=1, group=1):
        kernel = weights.pop(weight)
        scale, shift, mean, variance = (
            weights.pop(f"{norm}.{p}").values
            for p in ("weight", "bias", "running_mean", "running_var")
        )
        per_output = len(kernel.values) // kernel.shape[0]
        values, bias = array.array("f"), array.array("f")
        for o in range(kernel.shape[0]):
            factor = scale[o] / (variance[o] + 1e-3) ** 0.5
            values.extend(v * factor for v in kernel.values[o * per_output : (o + 1) * per_output])
            bias.append(shift[o] - mean[o] * factor)
        # TensorFlow's "same": the odd pixel of padding goes to the end.
        total = max((-(-side // strides) - 1) * strides + kernel.shape[2] - side, 0)
        begin, end = total // 2, total - total // 2
        return g.conv(
            name,
            x,
            Tensor(kernel.shape, values),
            Tensor((len(bias),), bias),
            strides=(strides, strides),
            pads=(begin, begin, end, end),
            group=group,
        )

    def relu6(name, x):
        return g.node("Clip", [x, "zero", "six"], f"{name}/relu6")

    g.initializer("zero", Tensor((), array.array("f", [0.0])))
    g.initializer("six", Tensor((), array.array("f", [6.0])))
    x = relu6("stem", conv("stem", "input", "_conv_stem.weight", "_bn0", size, strides=2))
    side, width, block = -(-size // 2), 32, 0
    stages = zip(repeats, (1, 2, 2, 2, 1, 2, 1), (1, 6, 6, 6, 6, 6, 6), channels)
    for repeat, stride, expansion, out in stages:
        for i in range(repeat):
            strides, name, old, shortcut = (
                stride if i == 0 else 1,
                f"block{block}",
                f"_blocks.{block}",
                x,
            )
            if expansion > 1:
                x = relu6(
                    f"{name}/expand",
                    conv(f"{name}/expand", x, f"{old}._expand_conv.weight", f"{old}._bn0", side),
                )
            x = conv(
                f"{name}/depthwise",
                x,
                f"{old}._depthwise_conv.weight",
                f"{old}._bn1",
                side,
                strides=strides,
                group=width * expansion,
            )
            x = relu6(f"{name}/depthwise", x)
            side = -(-side // strides)
            x = conv(f"{name}/project", x, f"{old}._project_conv.weight", f"{old}._bn2", side)
            if strides == 1 and width == out:
                x = g.node("Add", [x, shortcut], f"{name}/add")
            width, block = out, block + 1
    x = relu6("head", conv("head", x, "_conv_head.weight", "_bn1", side))
    x = g.node("GlobalAveragePool", [x], "pool")
    x = g.node("Flatten", [x], "flat", axis=1)
    fc = [
        g.initializer("fc.weight", weights.pop("_fc.weight")),
        g.initializer("fc.bias", weights.pop("_fc.bias")),
    ]
    g.node("Gemm", [x, *fc], "logits", transB=1)
    return g.model(size, "logits")


LITE = {
    "efficientnet-lite0": (224, (1, 2, 2, 3, 3, 4, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet-lite1": (240, (1, 3, 3, 4, 4, 5, 1), (16, 24, 40, 80, 112, 192, 320)),
    "efficientnet-lite2": (260, (1, 3, 3, 4, 4, 5, 1), (16, 24, 48, 88, 120, 208, 352)),
}


def read_member(archive, member):
    if zipfile.is_zipfile(archive):
        return zipfile.ZipFile(archive).read(member)
    with tarfile.open(archive) as tar:
        return tar.extractfile(member).read()


def convert(name, data):
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256[name]:
        raise ValueError(
            f"the weights of {name} have SHA-256 {digest}, pinned is {WEIGHTS_SHA256[name]}"
        )
    if name == "squeezenet1.1":
        weights = read_numpy_pickle(data)
        model = squeezenet(weights)
    else:
        weights = read_legacy_torch(data)
        model = efficientnet_lite(weights, *LITE[name])
    if weights:
        raise ValueError(f"weights left over: {', '.join(weights)}")
    return model


def main():
    name, archive, member, out = sys.argv[1:]
    model = convert(name, read_member(archive, member))
    with open(f"{out}.part", "wb") as file:
        file.write(model)
    os.replace(f"{out}.part", out)


if __name__ == "__main__":
    main()
