"""What an interval says: better, worse, equal or undecided."""


def judged(low: float, high: float, margin: float) -> tuple[str, str]:
    """What an interval says: better, worse, equal (less than the margin apart) or undecided; and by how much."""
    if low > 0 or high < 0:
        least, most = (low, high) if low > 0 else (-high, -low)
        by = f", by less than {in_points(margin)}" if most < margin else ""
        by = by or (f", perhaps by less than {in_points(margin)}" if least <= margin else "")
        return ("better" if low > 0 else "worse"), by
    return ("equal" if -margin < low and high < margin else "undecided"), ""


def in_points(margin: float) -> str:
    """``1 point``, ``2.5 points``."""
    return f"{margin:g} point{'' if margin == 1 else 's'}"


def has_interval(low: object) -> bool:
    """Whether the lower end of an interval is there; a table has a gap or an empty text in its place if not."""
    return low != "" and low == low
