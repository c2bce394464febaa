"""Does the study ask of its encoders what they have? Standard library only: the graph of jobs is built with it."""

import json
import zipfile
from contextlib import suppress
from pathlib import Path

from codestilts.config.encoder_limits import linear_layers, unmet_requirements
from codestilts.config.preparation_jobs import encoder_requirements
from codestilts.config.study import Record, Study
from codestilts.errors import CodeStiltsError
from codestilts.workflow.architectures import PUBLISHED


def check_encoders(study: Study, root: Path) -> None:
    """Raise CodeStiltsError, one line a mistake, where the study asks more of an encoder than it has.

    As far as they are known: unpacked or fetched under ``root``, or listed. The others are checked when they are
    unpacked, by the same :mod:`codestilts.config.encoder_limits`.
    """
    problems = [message for encoder in study.encoders for message in _known_problems(study, encoder, root)]
    if problems:
        raise CodeStiltsError("\nerror: ".join(dict.fromkeys(problems)))


def _known_problems(study: Study, encoder: str, root: Path) -> list[str]:
    source = study.sources[study.source_of_encoder(encoder)]
    unpacked = root / "results" / study.name / "encoders" / encoder
    archive = root / "resources" / f"{source.name}.zip"
    config: Record | None = None
    layers: set[str] | None = None
    # A file that is damaged or absent is told of by the job that reads it.
    with suppress(OSError, ValueError, KeyError, zipfile.BadZipFile):
        if (unpacked / "config.json").exists():
            config = json.loads((unpacked / "config.json").read_bytes())
            with (unpacked / "encoder.safetensors").open("rb") as weights:
                layers = linear_layers(weights)
        elif archive.exists():
            folder = study.encoder(encoder).folder.strip("/")
            with zipfile.ZipFile(archive) as members:
                config = json.loads(members.read(f"{folder}/config.json".lstrip("/")))
        elif source.id in PUBLISHED:
            config = vars(PUBLISHED[source.id])
    requirements = encoder_requirements(study, encoder)
    return list(unmet_requirements(requirements, config, layers)) if isinstance(config, dict) else []
