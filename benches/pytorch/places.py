"""Where things are: the cache folder (outside the repository) and the program under test."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CACHE = Path(os.environ.get("LOCALISE_PYTORCH") or USER_CACHE / "localise" / "pytorch")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
LOCALISE = TARGET / "release" / "localise"


def cached(folder, name):
    """The path of a file in a folder of the cache, which is made where it is missing."""
    (CACHE / folder).mkdir(parents=True, exist_ok=True)
    return CACHE / folder / name
