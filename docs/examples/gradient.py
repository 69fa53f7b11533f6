"""What a classifier looks at in a photo, by a model that `localise grad` made: gradient.py GRAD.onnx [PHOTO [MAP.png]]

Needs onnxruntime, numpy and Pillow; no localise and no deep learning framework.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

SAMPLE = Path(__file__).resolve().parents[2] / "data/sample/images/coffee.jpg"

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
network = session.get_inputs()[0]
height, width = network.shape[2:]

# The photo as SqueezeNet 1.1 expects it: RGB, 0 to 255 less the mean colour. Other models expect other numbers.
photo = Image.open(sys.argv[2] if len(sys.argv) > 2 else SAMPLE).convert("RGB")
pixels = np.asarray(photo.resize((width, height), Image.Resampling.BILINEAR), np.float32)
image = (pixels - np.float32([123, 117, 104])).transpose(2, 0, 1)[np.newaxis]

scores, classes, gradient = session.run(None, {network.name: image})
saliency = np.abs(gradient[0]).max(axis=0)  # section 3.1 of the paper: max over colours of |dS/dI|

best = classes[0]
row, column = np.unravel_index(saliency.argmax(), saliency.shape)
print(f"class {best}, score {scores.flat[best]:.2f}")
print(
    f"most salient at x = {(column + 0.5) / width:.2f}, y = {(row + 0.5) / height:.2f} of the photo"
)

# By how much does the score change along the gradient? The file's answer, and that of two more runs.
step = gradient * (np.abs(scores.flat[best]) * 1e-2 / np.sum(gradient**2))
up, down = (session.run(None, {network.name: image + s * step})[0].flat[best] for s in (0.5, -0.5))
print(
    f"a small step along the gradient: {np.sum(gradient * step):.4f} by the gradient, {up - down:.4f} by two runs"
)

if len(sys.argv) > 3:
    Image.fromarray((255 * saliency / saliency.max()).astype(np.uint8)).resize(photo.size).save(
        sys.argv[3]
    )
