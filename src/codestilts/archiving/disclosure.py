"""What must not leave a machine in a study archive: absolute paths, which tell of people and machines, and secrets."""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from codestilts.errors import CodeStiltsError

# Files with texts of others, which may mention any path: they are searched for the paths of this machine only.
OTHERS_TEXTS = re.compile(r"licences/|.*\.parquet$|.*/(sample_predictions\.csv|report\.html)$")
TEXTS = (
    *(".json", ".csv", ".tsv", ".md", ".yaml", ".yml", ".ipynb", ".svg", ".tex", ".txt", ".log", ".cff", ".toml"),
    *(".py", ".smk", ".sh", ".css", ".js", ".j2", ".rst", "Makefile", "Snakefile"),
)
IN_IMAGE = "containers/"  # whose files name paths inside the image
# Folders in which paths of people's machines and clusters begin, also with a number: /scratch2.
FOLDERS = "home|users|volumes|root|tmp|private|scratch|mnt|media|data|work|srv|opt|var|usr|export|net|cluster|projects?"
FOLDERS += "|storage|group|gpfs|lustre|beegfs|cephfs|nfs|homes|pfs|fsx|efs|ceph|vast|weka|mount|workspace|kaggle"
BEFORE = r"(?<![\w.$~:/<>{}*-])"  # of a path that begins here, and is no end of an address or of a relative path
ANY_PATH = re.compile(
    rf"(?:{BEFORE}|\bfile://)/(?:{FOLDERS})\d*/[\w.@+-]+|(?<!\w)[a-z]:[\\/]+(?:users|home)[\\/]+[\w.@+-]+",
    re.IGNORECASE,
)
SETTINGS = (".yaml", ".yml", "sources.csv")
SETTING_PATH = re.compile(r"(?:^|(?<=[\s\"'=,\[]))/[\w.@+-]+/[\w.@+-]+", re.MULTILINE)  # in settings, of any folder
SECRETS = re.compile(
    r"\b(?:hf_(?:oauth_)?[A-Za-z0-9]{20,}|AIza[\w-]{35}|gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,}"
    r"|glpat-[\w-]{20,}|npm_[A-Za-z0-9]{30,}"
    r"|pypi-[\w-]{50,}|xox[abp]-[\w-]{20,}|AKIA[0-9A-Z]{16}|sk-[\w-]{32,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,})"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|https?://[^\s/@:\"']+:[^\s/@:\"']+@"
)
SECRET_NAMES = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|API_?KEY", re.IGNORECASE)
MOST_SHOWN = 5
SHORTEST_SECRET = 8


def check_members(files: Mapping[str, Path | bytes], root: Path) -> None:
    """Refuse files of a study archive that hold an absolute path or a secret.

    Args:
        files: The members of the archive: name -> file or content.
        root: The project's folder, none of whose paths may be in the archive.

    Raises:
        CodeStiltsError: A line for each of the first such files.
    """
    found = [f"{name}: holds {what}" for name, content in files.items() for what in disclosures(name, content, root)]
    if found:
        shown = [f"{line}: take it out, or make the file again in the project's folder" for line in found[:MOST_SHOWN]]
        more = [f"{len(found) - MOST_SHOWN} more files hold some"] if found[MOST_SHOWN:] else []
        raise CodeStiltsError("\nerror: ".join([*shown, *more]))


def disclosures(name: str, content: Path | bytes, root: Path) -> Iterator[str]:
    """Yield what a file tells of the machine, at most once of each kind."""
    raw = content if isinstance(content, bytes) else content.read_bytes()
    text = "\n".join(parquet_texts(raw)) if name.endswith(".parquet") else raw.decode("utf-8", errors="replace")
    own = not OTHERS_TEXTS.match(name)
    if path := next((path for path in machine_paths(root) if path in text), None):
        yield f"a path of this machine, {path}"
    elif own and name.endswith(TEXTS) and not name.startswith(IN_IMAGE) and (match := _path_in(name, text)):
        yield f"an absolute path, {match}"
    if own and (secret := SECRETS.search(text)):
        yield f"what looks like a secret, {secret[0][:6]}..."
    elif variable := next((key for key, value in _secret_variables().items() if value in text), None):
        yield f"the value of the environment variable {variable}"


def _path_in(name: str, text: str) -> str:
    """Return an absolute path in one of the project's own texts; in JSON any value that is one."""
    if name.endswith(".json"):
        values = [value for value in json_texts(json.loads(text)) if re.match(r"/[^/\s]+/|[A-Za-z]:\\", value)]
        if values:
            return values[0]
    match = ANY_PATH.search(text) or (SETTING_PATH.search(text) if name.endswith(SETTINGS) else None)
    return match[0] if match else ""


def machine_paths(root: Path) -> list[str]:
    """Return the paths of this machine that are too special to occur in a text by chance: of three parts or more.

    A home like ``/root`` has two: code of others mentions it.
    """
    paths = {root.absolute(), root.resolve(), Path.cwd(), Path(sys.prefix), Path("~").expanduser()}
    return sorted(str(path) for path in paths if len(path.parts) > 2)


def _secret_variables() -> dict[str, str]:
    """Return the environment variables whose names say that their values are secret."""
    return {
        name: value
        for name, value in os.environ.items()
        if SECRET_NAMES.search(name) and len(value) >= SHORTEST_SECRET and not value.startswith(("/", "~"))
    }


def json_texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from json_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from json_texts(inner)


def parquet_texts(raw: bytes) -> Iterator[str]:
    """Yield every different text of a table, and the table's own notes."""
    table = pq.read_table(BytesIO(raw))
    yield from (value.decode(errors="replace") for value in (table.schema.metadata or {}).values())
    frame = table.to_pandas()
    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name].dtype):
            yield from map(str, frame[name].explode().dropna().unique())
