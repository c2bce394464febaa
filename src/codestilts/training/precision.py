"""Arithmetic of a GPU. A CPU, and so a pretended GPU, always computes in fp32."""

import torch

REDUCED = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context of a forward pass: on a GPU matrix products in ``bf16`` or ``fp16``, if that is chosen."""
    enabled = precision in REDUCED and device.type == "cuda"
    return torch.autocast(device.type, REDUCED.get(precision, torch.bfloat16), enabled=enabled)


def gradient_scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """Return the loss scaling that keeps small ``fp16`` gradients from vanishing; disabled for other precisions.

    See Micikevicius et al. 2018, section 3.2. A step whose scaled gradients overflow is skipped, and the scale halves.
    """
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16" and device.type == "cuda")


def allow_tf32(allowed: bool) -> None:
    """Allow or forbid that GPUs round the factors of fp32 products to 10 bits (TF32), in all libraries alike."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
