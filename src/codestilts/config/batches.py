"""Batches of seeds: one job trains several, because starting a process costs seconds."""


def batches(seeds: list[int], size: int) -> dict[str, list[int]]:
    """Group seeds into batches of at most ``size`` consecutive seeds: ``{"0-2": [0, 1, 2], "3": [3]}``."""
    groups: list[list[int]] = []
    for seed in sorted(seeds):
        if groups and len(groups[-1]) < size and seed == groups[-1][-1] + 1:
            groups[-1].append(seed)
        else:
            groups.append([seed])
    return {f"{group[0]}-{group[-1]}" if group[1:] else str(group[0]): group for group in groups}
