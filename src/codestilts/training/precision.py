"""How precisely a GPU computes. A CPU, and so a GPU that is only pretended, always computes in fp32."""

import torch

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def reduced(device: torch.device, precision: str) -> torch.autocast:
    """The context of a forward pass: matrix products in ``bf16`` or ``fp16`` if that is the precision on a GPU."""
    enabled = precision in TYPES and device.type == "cuda"
    return torch.autocast(device.type, TYPES.get(precision, torch.bfloat16), enabled=enabled)


def scaler(device: torch.device, precision: str) -> torch.amp.GradScaler:
    """What keeps small gradients of ``fp16`` from vanishing (Micikevicius et al. 2018, section 3.2); else it does
    nothing. A step whose scaled gradients overflow is skipped, and the scale is halved.
    """
    return torch.amp.GradScaler(device.type, enabled=precision == "fp16" and device.type == "cuda")


def allow_tf32(allowed: bool) -> None:
    """Whether GPUs of this process may round the factors of fp32 products to 10 bits (TF32), in all libraries alike."""
    torch.backends.cuda.matmul.allow_tf32 = allowed
    torch.backends.cudnn.allow_tf32 = allowed
