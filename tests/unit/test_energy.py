"""Energy of device hours: arithmetic by hand, and devices by the names that records have."""

import pandas as pd
import pytest

from codestilts.workflow.energy import energy, energy_of_runs, energy_text, two_digits, watts


@pytest.mark.parametrize(
    ("device", "power"),
    [
        ("NVIDIA A100-SXM4-80GB (a processor, 8 threads)", (200, 400)),
        ("NVIDIA A10 (a processor, 8 threads)", (75, 150)),
        ("NVIDIA GeForce RTX 4090 (a processor, 8 threads)", (225, 450)),
        ("H100", (350, 700)),
        ("cpu (AMD EPYC, 1 threads)", (3, 15)),
        ("cpu (AMD EPYC, 4 threads)", (12, 60)),
        ("NVIDIA B1000 (a processor, 8 threads)", None),
    ],
)
def test_devices_are_known_by_their_names(device: str, power: tuple[float, float] | None) -> None:
    assert watts(device) == power


def test_hours_power_and_site_multiply() -> None:
    used = energy(100, "A100")
    assert used and (used.low, used.high) == pytest.approx((100 * 0.2 * 1.1, 100 * 0.4 * 1.6))  # 22 and 64 kWh
    text = energy_text([("A100", 100.0)])
    assert "22 to 64 kWh" in text and "11 to 31 kg" in text, "22 × .48 = 10.6 and 64 × .48 = 30.7"
    assert "not measured" in text


def test_unknown_devices_are_named_and_not_guessed() -> None:
    alone = energy_text([("B1000", 3.0)])
    assert alone.startswith("Energy: unknown; not counted") and "B1000" in alone
    mixed = energy_text([("A100", 100.0), ("B1000", 3.0)])
    assert "22 to 64 kWh" in mixed and "not counted, because their power is not known: B1000" in mixed


def test_runs_count_with_their_gpus() -> None:
    machine = {"device": "A100", "processor": "a chip", "threads": 8}
    runs = pd.DataFrame({"encoder": ["e", "f"], **machine, "seconds": 180000.0})
    assert "22 to 64 kWh" in energy_of_runs(runs, {}), "twice 50 hours"
    assert "44 to 130 kWh" in energy_of_runs(runs, {"e": 3}), "150 and 50 hours"
    assert energy_of_runs(runs[:0], {}).startswith("Energy: unknown")


@pytest.mark.parametrize(
    ("value", "text"), [(0.012345, "0.012"), (1.26, "1.3"), (64.4, "64"), (12345.0, "12,000"), (0.0, "0")]
)
def test_numbers_have_two_digits(value: float, text: str) -> None:
    assert two_digits(value) == text
