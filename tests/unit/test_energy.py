"""Energy of device hours: arithmetic by hand, and devices by the names that records have."""

from pathlib import Path

import pandas as pd
import pytest

from codestilts.workflow.device_speed import Device
from codestilts.workflow.energy import benchmarked_hours, energy, energy_of_study, energy_text, two_digits, watts

A100 = Device("A100")


@pytest.mark.parametrize(
    ("device", "power"),
    [
        (Device("NVIDIA A100-SXM4-80GB", "a processor", 8), (200, 400)),
        (Device("NVIDIA A10", "a processor", 8), (75, 150)),
        (Device("NVIDIA GeForce RTX 4090", "a processor", 8), (225, 450)),
        (Device("H100"), (350, 700)),
        (Device("cpu", "AMD EPYC", 1), (3, 15)),
        (Device("cpu", "AMD EPYC", 4), (12, 60)),
        (Device("NVIDIA H200", "a processor", 8), (350, 700)),
        (Device("Tesla T4", "a processor", 8), (35, 70)),
        (Device("NVIDIA L4", "a processor", 8), (36, 72)),
        (Device("NVIDIA RTX A6000", "a processor", 8), (150, 300)),
        (Device("Tesla V100-SXM2-32GB", "a processor", 8), (150, 300)),
        (Device("NVIDIA H100 80GB HBM3", "a processor", 8), (350, 700)),
        (Device("NVIDIA H100 PCIe", "a processor", 8), (175, 350)),
        (Device("NVIDIA H100 NVL", "a processor", 8), (200, 400)),
        (Device("NVIDIA H200 NVL", "a processor", 8), (300, 600)),
        (Device("NVIDIA A100-PCIE-40GB", "a processor", 8), (125, 250)),
        (Device("NVIDIA A100 80GB PCIe", "a processor", 8), (150, 300)),
        (Device("Tesla V100-PCIE-16GB", "a processor", 8), (125, 250)),
        (Device("NVIDIA GeForce RTX 3090 Ti", "a processor", 8), (225, 450)),
        (Device("NVIDIA GeForce RTX 4090 Laptop GPU", "a processor", 8), None),
        (Device("NVIDIA GeForce RTX 4090 with Max-Q Design", "a processor", 8), None),
        (Device("NVIDIA A100-SXM4-80GB MIG 1g.10gb", "a processor", 8), None),
        (Device("NVIDIA A40-8Q", "a processor", 8), None),
        (Device("NVIDIA A10G", "a processor", 8), None),
        (Device("NVIDIA B1000", "a processor", 8), None),
    ],
)
def test_devices_are_known_by_their_names(device: Device, power: tuple[float, float] | None) -> None:
    assert watts(device) == power


def test_hours_power_and_site_multiply() -> None:
    used = energy(100, A100)
    assert used and (used.low, used.high) == pytest.approx((100 * 0.2 * 1.1, 100 * 0.4 * 1.6))  # 22 and 64 kWh
    text = energy_text([(A100, 100.0)])
    assert "22 to 64 kWh" in text and "11 to 31 kg" in text, "22 × .48 = 10.6 and 64 × .48 = 30.7"
    assert "not measured" in text


def test_unknown_devices_are_named_and_not_guessed() -> None:
    alone = energy_text([(Device("B1000"), 3.0)])
    assert alone.startswith("Energy: unknown; not counted") and "B1000" in alone
    mixed = energy_text([(A100, 100.0), (Device("B1000"), 3.0)])
    assert "22 to 64 kWh" in mixed and "not counted, because their power is not known: B1000" in mixed


def test_the_hours_of_a_study_are_those_of_all_jobs_on_devices_with_their_gpus(tmp_path: Path) -> None:
    """A quarter of an hour each; encoding and statistics run on no device."""
    jobs = ["doses/e/a", "intermediate/e/a/0", "target/e/a/t/0", "frozen_retrieval/f/a/0", "transferability/f/a"]
    for job in [*jobs, "encode/e/t", "compare"]:
        path = tmp_path / f"{job}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("s\tmax_rss\n900.0\t-\n")
    assert benchmarked_hours(tmp_path, {}) == pytest.approx(5 * 0.25)
    assert benchmarked_hours(tmp_path, {"e": 4}) == pytest.approx(3 * 1 + 2 * 0.25)


def test_the_hours_of_a_study_are_shared_out_to_the_devices_of_its_runs() -> None:
    machine = {"processor": "a chip", "threads": 8}
    runs = pd.DataFrame({"device": ["A100", "A100", "A10"], **machine, "seconds": [30.0, 45.0, 25.0]})
    # 75 hours of 200 to 400 W and 25 of 75 to 150: 16.9 kWh × 1.1 and 33.8 kWh × 1.6.
    text = energy_of_study(runs, 100.0)
    assert "took 100.00 device hours. Energy: 19 to 54 kWh" in text
    assert "Energy: unknown" in energy_of_study(runs[:0], 0.0)
    # 50 hours each: 13.75 kWh × 1.1 and 27.5 kWh × 1.6.
    assert "Energy: 15 to 44 kWh" in energy_of_study(runs.assign(seconds=0.0), 100.0), "nothing tells them apart"


def test_no_hours_of_a_known_device_take_no_energy() -> None:
    assert energy_text([(A100, 0.0)]) == "Energy: 0 kWh"
    assert energy_text([(A100, 0.0), (Device("B1000"), 3.0)]).startswith("Energy: unknown; not counted")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.012345, "0.012"), (1.26, "1.3"), (64.4, "64"), (12345.0, "12,000"), (0.0, "0")),
        *((0.0999, "0.10"), (0.996, "1.0"), (9.96, "10"), (99.6, "100"), (0.1, "0.10"), (0.001, "0.0010")),
    ],
)
def test_numbers_have_two_digits(value: float, text: str) -> None:
    assert two_digits(value) == text
