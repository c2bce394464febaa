"""What the page links: the sources of its figures and tables, and its own script."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.reporting.exhibits import PRINTED, Exhibit


@dataclass(frozen=True)
class Links:
    """The links below a figure or table.

    Attributes:
        download: Its data as an address, so that a page without its folder has them too.
        file_name: The name of the downloaded file.
        size: The size of the data in kB.
        files: The files beside the page, by kind.
        notebook: The notebook that made it.
        made: The file that the workflow makes to show it.
    """

    download: str
    file_name: str
    size: str
    files: dict[str, str]
    notebook: str
    made: str


def linked(results: Path, study: str, kind: str, name: str, encoder: str = "") -> Links:
    """Return the links of a figure or table (``kind`` is ``figures`` or ``tables``).

    Raises:
        CodeStiltsError: Its data are missing.
    """
    exhibit = Exhibit(name, kind, encoder)
    try:
        data = (results / exhibit.data).read_bytes()
    except OSError:
        raise CodeStiltsError(f"{results / exhibit.data}: missing: run the study up to it first") from None
    own_name = f"{name}-figure.csv" if kind == "figures" else f"{name}.csv"  # a table may have the same name
    suffixes = [*PRINTED, "svg"] if kind == "figures" else ["csv", "tex"]
    return Links(
        download=f"data:text/csv;charset=utf-8;base64,{b64encode(data).decode()}",
        file_name="-".join(filter(None, (study, encoder, own_name))),
        size=f"{max(1, round(len(data) / 1000))} kB",
        files={"LaTeX" if suffix == "tex" else suffix.upper(): f"{exhibit.stem}.{suffix}" for suffix in suffixes},
        notebook=exhibit.notebook,
        made=exhibit.made,
    )


def script_digest(script: str) -> str:
    """Return the source expression that allows a script in a content security policy (W3C, CSP Level 3)."""
    return f"sha256-{b64encode(sha256(script.encode()).digest()).decode()}"
