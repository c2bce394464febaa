"""Which functions may be taken: not those of tests and generated files, and no more of a place than enough."""

import re
from collections import Counter
from collections.abc import Hashable, Iterable
from typing import NamedTuple

from codestilts.examples.parsing.definitions import Definition

# The most that is taken of a file, of a source and of a split of each: functions without and with documentation.
PER_FILE = (200, 800)
PER_SOURCE = (300, 2000)
PER_SPLIT = (2000, 10_000)  # only the tables of the hub have more

_SKIPPED_FOLDER = re.compile(
    r"(^|/)(\.[^/]+|_?_?tests?_?_?|testing|unittests?|testdata|test[-_]\w+|\w+[-_]tests?|androidtest|spec|specs|fixtures?|mocks?|__mocks__|"
    r"testutils?|node_modules|vendor|vendored|_vendor|third[-_]party|generated|examples?|samples?|demos?|benchmarks?|bench)/",
    re.I,
)
_SKIPPED_FILE = re.compile(
    r"(^|/)(test_[^/]*|conftest|[^/]*([_.-](tests?|spec|bench|benchmark|mock|min|bundle|generated|gen|designer|g|pb|d|stories)|_pb2(_grpc)?|"
    r"_testutils?)|[^/]*[a-z0-9](Tests?|TestCase|Spec|Mock))\.\w+$"
)


class Candidate(NamedTuple):
    """A function that may be taken.

    ``where`` begins with the archive's name. Its id is made of that and ``number``, or its first byte if there is none.
    """

    where: str
    number: int | None
    source: str
    split: str
    path: str
    data: bytes
    definition: Definition


class Claim(NamedTuple):
    """What decides whether a function is taken if there are too many. ``digest`` is that of its text."""

    digest: bytes
    documented: bool
    split: str
    source: str
    path: str


def is_excluded_path(path: str) -> bool:
    """Whether a file is a test, an example, a copy of somebody else's or generated, by its path."""
    return bool(_SKIPPED_FOLDER.search(path) or _SKIPPED_FILE.search(path))


def select_within_limits(claims: Iterable[Claim]) -> set[int]:
    """Positions of the functions that are taken: by digest, documented and undocumented ones apart."""
    kept, taken = set[int](), Counter[tuple[Hashable, bool]]()
    for place, claim in sorted(enumerate(claims), key=lambda pair: (pair[1].digest, pair[0])):
        _, documented, split, source, path = claim
        limits = {(split, source, path): PER_FILE, (split, source): PER_SOURCE, (split,): PER_SPLIT}
        if all(taken[key, documented] < most[documented] for key, most in limits.items()):
            taken.update((key, documented) for key in limits)
            kept.add(place)
    return kept
