"""pip with what this machine says of indexes and networks, and nothing else that its settings or environment say.

Standard library only and run as a file, since it installs everything else: ``python -I pipconfig.py install ...``.
"""

import ast
import os
import re
import subprocess
import sys

# Where packages come from, how they are reached, and what is shown. Left out is what would change which packages are
# installed, how they are built and where they end: user, target, prefix, root, require-hashes, no-deps, pre, ...
KEPT = {
    *("index-url", "extra-index-url", "find-links", "no-index", "constraint"),
    *("cert", "client-cert", "proxy", "trusted-host", "timeout", "default-timeout", "retries"),
    *("keyring-provider", "use-feature", "no-input", "cache-dir", "no-cache-dir"),
    *("disable-pip-version-check", "no-color", "progress-bar"),
}
LINE = re.compile(r"(global|:env:|[a-z]+)\.([a-z-]+)=(.*)")


def settings(command: str) -> dict[str, str]:
    """What pip's files and variables say for a command of it, by option: the variables win, then the command's part.

    Exits with one line where pip cannot read them.
    """
    # A quiet pip lists nothing, and one that is told `user` lists the user's file alone.
    own = os.environ | dict.fromkeys([f"PIP_{name}" for name in ("QUIET", "VERBOSE", "USER", "GLOBAL", "SITE")], "0")
    listing = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(listing, env=own, stdout=subprocess.PIPE, text=True)
    if told.returncode:
        sys.exit("error: pip cannot read its own settings: `python -m pip config debug` shows where they stand")
    parts: dict[str, dict[str, str]] = {"global": {}, command: {}, ":env:": {}}
    for part, key, value in LINE.findall(told.stdout):
        if part in parts and key in KEPT:
            parts[part][key] = str(ast.literal_eval(value))
    return parts["global"] | parts[command] | parts[":env:"]


def environment(command: str) -> dict[str, str]:
    """The environment in which pip knows these settings and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    kept = {f"PIP_{key.upper().replace('-', '_')}": value for key, value in settings(command).items()}
    return others | kept | {"PIP_CONFIG_FILE": os.devnull}


if __name__ == "__main__":
    sys.exit(subprocess.call([sys.executable, "-m", "pip", *sys.argv[1:]], env=environment(sys.argv[1])))
