"""Unpack a pretrained encoder in Hugging Face format from a fetched archive."""

import argparse
import shutil
import tempfile
from pathlib import Path

from codestilts.config.encoder_limits import EncoderRequirements, validate_unpacked
from codestilts.errors import run
from codestilts.options import from_json, new_folder
from codestilts.provenance import atomic
from codestilts.training.pretrained import import_encoder, unpack


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="zip written by fetch.py")
    parser.add_argument("--folder", required=True, help="folder in the archive that holds the encoder's files")
    parser.add_argument("--tiny", type=int, default=0, help="a rehearsal: small random weights, so many blocks or more")
    read = from_json("--needs", EncoderRequirements)
    parser.add_argument("--needs", type=read, help="JSON: what the study requires of the architecture")
    parser.add_argument("--out", type=new_folder, required=True, help="folder to write them to")
    arguments = parser.parse_args()
    from codestilts.training.encoder_check import validate_states  # with torch

    with tempfile.TemporaryDirectory() as scratch:
        published, imported = (Path(scratch, kind, arguments.out.name) for kind in ("published", "imported"))
        unpack(arguments.archive, arguments.folder, published, arguments.tiny)
        if arguments.needs:
            validate_unpacked(arguments.needs, published)
        import_encoder(published, imported)
        validate_states(imported)
        for file in imported.iterdir():
            with atomic(arguments.out / file.name) as temporary:
                shutil.copyfile(file, temporary)
    print(f"encoder {arguments.out.name}: {', '.join(sorted(file.name for file in arguments.out.iterdir()))}")


if __name__ == "__main__":
    run(main)
