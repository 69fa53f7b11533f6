#!/usr/bin/env python3
"""Gradients of tensors inside two networks of make_gradients.py, from PyTorch (float64).

    python make_inner_gradients.py [OUTPUT]  OUTPUT defaults to ./gradients beside this script

Per case, OUTPUT/<case>/ receives
    inner_<m>.pb        the tensor named T in model.onnx, for image.pb, [1, ...]; its name field is T
    inner_<m>_grad.pb   row k = d(sum_j seed[k, j] logits[0, j]) / dT, [3, ...]; its name field is T_grad
Before they are written, logits and image gradient are compared with scores.pb and gradient.pb, the tensors
with ONNX Runtime's, and every row with a central difference along a random direction.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper

from make_gradients import EXPORTED

GRADIENTS = Path(__file__).parent / "gradients"
INNER = {  # case: (tensor in model.onnx, module, whether its input rather than its output)
    "plain": [
        ("/5/AveragePool_output_0", "5", False),
        ("/7/Sigmoid_output_0", "7", False),
        ("/8/AveragePool_output_0", "8", False),
    ],  # the last before Flatten
    "inception": [
        ("/stem/stem.2/LRN_output_0", "stem.2", False),  # four branches read it
        ("/Concat_output_0", "tail", True),
        ("/tail/tail.2/LRN_output_0", "tail.2", False),
    ],  # the last before the global pool
}


def load(path):
    return torch.from_numpy(numpy_helper.to_array(onnx.load_tensor(str(path))).copy()).double()


class Tap:
    """Keeps the tensor at a module's input or output; adds `shift` to it if there is one."""

    def __init__(self, network, module, before):
        self.shift = 0
        module = network.get_submodule(module)
        if before:
            module.register_forward_pre_hook(lambda _module, inputs: self.pass_on(inputs[0]))
        else:
            module.register_forward_hook(lambda _module, _inputs, output: self.pass_on(output))

    def pass_on(self, tensor):
        self.tensor = tensor + self.shift
        return self.tensor


def inner(case):
    """[(name, tensor, gradient rows)] for the tensors of INNER, in float64 but for the names."""
    folder = GRADIENTS / case
    model = onnx.load(folder / "model.onnx")
    network = EXPORTED[case][0]().eval()
    network.load_state_dict(
        {
            item.name: torch.from_numpy(numpy_helper.to_array(item).copy())
            for item in model.graph.initializer
        }
    )
    network = network.double()
    image, seed = load(folder / "image.pb").requires_grad_(), load(folder / "seed.pb")
    taps = [Tap(network, module, before) for _name, module, before in INNER[case]]
    logits = network(image)
    tensors = [tap.tensor for tap in taps]
    *rows, gradient = (
        torch.cat(parts)
        for parts in zip(
            *(
                torch.autograd.grad(logits, [*tensors, image], row[None], retain_graph=True)
                for row in seed
            )
        )
    )
    assert torch.equal(logits.float(), load(folder / "scores.pb").float())
    assert torch.equal(gradient.float(), load(folder / "gradient.pb").float())

    names = [name for name, _module, _before in INNER[case]]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    ran = session.run(names, {"input": image.detach().float().numpy()})
    generator, step = torch.Generator().manual_seed(1), 1e-5
    for name, tap, tensor, found, narrow in zip(names, taps, tensors, rows, ran):
        direction = torch.randn(tensor.shape, generator=generator).double()
        sides = []
        for tap.shift in (step * direction, -step * direction):
            sides.append(network(image.detach()))
        tap.shift = 0
        expected = seed @ (sides[0] - sides[1])[0] / (2 * step)
        slope = (found * direction).sum((1, 2, 3))
        forward = np.abs(narrow - tensor.detach().numpy()).max()
        derivative = ((slope - expected).abs() / expected.abs().clamp(min=1e-3)).max().item()
        assert forward < 1e-5 and derivative < 1e-6, (forward, derivative)
        print(
            f"{case} {name} {list(tensor.shape)}: forward {forward:.1e}, derivative {derivative:.1e}, "
            f"largest of each row {[round(row.abs().max().item(), 4) for row in found]}"
        )
    return list(zip(names, tensors, rows))


def save_tensor(path, tensor, name):
    array = np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)
    path.write_bytes(numpy_helper.from_array(array, name).SerializeToString())


def main():
    torch.set_num_threads(1)
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else GRADIENTS
    for case in INNER:
        folder = output / case
        folder.mkdir(parents=True, exist_ok=True)
        for number, (name, tensor, rows) in enumerate(inner(case), 1):
            save_tensor(folder / f"inner_{number}.pb", tensor, name)
            save_tensor(folder / f"inner_{number}_grad.pb", rows, f"{name}_grad")


if __name__ == "__main__":
    main()
