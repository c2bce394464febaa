"""How often crossed t excludes a true difference of zero, and holds a true one (``make calibrate``)."""

import calibration
import pytest

SIMULATIONS = 2000  # the standard error of a share of .05 is .005
# The interval is wider than it needs to be where the variance of few seeds is small beside the rest: its degrees of
# freedom are those of the seeds. docs/statistics.md says more.


@pytest.mark.slow
@pytest.mark.parametrize("seeds", calibration.SEEDS)
@pytest.mark.parametrize("name", calibration.DESIGNS)
def test_intervals_exclude_zero_rarely_and_hold_the_truth(name: str, seeds: int) -> None:
    found = calibration.rates(calibration.DESIGNS[name], seeds, SIMULATIONS, 0)
    assert found["type_1"] <= 0.065 and found["coverage"] >= 0.93
