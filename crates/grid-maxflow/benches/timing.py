"""What the comparisons share: pages of memory that stay with the process, and geometric means."""

import ctypes
import sys

import numpy as np

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # parameters of glibc's mallopt


def keep_pages():
    """Keeps freed memory in the process, so that the next allocation can use it again."""
    mallopt = ctypes.CDLL(None).mallopt
    if not (mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, -1)):
        sys.exit("mallopt failed")


def geometric_mean(values):
    return float(np.exp(np.mean(np.log(values))))
