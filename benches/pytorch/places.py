"""The paths of the cache folder, which is outside the repository, and of the program under test."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
CACHE = Path(os.environ.get("LOCALISE_PYTORCH") or USER_CACHE / "localise" / "pytorch")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target")
LOCALISE = TARGET / "release" / "localise"


def cached(folder, name):
    """The path of a file in a folder of the cache. The folder is created if it is missing."""
    (CACHE / folder).mkdir(parents=True, exist_ok=True)
    return CACHE / folder / name
