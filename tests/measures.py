"""What benchmarks measure with, and the table and the figure of what they measured.

Times are processor seconds of this process (or of a command and its children), so that other work on the machine
matters less; what is compared is measured in turns, so that a change of the machine's speed meets both.
"""

import os
import platform
import resource
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
import torch
from projects import ROOT, environment

from codestilts.training.precision import CPU_UNITS

OUT = ROOT / "results/benchmarks"
# Encoders as those of the pocket and the desk study.
TINY = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
SIX_LAYERS = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}


@dataclass
class Measures:
    """The measures of this run: one row each, with the values of its repetitions."""

    rows: list[dict[str, object]]

    def add(self, measure: str, values: list[float] | np.ndarray, unit: str, goal: str = "") -> float:
        """Record a measure and return its median; ``goal`` is what is aimed at, in words."""
        numbers = np.asarray(values, dtype=float)
        row = {"measure": measure, "min": numbers.min(), "median": np.median(numbers), "max": numbers.max()}
        self.rows.append({**row, "unit": unit, "goal": goal, "repetitions": len(numbers)})
        return float(np.median(numbers))


def machine() -> str:
    """The processor, cores, memory and versions of this run."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor()
    units = [unit for unit in CPU_UNITS if torch.cpu.get_capabilities().get(unit)]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{name} ({', '.join(units) or 'no bf16 units'}), {os.cpu_count()} cores, {memory:.0f} GiB; load {load}; "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def draw(table: pd.DataFrame) -> None:
    """Draw each measure's range and median, one panel per unit."""
    units = table["unit"].unique()
    heights = [max(1, int((table["unit"] == unit).sum())) for unit in units]
    figure, axes = plt.subplots(
        len(units), figsize=(9, 1 + 0.45 * sum(heights) + 0.5 * len(units)), height_ratios=heights, squeeze=False
    )
    for unit, axis in zip(units, axes[:, 0], strict=True):
        rows = table[table["unit"] == unit].iloc[::-1].reset_index(drop=True)
        axis.hlines(rows.index, rows["min"], rows["max"], color="0.6", linewidth=3)
        axis.plot(rows["median"], rows.index, "o", color="black")
        axis.set(yticks=rows.index, yticklabels=rows["measure"], xlabel=unit)
        axis.set(xlim=(0, None), ylim=(-0.6, len(rows) - 0.4))
        axis.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(OUT / "measures.svg")
    plt.close(figure)


def draw_planning(table: pd.DataFrame) -> None:
    """Draw processor time and memory of dry runs against the number of jobs, medians with ranges, and write the table.

    Args:
        table: one row per dry run: workflow, jobs, CPU s, MB.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    for axis, value in zip(axes, ("CPU s", "MB"), strict=True):
        sns.lineplot(
            table, x="jobs", y=value, hue="workflow", style="workflow", markers=True, dashes=False, ax=axis,
            estimator="median", errorbar=("pi", 100), err_style="bars",
        )  # fmt: skip
        axis.set(xlim=(0, None), ylim=(0, None))
        sns.despine(ax=axis)
    figure.tight_layout()
    OUT.mkdir(parents=True, exist_ok=True)
    figure.savefig(OUT / "planning.svg")
    plt.close(figure)
    table.to_csv(OUT / "planning.csv", index=False, float_format="%.4g")


def cpu_seconds(command: list[str], folder: Path) -> float:
    """Processor time of a command and its children; the command has to succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment(folder, warm=False), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turns(actions: Mapping[str, Callable[[int], object]], rounds: int, items: int) -> dict[str, np.ndarray]:
    """Processor seconds of each action, [rounds, items]: every action does an item before any does the next."""
    seconds = {name: np.empty((rounds, items)) for name in actions}
    for turn in range(rounds):
        for item in range(items):
            for name, action in actions.items():
                began = time.process_time()
                action(item)
                seconds[name][turn, item] = time.process_time() - began
    return seconds


MEASURES = Measures([])


@pytest.fixture(scope="session")
def measures() -> Measures:
    """Where benchmarks record what they measure; printed, and written as a table and a figure, at the end."""
    return MEASURES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print and write the table."""
    if not MEASURES.rows:
        return
    table = pd.DataFrame(MEASURES.rows)
    OUT.mkdir(parents=True, exist_ok=True)
    table.to_csv(OUT / "measures.csv", index=False, float_format="%.4g")
    (OUT / "machine.txt").write_text(machine() + "\n", encoding="utf-8")
    draw(table)
    terminalreporter.section("measures")
    terminalreporter.write_line(machine())
    terminalreporter.write_line(table.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    terminalreporter.write_line(f"written to {OUT.relative_to(OUT.parents[1])}/ with a figure")
