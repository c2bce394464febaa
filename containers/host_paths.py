"""Keep the host's packages out of notebooks: Snakemake mounts them into the container and adds them to the search path.

It does so for the sake of its own package, which the image has; without this a package that the image lacks would
silently come from the host. The file ``host_paths.pth`` beside this one has Python import it at every start.
"""

import sys

MOUNTED = "/mnt/snakemake_searchpaths"


class Nothing:
    """The finder of a folder in which nothing is to be found."""

    def find_spec(self, name: str, target: object = None) -> None:
        return None


def refuse(folder: str) -> Nothing:
    """What imports from a folder: nothing, if the folder is the host's; any other is left to Python's own hooks."""
    if folder.startswith(MOUNTED):
        return Nothing()
    raise ImportError


sys.path_hooks.insert(0, refuse)  # type: ignore[arg-type]
