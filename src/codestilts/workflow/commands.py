"""Commands that messages and tables tell people to run."""


def run_command(goal: str) -> str:
    """Return the command that makes a file, with options such as the study's config after it; empty without a goal."""
    return f"snakemake --cores all {goal}" if goal else ""
