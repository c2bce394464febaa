"""How the C library keeps memory that tensors have left."""

import ctypes
import sys

M_MMAP_THRESHOLD = -3  # of mallopt(3)
LARGE = 8 << 20  # bytes: scores and gradients of the size of a vocabulary are above it, states of a batch below


def return_large_blocks() -> None:
    """Give blocks of freed tensors back to the system at once if they are large; elsewhere than with glibc do nothing.

    By default glibc raises the size of such blocks as it meets them, up to 32 MB, and keeps smaller ones in its heap.
    Lengths differ between batches, so few fit what is asked for next: training a decoder over 30,000 tokens took
    several times the memory of its tensors.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(M_MMAP_THRESHOLD, LARGE)
