"""The paper study in several sizes, of which the cost of planning is measured."""

from typing import Any

# What makes the paper study smaller or larger. Each batch of two seeds adds about 3,000 jobs.
SIZES: dict[str, dict[str, Any]] = {
    "1k": {
        "encoders": ["xlm-r-base"],
        "grid": [{"arms": ["none"]}, {"targets": ["tags", "roles", "bugs", "xnli", "udpos", "xquad"]}],
        "seeds": [0],
    },
    "10k": {"seeds": list(range(4))},
    "paper": {},
    "50k": {"seeds": list(range(32))},
}
