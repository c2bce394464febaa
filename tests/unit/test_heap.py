"""Memory that tensors have left is given back."""

import os
import subprocess
import sys
from pathlib import Path

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
    assert kept["no"] > kept["yes"] + 20  # otherwise this is not needed


FAULTS = """
import resource
import torch
from codestilts.training.heap import return_large_blocks, use_huge_pages

return_large_blocks()
use_huge_pages()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(32 << 20, dtype=torch.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")


@pytest.mark.skipif(
    not HUGE_PAGES.exists() or "[madvise]" not in HUGE_PAGES.read_text(encoding="utf-8"),
    reason="the system gives no huge pages, or gives them unasked",
)
def test_large_tensors_have_huge_pages() -> None:
    """Each tensor of 32 MB has 8,192 pages of 4 kB, and 16 huge ones."""
    faults = {}
    for value in ("0", "1"):
        command = [sys.executable, "-c", FAULTS]
        environment = os.environ | {"THP_MEM_ALLOC_ENABLE": value}
        found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        faults[value] = int(found.stdout)
    unset = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    found = subprocess.run([sys.executable, "-c", FAULTS], check=True, capture_output=True, text=True, env=unset)
    assert faults["0"] > 5 * 8000
    assert faults["1"] < 5 * 4000 and int(found.stdout) < 5 * 4000
