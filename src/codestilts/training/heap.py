"""How the memory of tensors is asked for, and given back."""

import ctypes
import os
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


def use_huge_pages() -> None:
    """Ask for huge pages for tensors of 2 MB and more, unless the environment says otherwise; elsewhere than with Linux
    torch ignores this.

    Large blocks are mapped anew each time. In pages of 4 kB, this took a fifth of the time of training a decoder. Torch
    reads the variable when it makes its first tensor.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
