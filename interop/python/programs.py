"""Programs of `samples/`, started as their READMEs say, and a user who has a browser."""

import atexit
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import WORLD

BIN = Path(WORLD["bin_dir"])
SAMPLES = Path(WORLD["samples_dir"])
HERE = Path(__file__).resolve().parent
# What `behalf run` gives a program itself.
GIVEN = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")


def environment(**added: str) -> dict[str, str]:
    """What a person's shell has."""
    kept = {name: value for name, value in os.environ.items() if name not in GIVEN}
    return kept | {"BEHALF_DEV_DIR": WORLD["dev_dir"]} | added


def behalf_run(app: str, *command: str | Path) -> list[str]:
    """`behalf run APP -- COMMAND`."""
    return [str(BIN / "behalf"), "run", app, "--", *map(str, command)]


def start(command: list[str], **added: str) -> str:
    """Starts a server on a free port, to end with this suite; returns the address that it prints."""
    output = tempfile.TemporaryFile("w+")
    server = subprocess.Popen(
        command, env=environment(PORT="0", **added), stdout=subprocess.PIPE, stderr=output, text=True
    )
    atexit.register(server.wait)
    atexit.register(server.terminate)  # runs before the wait: last registered, first run
    line = server.stdout.readline()
    if " listens on " not in line:
        output.seek(0)
        raise SystemExit(f"error: {command} said {line!r}: {output.read()}")
    return line.split()[-1].rstrip("/")


def node_sample(name: str) -> Path:
    """The sample's folder, copied to where its packages are."""
    folder = Path(os.environ["INTEROP_NODE_DIR"]) / "samples" / name
    shutil.copytree(SAMPLES / "node" / name, folder, dirs_exist_ok=True)
    return folder


def with_browser(user: str, consent: str = "accept") -> dict[str, str]:
    """The variables of a desktop on which `xdg-open` is a browser, in which `user` does what is asked."""
    folder = Path(tempfile.mkdtemp(prefix="desktop-", dir=os.environ["HOME"]))
    opener = folder / "xdg-open"
    opener.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HERE / "sign_in.py"}" "$1"\n')
    opener.chmod(opener.stat().st_mode | stat.S_IXUSR)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "INTEROP_USER": user, "INTEROP_CONSENT": consent}


def run_to_end(command: list[str], **added: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, env=environment(**added), text=True, capture_output=True, timeout=60)
