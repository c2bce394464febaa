"""Energy and greenhouse gases of device hours, reckoned from the power of devices; nothing is measured.

The method is that of Lacoste et al. (2019, arXiv 1910.09700) and Strubell et al. (2019, arXiv 1906.02243): hours, times
power, times what the site needs beside (power usage effectiveness, PUE), times the carbon intensity of electricity. As
neither load nor site is known, both ends of a range are reckoned.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from codestilts.job_files import read_json
from codestilts.result_files import reading_record, training_records
from codestilts.workflow.benchmarks import read_benchmark
from codestilts.workflow.device_speed import GPUS, Device
from codestilts.workflow.job_paths import encoder_of

# A GPU takes half of its board power to all of it in training; its host is not counted.
GPU_SHARE = (0.5, 1.0)
# Watts of a board that has a name of its own beside that of GPUS, by its data sheet.
VARIANTS = {
    "A100 PCIE 40GB": 250,
    "A100 PCIE 80GB": 300,
    "H100 PCIE": 350,
    "H100 NVL": 400,
    "H200 NVL": 600,
    "V100 PCIE 16GB": 250,
    "V100 PCIE 32GB": 250,
    "RTX3090 TI": 450,
}
# Words of names that leave the power as it is. Others (Laptop, Max-Q, MIG 1g.10gb, 8Q) make a GPU an unknown one.
NEUTRAL = {"NVIDIA", "TESLA", "GEFORCE", "SXM", "SXM2", "SXM4", "SXM5", "HBM3"}
NEUTRAL |= {"16GB", "24GB", "32GB", "40GB", "48GB", "80GB"}
# Watts of a busy core: data sheets of server processors have 3 to 5 (AMD EPYC 7763: 280 W, 64 cores), those of desktops
# up to 15 (Intel Core i9-9900K: 95 to 127 W, 8 cores). Memory is within the range.
CORE_WATTS = (3.0, 15.0)
# Large data centres report 1.1; the mean of the Uptime Institute's survey of 2023 is 1.58.
PUE = (1.1, 1.6)
# Grams of CO2 equivalents per kWh: 2023's mean of the world (Ember, Global Electricity Review 2024).
GRAMS_PER_KWH = 480


@dataclass(frozen=True)
class Energy:
    """The least and the most kWh of some device hours."""

    low: float
    high: float

    def __add__(self, other: "Energy") -> "Energy":
        return Energy(self.low + other.low, self.high + other.high)


def watts(device: Device) -> tuple[float, float] | None:
    """Return the least and the most watts of a device; None if they are not known.

    A CPU counts with the cores that a run uses.
    """
    if device.is_cpu:
        return device.threads * CORE_WATTS[0], device.threads * CORE_WATTS[1]
    words = set(device.name.upper().replace("RTX ", "RTX").replace("-", " ").split())
    for name, power in (VARIANTS | {name: gpu.watts for name, gpu in GPUS.items()}).items():
        own = set(name.split())
        if own <= words <= own | NEUTRAL:
            return power * GPU_SHARE[0], power * GPU_SHARE[1]
    return None


def energy(hours: float, device: Device) -> Energy | None:
    """Return the energy of some hours of a device; None if its power is not known."""
    power = watts(device)
    return Energy(*(hours * watt * pue / 1000 for watt, pue in zip(power, PUE, strict=True))) if power else None


def seconds_by_device(results: Path) -> dict[Device, float]:
    """Return the seconds of a study's finished training on each device, as its records have them."""
    seconds = defaultdict[Device, float](float)
    for path in training_records(results):
        record = read_json(path)
        with reading_record(path):
            seconds[Device(record["device"], record["processor"], record["threads"])] += record["seconds"]
    return dict(seconds)


def shared_out(hours: float, seconds: Mapping[Device, float]) -> list[tuple[Device, float]]:
    """Return each device with the share of the hours that it has of the seconds; equal shares if they are all zero."""
    total = sum(seconds.values())
    return [(device, hours * (own / total if total else 1 / len(seconds))) for device, own in seconds.items()]


def benchmarked_hours(benchmarks: Path, gpus: Mapping[str, int]) -> float:
    """Return the device hours of all jobs that train or predict: trials, training, frozen retrieval, transferability.

    Args:
        benchmarks: The folder of benchmarks of a study.
        gpus: The number of GPUs that a job requests, by encoder; 1 if it is not named.
    """
    seconds = 0.0
    for path in benchmarks.rglob("*.tsv"):
        if encoder := encoder_of(path.relative_to(benchmarks).with_suffix("").as_posix()):
            seconds += float(read_benchmark(path)["s"]) * gpus.get(encoder, 1)
    return seconds / 3600


def energy_of_study(runs: pd.DataFrame, hours: float) -> str:
    """Return in words the device hours of a finished study and their energy.

    Args:
        runs: The table of runs (``runs.csv``). If they ran on several devices, each has the share of the hours that it
            has of the runs' time.
        hours: Those of :func:`benchmarked_hours`.
    """
    seconds = runs.groupby(["device", "processor", "threads"])["seconds"].sum()
    rows = seconds.reset_index().itertuples(index=False, name=None)
    text = energy_text(shared_out(hours, {Device(*machine): float(own) for *machine, own in rows}))
    return f"All jobs that train or predict took {hours:,.2f} device hours. {text}"


def energy_text(parts: Sequence[tuple[Device, float]]) -> str:
    """Return in words the energy of the hours of some devices, how it is reckoned, and how uncertain it is."""
    total, unknown = Energy(0.0, 0.0), list[str]()
    for device, hours in parts:
        if own := energy(hours, device):
            total += own
        else:
            unknown.append(str(device))
    missing = f"; not counted, because their power is not known: {', '.join(unknown)}" if unknown else ""
    if not total.high:
        return f"Energy: {'0 kWh' if parts and not unknown else 'unknown'}{missing}"
    low, high = two_digits(total.low), two_digits(total.high)
    mass = [two_digits(kwh * GRAMS_PER_KWH / 1000) for kwh in (total.low, total.high)]
    power = (
        f"{CORE_WATTS[0]:g} to {CORE_WATTS[1]:g} W a core, "
        f"{GPU_SHARE[0]:.0%} to {GPU_SHARE[1]:.0%} of a GPU's board power"
    )
    return (
        f"Energy: {low} to {high} kWh, with the world's mean electricity {mass[0]} to {mass[1]} kg of CO2. "
        f"Reckoned, not measured: hours × the power of devices by data sheets ({power}) × {PUE[0]} to {PUE[1]} for the "
        f"site; {GRAMS_PER_KWH} g/kWh, but 20 to 800 by country{missing}"
    )


def two_digits(value: float) -> str:
    """Return a number rounded to two significant digits, without exponent."""
    rounded, exponent = float(f"{value:.1e}"), int(f"{value:.1e}".partition("e")[2])
    return f"{rounded:,.{max(0, 1 - exponent) if value else 0}f}"
