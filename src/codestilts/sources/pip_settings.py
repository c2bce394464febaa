"""Run pip with this machine's settings of indexes and networks, and no others of its settings or environment.

Standard library only, and run as a file, because it installs everything else:
``python -I pip_settings.py install ...``.
"""

import ast
import os
import re
import subprocess
import sys

# Options that say where packages come from, how to reach them, and what is shown. Left out are those that would change
# which packages are installed, how they are built and where: user, target, prefix, root, require-hashes, no-deps, ...
KEPT = {
    *("index-url", "extra-index-url", "find-links", "no-index", "constraint"),
    *("cert", "client-cert", "proxy", "trusted-host", "timeout", "default-timeout", "retries"),
    *("keyring-provider", "use-feature", "no-input", "cache-dir", "no-cache-dir"),
    *("disable-pip-version-check", "no-color", "progress-bar"),
}
LINE = re.compile(r"(global|:env:|[a-z]+)\.([a-z-]+)=(.*)")
DEFAULT_INDEX = re.compile(r"--index-url <url>.*?\(default (\S+?)\)")


def settings(command: str) -> dict[str, str]:
    """Read the options that pip's files and variables set for one of its commands.

    Variables take precedence over the command's section, and that over the global section. Exits with one line if pip
    cannot read its settings.
    """
    # A quiet pip lists nothing, and with the option `user` it lists the user's file only.
    own = os.environ | dict.fromkeys([f"PIP_{name}" for name in ("QUIET", "VERBOSE", "USER", "GLOBAL", "SITE")], "0")
    listing = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(listing, env=own, stdout=subprocess.PIPE, text=True)
    if listed.returncode:
        sys.exit("error: pip cannot read its own settings: run `python -m pip config debug` to see their files")
    sections: dict[str, dict[str, str]] = {"global": {}, command: {}, ":env:": {}}
    for section, key, value in LINE.findall(listed.stdout):
        if section in sections and key in KEPT:
            sections[section][key] = str(ast.literal_eval(value))
    return sections["global"] | sections[command] | sections[":env:"]


def default_index() -> str:
    """Return the index that pip uses if no setting names one; its help is where it says so."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    own |= {"PIP_CONFIG_FILE": os.devnull, "COLUMNS": "1000"}
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--help"], env=own, stdout=subprocess.PIPE, text=True
    )
    match = DEFAULT_INDEX.search(" ".join(listing.stdout.split()))
    if not match:
        sys.exit(
            "error: pip does not say which index it uses: set one, `python -m pip config set global.index-url ...`"
        )
    return match[1]


def environment(command: str) -> dict[str, str]:
    """Return the environment in which pip has these settings and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    kept = {f"PIP_{key.upper().replace('-', '_')}": value for key, value in settings(command).items()}
    return others | kept | {"PIP_CONFIG_FILE": os.devnull}


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, "-m", "pip", *sys.argv[1:]], env=environment(sys.argv[1])))
