"""Compare a lock file with the installed packages, and with the wheels that the package index has for other Pythons."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import httpx
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

PYTHONS = ("3.11", "3.12", "3.13")  # as requires-python in pyproject.toml says


@dataclass(frozen=True)
class Locked:
    """An entry of a lock file: an exact version, and the sha256 of each of its files."""

    requirement: Requirement
    digests: frozenset[str]

    @property
    def version(self) -> str:
        return str(self.requirement.specifier).removeprefix("==")

    def applies(self, python: str | None = None) -> bool:
        """Whether the entry is for this machine, with the Python that runs or another one."""
        versions = {"python_version": python, "python_full_version": f"{python}.99"} if python else {}
        return not self.requirement.marker or self.requirement.marker.evaluate(versions)


def read_lock(path: Path) -> list[Locked]:
    """Read the entries of a lock file: lines ``name==version ; marker`` with the option ``--hash`` below each."""
    entries: list[tuple[str, list[str]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip().rstrip(" \\")
        if line[:1].isalnum():
            entries.append((text, []))
        elif text.startswith("--hash=sha256:"):
            entries[-1][1].append(text.removeprefix("--hash=sha256:"))
    return [Locked(Requirement(text), frozenset(digests)) for text, digests in entries]


def differences(lock: list[Locked]) -> Iterator[str]:
    """Yield name and installed version of each package that is not installed as locked."""
    for item in lock:
        if item.applies():
            try:
                installed = version(item.requirement.name)
            except PackageNotFoundError:
                installed = "missing"
            if installed != item.version:
                yield f"{item.requirement.name} {installed}"


def wheel_tags(python: str) -> list[Tag]:
    """List the tags of wheels that another Python on this machine can install."""
    major, minor = map(int, python.split("."))
    platforms = list(platform_tags())
    interpreter = f"cp{major}{minor}"
    return [
        *cpython_tags((major, minor), platforms=platforms),
        *compatible_tags((major, minor), interpreter, platforms),
    ]


def without_wheel(lock: list[Locked], python: str, client: httpx.Client, indexes: Iterable[str]) -> Iterator[str]:
    """Yield each locked package of which the index has no locked wheel for a Python.

    A package that is published without any wheel (pure Python, built when it is installed) is not among them.

    Args:
        lock: Entries of the lock file.
        python: ``3.12``, say.
        client: HTTP client of :func:`~codestilts.sources.downloads.http_client`.
        indexes: Addresses of package indexes with a JSON API.
    """
    from codestilts.sources.registry import release_files

    tags = set(wheel_tags(python))
    for item in lock:
        if not item.applies(python):
            continue
        files = [file for index in indexes for file in release_files(client, index, item.requirement.name)]
        locked = [file.name for file in files if file.sha256 in item.digests]
        wheels = [name for name in locked if name.endswith(".whl")]
        if not locked or (wheels and not any(tags & _tags_of(name) for name in wheels)):
            yield f"{item.requirement.name}=={item.version}"


def _tags_of(wheel: str) -> frozenset[Tag]:
    try:
        return parse_wheel_filename(wheel)[3]
    except InvalidWheelFilename:
        return frozenset()
