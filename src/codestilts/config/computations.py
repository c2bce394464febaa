"""Ways to compute the same runs that differ in rounding only."""

from collections.abc import Mapping
from dataclasses import dataclass, field

AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}


@dataclass(frozen=True)
class Computation:
    """One way to compute.

    Attributes:
        threads: The number of threads; jobs of a study have one.
        math_attention: Whether attention is computed step by step, not by torch's fused kernel.
        precision: A precision other than that of the study.
        environment: Variables that libraries read when they are loaded: which instructions they may use.
    """

    threads: int = 1
    math_attention: bool = False
    precision: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


ROUNDING = "rounding"  # the folder of results for what is computed again, and for what rounding does
REFERENCE = "reference"  # as the jobs of a study compute: it has to repeat their predictions exactly
COMPUTATIONS = {
    REFERENCE: Computation(),
    "two-threads": Computation(threads=2),
    "math-attention": Computation(math_attention=True),
    "avx2": Computation(environment=AVX2),  # as processors without AVX-512 compute
    "bf16": Computation(precision="bf16"),
}
