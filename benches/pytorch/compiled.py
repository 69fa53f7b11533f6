"""Our gradients: models compiled by `localise grad`, on one thread of ONNX Runtime."""

import os
import subprocess
from contextlib import contextmanager

import numpy as np
import onnxruntime

from places import LOCALISE, cached


class CompileError(Exception):
    """`localise grad` did not compile a model. The message is its error, and no help."""


def compile_gradient(model, out, size=None):
    """Compiles `model` for any number of classes; `size`, "WxH", is for one that leaves it open."""
    command = [LOCALISE, "grad", model, "-o", out, "--seed-input"]
    command += ["--size", size] if size else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        message = done.stderr.split("\nhelp:")[0].strip() or f"exit code {done.returncode}"
        raise CompileError(message.removeprefix("error: ").removeprefix(f"{model}: "))


def session(path, profile_prefix=None):
    """An ONNX Runtime session on one thread with the default optimisations, which are all."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if profile_prefix:
        options.enable_profiling, options.profile_file_prefix = True, str(profile_prefix)
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class GradientSession:
    """Scores and gradients of a compiled model."""

    def __init__(self, path, profile_prefix=None):
        self.session = session(path, profile_prefix)
        inputs = {i.name: i.shape for i in self.session.get_inputs()}
        self.classes = inputs.pop("seed")[1]
        (self.image,) = inputs
        self.gradient = f"{self.image}_grad"
        (self.scores,) = [o.name for o in self.session.get_outputs() if o.name != self.gradient]

    def __call__(self, picture, seed):
        return self.session.run([self.scores, self.gradient], {self.image: picture, "seed": seed})

    def one_hot(self, *classes):
        """The seed [M, classes] for the gradients of M classes."""
        return np.eye(self.classes, dtype=np.float32)[list(classes)]


@contextmanager
def gradient_session(model, profile_prefix=None, size=None):
    """Compiles a model and opens it. The compiled file is deleted after the session."""
    out = cached("gradients", f"{os.getpid()}.{model.name}")
    try:
        compile_gradient(model, out, size)
        yield GradientSession(out, profile_prefix)
    finally:
        out.unlink(missing_ok=True)
