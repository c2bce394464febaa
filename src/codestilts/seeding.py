"""Seeds by hashing names, so that no two uses share a random stream by accident."""

import hashlib


def derive_seed(*names: object) -> int:
    """A seed in [0, 2**31) from any names, e.g. ``derive_seed("pocket", "order", "match", 0)``.

    The same names give the same seed on every machine.
    """
    digest = hashlib.sha256("\x1f".join(map(str, names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % 2**31
