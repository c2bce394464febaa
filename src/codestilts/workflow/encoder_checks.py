"""Check that a study requires no more of an encoder than its architecture has. Light: planning imports it."""

import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from codestilts.columns import Record
from codestilts.config.encoder_limits import linear_layers, unmet_requirements
from codestilts.config.preparation_jobs import encoder_requirements
from codestilts.config.study import Study
from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import DAMAGED
from codestilts.workflow.architectures import PUBLISHED, EncoderDecoder, read_config


def check_encoders(study: Study, root: Path) -> None:
    """Check the encoders whose architecture is known: imported or fetched under ``root``, or published.

    The others are checked when they are imported, by the same :mod:`codestilts.config.encoder_limits`.

    Raises:
        CodeStiltsError: a line for each requirement that an encoder does not meet.
    """
    messages = [message for encoder in study.encoders for message in _known_problems(study, encoder, root)]
    if messages:
        raise CodeStiltsError("\nerror: ".join(dict.fromkeys(messages)))


def _known_problems(study: Study, encoder: str, root: Path) -> list[str]:
    """Messages about one encoder; none if its architecture is not known yet."""
    source = study.sources[study.source_of_encoder(encoder)]
    weights = root / "results" / study.name / "encoders" / encoder / "encoder.safetensors"
    config: Record | None = None
    layers: set[str] | None = None
    # The job that reads a damaged or missing file reports it.
    with suppress(*DAMAGED, ValueError, KeyError):
        if fetched := read_config(study, encoder, root):
            config = json.loads(fetched[0])
            if weights.exists():
                with weights.open("rb") as stream:
                    layers = linear_layers(stream)
        elif source.id in PUBLISHED:
            known = PUBLISHED[source.id]
            config = asdict(known) | {"is_encoder_decoder": isinstance(known, EncoderDecoder)}
    requirements = encoder_requirements(study, encoder)
    return list(unmet_requirements(requirements, config, layers)) if isinstance(config, dict) else []
