"""The lock file and the Pythons that the project supports. Nothing is fetched from outside."""

import ast
import subprocess
from pathlib import Path

import httpx
import pytest

from codestilts.sources.locked import PYTHONS, differences, read_lock, wheel_tags, without_wheel

ROOT = Path(__file__).parents[2]
CODE = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "scripts").glob("*.py")])
# Modules of the standard library that 3.12 and 3.13 no longer have (PEP 632, PEP 594, "What's new").
REMOVED = {"distutils", "imp", "asynchat", "asyncore", "smtpd", "aifc", "audioop", "cgi", "cgitb", "chunk", "crypt"}
REMOVED |= {"imghdr", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "sndhdr", "spwd", "sunau"}
REMOVED |= {"telnetlib", "uu", "xdrlib", "lib2to3"}


def lock(folder: Path, *entries: str) -> Path:
    (folder / "lock.txt").write_text(
        "# made up\n" + "".join(f"{entry} \\\n    --hash=sha256:aa\n" for entry in entries)
    )
    return folder / "lock.txt"


def test_what_is_installed_is_compared_with_the_entries_for_this_machine(tmp_path: Path) -> None:
    entries = read_lock(lock(tmp_path, "pytest==0.1", "nosuch==1", "other==1 ; python_version < '3'"))
    assert [item.split()[0] for item in differences(entries)] == ["pytest", "nosuch"]
    assert [item.version for item in entries] == ["0.1", "1", "1"]


def test_the_projects_own_lock_has_a_digest_for_every_entry() -> None:
    entries = read_lock(ROOT / "envs/lock.txt")
    assert len(entries) > 100 and all(item.digests for item in entries)
    names = [{item.requirement.name for item in entries if item.applies(python)} for python in PYTHONS]
    assert all({"numpy", "pandas", "snakemake"} <= names_of_one for names_of_one in names)


@pytest.mark.parametrize(
    ("files", "missing"),
    [
        (["demo-1-py3-none-any.whl"], []),
        (["demo-1.tar.gz"], []),  # pure Python, built when it is installed
        (["demo-1-cp311-cp311-PLATFORM.whl"], ["demo==1"]),
        (["demo-1-cp311-cp311-PLATFORM.whl", "demo-1-cp312-cp312-PLATFORM.whl"], []),
        (["demo-1-cp39-abi3-PLATFORM.whl"], []),
        ([], ["demo==1"]),
    ],
)
def test_a_package_without_a_wheel_for_another_python_is_named(
    tmp_path: Path, files: list[str], missing: list[str]
) -> None:
    names = [name.replace("PLATFORM", wheel_tags("3.12")[0].platform) for name in files]
    page = {"files": [{"filename": name, "url": name, "hashes": {"sha256": "aa"}} for name in names]}
    page["files"].append({"filename": "demo-2-py3-none-any.whl", "url": "x", "hashes": {"sha256": "bb"}})
    client = httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=page)))
    entries = read_lock(lock(tmp_path, "demo==1", "old==1 ; python_version < '3.12'"))
    assert list(without_wheel(entries, "3.12", client, ["http://index.invalid/simple"])) == missing


@pytest.mark.parametrize("python", PYTHONS)
def test_the_code_compiles_for_every_python(python: str) -> None:
    version = f"py{python.replace('.', '')}"
    command = ["ruff", "check", "--isolated", "--select", "E9,F", "--target-version", version, "src", "scripts"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    major, minor = map(int, python.split("."))
    for path in CODE:
        ast.parse(path.read_text(encoding="utf-8"), feature_version=(major, minor))


def test_no_module_is_imported_that_a_later_python_lacks() -> None:
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & REMOVED, path
