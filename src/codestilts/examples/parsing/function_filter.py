"""Select functions: limits of their length, excluded files (tests, examples, generated code), limits of their number.

CodeSearchNet (Husain et al. 2019, arXiv 1909.09436, section 2) drops functions of fewer than three lines and those
whose name contains "test". The other limits are this project's. Of the 184,125 functions in the pocket study's packages
(twelve languages), 16.2 % are too short, 2.2 % too long, 46.8 % exceed the limits of a file or source, 0.8 % are
duplicates and 34.1 % are kept. Of the 30,783 files 3.2 % are excluded by their path, 1.9 % are generated and 8 files
are minified.
"""

import re
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from codestilts.examples.parsing.definitions import Definition

MIN_TOKENS = 20  # of a function that has lost its line breaks, so that lines do not tell how long it is

# The most functions that are taken of a file, of a source and of a split of each: without and with documentation. A
# package of 37,000 functions must not outnumber all others of its language; documented functions, which most tasks
# need, are rarer.
PER_FILE = (200, 800)
PER_SOURCE = (300, 2000)
PER_SPLIT = (2000, 10_000)  # only the tables of the hub have more

_EXCLUDED_FOLDER = re.compile(
    r"(^|/)(\.[^/]+|_?_?tests?_?_?|testing|unittests?|testdata|test[-_]\w+|\w+[-_]tests?|androidtest|spec|specs|fixtures?|mocks?|__mocks__|"
    r"testutils?|node_modules|vendor|vendored|_vendor|third[-_]party|generated|examples?|samples?|demos?|benchmarks?|bench)/",
    re.I,
)
_EXCLUDED_FILE = re.compile(
    r"(^|/)(test_[^/]*|conftest|[^/]*([_.-](tests?|spec|bench|benchmark|mock|min|bundle|generated|gen|designer|g|pb|d|stories)|_pb2(_grpc)?|"
    r"_testutils?)|[^/]*[a-z0-9](Tests?|TestCase|Spec|Mock))\.\w+$"
)


class Candidate(NamedTuple):
    """A function that may be selected.

    ``where`` begins with the archive's name. A function's id is ``where`` and ``number``, or the offset of its first
    byte where there is no number.
    """

    where: str
    number: int | None
    source: str
    split: str
    path: str
    data: bytes
    definition: Definition


class FunctionKey(NamedTuple):
    """What decides whether a function is selected where there are too many; ``digest`` is that of its text."""

    digest: bytes
    documented: bool
    split: str
    source: str
    path: str


def is_excluded_path(path: str) -> bool:
    """Whether a path is that of a test, an example, vendored or generated code."""
    return bool(_EXCLUDED_FOLDER.search(path) or _EXCLUDED_FILE.search(path))


def select_within_limits(keys: Iterable[FunctionKey]) -> set[int]:
    """Select functions in the order of their digests, documented and undocumented ones separately.

    Returns:
        The indices of the selected functions.
    """
    selected, taken = set[int](), Counter[tuple[Hashable, bool]]()
    for index, key in sorted(enumerate(keys), key=lambda pair: (pair[1].digest, pair[0])):
        _, documented, split, source, path = key
        limits = {(split, source, path): PER_FILE, (split, source): PER_SOURCE, (split,): PER_SPLIT}
        if all(taken[group, documented] < most[documented] for group, most in limits.items()):
            taken.update((group, documented) for group in limits)
            selected.add(index)
    return selected
