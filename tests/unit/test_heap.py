"""Memory that tensors have left is given back."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, sys
import torch
from codestilts.training.heap import return_large_blocks

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

if sys.argv[1] == "yes":
    return_large_blocks()
torch.ones(20 << 20, dtype=torch.uint8)  # freed: from now on, glibc keeps blocks of this size
before, blocks, kept = resident(), [], []
for _ in range(20):
    blocks.append(torch.ones(10 << 20, dtype=torch.uint8))
    kept.append(torch.ones(100))  # stays above the block in the heap
blocks.clear()
print((resident() - before) / 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is the C library of Linux")
def test_large_blocks_are_given_back() -> None:
    kept = {}
    for returned in ("yes", "no"):
        command = [sys.executable, "-c", PROGRAM, returned]
        kept[returned] = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert kept["yes"] < 20
    assert kept["no"] > 100  # otherwise this is not needed
