"""Time and memory of one contrast, and of ``compare`` on made-up tables of the paper study's shape (``make bench``).

One encoder with a tenth of its test rows; with ``PYTEST=--full-shape`` all encoders with all, which takes an hour and
6 GB of disk. Most of that is writing the tables.
"""

import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
from measures import Measures
from projects import ROOT
from statistics_tables import paper, write_tables

from codestilts.config.analysis_jobs import comparison_settings
from codestilts.config.settings_json import to_json
from codestilts.evaluation.comparison import TABLES

MEMORY_MB, SECONDS = 4096, 600  # of the whole shape, on two cores
CONTRAST = """
import resource, time
import numpy as np
import pandas as pd
import scipy.sparse, scipy.special
from codestilts.evaluation.statistics.crossed_t import estimate
from codestilts.evaluation.statistics.resampling import resample

ARMS, SEEDS, LANGUAGES, UNITS = 12, 10, 20, 1000
arm, seed, language, unit = np.indices((ARMS, SEEDS, LANGUAGES, UNITS), dtype=np.int32).reshape(4, -1)
names = {"arm": (arm, ARMS), "language": (language, LANGUAGES), "unit": (unit, UNITS), "target": (0 * arm, 1)}
names |= {"label": (0 * arm, 1), "family": (0 * arm, 1)}
columns = {
    key: pd.Categorical.from_codes(codes, [f"{key}{n}" for n in range(size)]) for key, (codes, size) in names.items()
}
right = np.random.default_rng(0).binomial(1, 0.5, len(arm)).astype(float)
sums = pd.DataFrame({**columns, "seed": seed, "numerator": right, "denominator": 1.0, "n": 1})
start = time.process_time()
scores = resample(sums, 0, 0)
weights = np.zeros(len(scores.by_seed))
for n in range(ARMS):
    weights[scores.rows[scores.arms.index(f"arm{n}"), 0]] = (1 if n < ARMS / 2 else -1) / (ARMS / 2 * LANGUAGES)
found = estimate(scores, weights)
assert found.seeds == SEEDS and found.units == UNITS and not found.note
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""  # 2.4 million rows of sums as tables of sums are read; in a process of its own, whose peak of memory is measured
PROCESSES = 2


def peak_mb(processes: list[int]) -> float:
    """The highest resident memory so far, added over these processes."""
    peaks = []
    for process in processes:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            peaks += [int(line.split()[1]) / 1024] if line.startswith("VmHWM") else []
    return sum(peaks)


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    return [int(number) for number in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def run_and_measure(command: list[str]) -> tuple[float, float, float]:
    """Wall and CPU seconds of a command, and the sum of the peaks of its processes in MB."""
    start, before, memory = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN), 0.0
    with subprocess.Popen(command, cwd=ROOT) as process:
        while process.poll() is None:
            with suppress(OSError):  # one has just ended
                memory = max(memory, peak_mb([process.pid, *children(process.pid)]))
            time.sleep(0.2)
    assert process.returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu, memory


def test_a_contrast_of_ten_seeds_and_twenty_languages(measures: Measures) -> None:
    told = subprocess.run([sys.executable, "-c", CONTRAST], cwd=ROOT, check=True, text=True, capture_output=True).stdout
    seconds, memory = map(float, told.split())
    measures.add("contrast of 12 arms, 10 seeds, 20 languages, 1,000 rows each", [seconds], "CPU s", "at most 2")
    measures.add("contrast of 12 arms, 10 seeds, 20 languages, 1,000 rows each", [memory], "MB", "at most 1024")
    assert seconds <= 2 and memory <= 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_compare_fits_a_laptop(tmp_path: Path, request: pytest.FixtureRequest, measures: Measures) -> None:
    study, full = paper(), request.config.getoption("--full-shape")
    encoders, share = (study.encoders, 1.0) if full else (["codebert"], 0.1)
    count = write_tables(tmp_path, study, share, len(study.config.seeds), encoders)
    languages = pd.DataFrame({"language": study.code_languages, "near": True})
    languages.to_csv(tmp_path / "languages.csv", index=False)
    command = [sys.executable, "scripts/compare.py", "--settings", to_json(comparison_settings(study))]
    for kind in ("values", "sums"):
        command += [f"--{kind}", *map(str, sorted(tmp_path.glob(f"*.{kind}.parquet")))]
    command += ["--languages", str(tmp_path / "languages.csv"), "--processes", str(PROCESSES)]
    command += [word for name in TABLES for word in (f"--{name.replace('_', '-')}", str(tmp_path / f"{name}.csv"))]
    wall, cpu, memory = run_and_measure(command)
    label = f"compare, {count:,} rows of sums of {len(encoders)} encoders"
    measures.add(label, [wall], "s", f"at most {SECONDS}")
    measures.add(label, [cpu], "CPU s")
    measures.add(label, [memory], "MB", f"at most {MEMORY_MB}")
    assert memory <= MEMORY_MB and cpu <= PROCESSES * SECONDS
    assert set(pd.read_csv(tmp_path / "effects.csv")["encoder"]) == set(encoders)
