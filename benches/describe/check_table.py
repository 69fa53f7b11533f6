"""Compares the lines of `data/networks/files.toml` for torchvision and timm with the weights' own
preprocessing.

check_table.py        run in the repository; needs torchvision and timm, no weights
"""

import fnmatch
import tomllib

import timm
import torchvision

TABLE = tomllib.load(open("data/networks/files.toml", "rb"))["network"]
PRESETS = {"torchvision": (0.485, 0.229), "timm": (0.485, 0.229), "tf": (0.5, 0.5)}


def line_of(name, layout="nchw"):
    """The first line whose patterns fit, as the program finds it."""
    name = name.lower().replace("_", "-")

    def fits(patterns):
        return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)

    for line in TABLE:
        if (
            line.get("layout", layout) == layout
            and fits(line["files"])
            and not fits(line.get("not", []))
        ):
            return line
    return None


wrong = found = all_ = 0
for name in torchvision.models.list_models(torchvision.models):
    weights = torchvision.models.get_model_weights(name)
    weights = (
        weights["IMAGENET1K_V1"] if "IMAGENET1K_V1" in weights.__members__ else next(iter(weights))
    )
    transforms, line = weights.transforms(), line_of(name)
    all_ += 1
    if line is None:
        continue
    found += 1
    theirs = (
        round(transforms.mean[0], 3),
        round(transforms.std[0], 3),
        transforms.crop_size[0],
        transforms.resize_size[0],
    )
    ours = (*PRESETS[line["preset"]], line.get("size", 224), line.get("canvas", 256))
    if line["library"] != "torchvision" or ours != theirs:
        wrong += 1
        print(f"torchvision {name}: {theirs}, but {line['library']} has {ours}")
print(f"torchvision: {found} of {all_} networks have a line")
found = all_ = 0
for name in timm.list_pretrained():
    cfg = timm.get_pretrained_cfg(name)
    if cfg.num_classes != 1000:
        continue
    line = line_of(name)
    all_ += 1
    if line is None:
        continue
    found += 1
    theirs = (round(cfg.mean[0], 3), round(cfg.std[0], 3))
    if PRESETS.get(line["preset"]) != theirs:
        wrong += 1
        print(f"timm {name}: {theirs}, but {line['library']} has {line['preset']}")
print(f"timm: {found} of {all_} sets of weights have a line")
raise SystemExit(f"{wrong} wrong" if wrong else 0)
