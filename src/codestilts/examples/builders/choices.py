"""Multiple choice: plausible wrong endings, and a random position for the right choice."""

from typing import Any

from codestilts.examples.sampling import hash_choice, hash_uniform

CHOICES = 4
DRAWS = 60  # draws of three other endings or pieces; they suffice for nearly all texts of the pocket study


def wrong_endings(row: dict[str, Any], pool: list[dict[str, Any]]) -> list[str]:
    """Up to three endings from other clusters of the pool that differ in length (``words``) by at most a third."""
    drawn = (hash_choice(pool, "ending", row["id"], attempt) for attempt in range(DRAWS))
    fitting = dict.fromkeys(
        other["ending"]
        for other in drawn
        if other["cluster"] != row["cluster"] and 3 * abs(other["words"] - row["words"]) <= row["words"]
    )
    return [ending for ending in fitting if ending != row["ending"]][: CHOICES - 1]


def among(wrong: list[str], right: str, key: str) -> dict[str, Any]:
    """Return the fields ``choices`` and ``label``: the right one among wrong ones, at a position drawn by ``key``."""
    label = int(hash_uniform("place", key) * (len(wrong) + 1))
    return {"choices": [*wrong[:label], right, *wrong[label:]], "label": label}
