"""Reading an interval: better, worse, equal or undecided."""


def judged(low: float, high: float, margin: float) -> tuple[str, str]:
    """Judge an interval.

    Returns:
        ``better`` or ``worse`` if it excludes zero, ``equal`` if it lies within the margin, else ``undecided``; and,
        for the first two, the size of the difference relative to the margin, in words.
    """
    if low > 0 or high < 0:
        least, most = (low, high) if low > 0 else (-high, -low)
        size = ""
        if most < margin:
            size = f", by less than {in_points(margin)}"
        elif least <= margin:
            size = f", perhaps by less than {in_points(margin)}"
        return ("better" if low > 0 else "worse"), size
    return ("equal" if within(low, high, margin) else "undecided"), ""


def within(low: float, high: float, margin: float) -> bool:
    """Return whether an interval excludes every difference of the margin or more."""
    return -margin < low and high < margin


def in_points(margin: float) -> str:
    """Return a number of points in words: ``1 point``, ``2.5 points``."""
    return f"{margin:g} point{'' if margin == 1 else 's'}"


def equivalence(margin: float, confidence: float) -> str:
    """Return in words that the difference is smaller than the margin, with the error that this verdict allows."""
    alpha = f"{(1 - confidence) / 2:.9f}".strip("0")
    return f"no difference of {in_points(margin)} or more (equivalence at {alpha} a side)"


def has_interval(low: object) -> bool:
    """Return whether there is an interval; without one, tables have NaN or an empty text as its lower end."""
    return low != "" and low == low
