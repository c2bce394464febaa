"""Arithmetic of a device: the precision that a study asks for, as far as the device has it."""

import torch

REDUCED = {"bf16": torch.bfloat16, "fp16": torch.float16}
CPU_UNITS = ("amx_bf16", "avx512_bf16")  # of a CPU that multiplies in bf16; others are slower in it than in fp32


def supported(device: torch.device, precision: str) -> str:
    """Return the precision that a device computes in where ``precision`` is asked for.

    A GPU has ``fp16``. GPUs and CPUs have ``bf16`` if they have units for it; otherwise they compute in ``fp32``.
    """
    if device.type == "cuda" and precision == "bf16":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type != "cpu" or precision == "fp32":
        return precision
    capabilities = torch.cpu.get_capabilities()
    return "bf16" if precision == "bf16" and any(capabilities.get(unit) for unit in CPU_UNITS) else "fp32"


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of a forward pass: matrix products in ``bf16`` or ``fp16`` if supported."""
    chosen = supported(device, precision)
    return torch.autocast(device.type, REDUCED.get(chosen, torch.bfloat16), enabled=chosen in REDUCED)


def precision_record(device: torch.device, precision: str) -> dict[str, str]:
    """Return the fields of ``run.json`` that say what was computed in, and what was asked for."""
    return {"precision": supported(device, precision), "requested_precision": precision}


def gradient_scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """Return the loss scaling that keeps small ``fp16`` gradients from vanishing; disabled for other precisions.

    See Micikevicius et al. 2018, section 3.2. A step whose scaled gradients overflow is skipped, and the scale halves.
    """
    return torch.amp.GradScaler(device.type, enabled=supported(device, precision) == "fp16")


def allow_tf32(allowed: bool) -> None:
    """Allow or forbid that GPUs round the factors of fp32 products to 10 bits (TF32), in all libraries alike."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
