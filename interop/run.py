"""Runs unmodified clients, replayed requests and the samples against `behalf dev`.

Prints a line per case and closes with `N passed, N failed`; exits 1 when a case failed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import world

HERE = Path(__file__).resolve().parent
SUITES = [
    "python/msal_python.py",
    "python/azure_identity_python.py",
    "python/default_credential.py",
    "python/adal_python.py",
    "python/validate_pyjwt.py",
    "python/assertion_shapes.py",
    "python/assertion_refusals.py",
    "node/msal_node.mjs",
    "node/azure_identity_node.mjs",
    "node/default_credential.mjs",
    "node/openid_client.mjs",
    "node/validate_jose.mjs",
    "rust",
    "python/msal_sign_in.py",
    "python/msal_on_behalf_of.py",
    "python/azure_identity_on_behalf_of.py",
    "python/device_code.py",
    "node/msal_sign_in.mjs",
    "node/msal_on_behalf_of.mjs",
    "node/azure_identity_on_behalf_of.mjs",
    "node/device_code.mjs",
    "python/samples.py",
    "python/samples_on_behalf_of.py",
    "python/samples_multi_tenant.py",
    "python/sign_in_log.py",
    "python/throttling.py",
    "node/throttling.mjs",
]
START_SECONDS = 60
SUITE_SECONDS = 180
# Settings of the person who runs this must not reach the clients.
FOREIGN = (
    "AZURE_", "BEHALF_", "MSAL_", "IDENTITY_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "RUST_BACKTRACE",
)


def main() -> int:
    arguments = parse_arguments()
    suites = [suite for suite in SUITES if not arguments.only or suite in arguments.only]
    with tempfile.TemporaryDirectory(prefix="behalf-interop-") as folder:
        scratch = Path(folder)
        with Server(arguments.bin_dir / "behalf", scratch) as server:
            ready = server.wait()
            prepared = world.prepare(ready, arguments.bin_dir, scratch, server.environment)
            passed, failed = 0, 0
            for suite in suites:
                ok, bad = run_suite(suite, arguments, prepared, scratch)
                passed, failed = passed + ok, failed + bad
            code = server.stop()
            print(f"\n{'not ok' if code else 'ok'} behalf dev ends when asked to: exit {code}")
            passed, failed = passed + (not code), failed + bool(code)
    print(f"\n{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def parse_arguments() -> argparse.Namespace:
    target = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin-dir", type=Path, default=target / "debug")
    parser.add_argument("--node-dir", type=Path, default=target / "interop" / "node")
    parser.add_argument("--only", nargs="*", metavar="SUITE", help="such as python/msal_python.py")
    return parser.parse_args()


def clean_environment() -> dict[str, str]:
    """The environment less what would steer a client or the server."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(FOREIGN)
    }


class Server:
    """`behalf dev` on a free port, with its own dev folder; stopped on leaving."""

    def __init__(self, binary: Path, scratch: Path):
        self.ready_file = scratch / "ready.json"
        self.log = scratch / "behalf.log"
        self.environment = clean_environment() | {"BEHALF_DEV_DIR": str(scratch / "dev")}
        self.command = [
            *(str(binary), "dev", "--port", "0", "--json"),
            *("--ready-file", str(self.ready_file)),
        ]

    def __enter__(self) -> "Server":
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        return self

    def __exit__(self, kind, _error, _trace) -> None:
        self.stop()
        if kind is not None:
            self.show_log()

    def wait(self) -> dict:
        """The ready JSON, as soon as the server has written it."""
        deadline = time.monotonic() + START_SECONDS
        while not self.ready_file.exists():
            if self.process.poll() is not None:
                raise SystemExit(f"error: behalf dev exited with {self.process.returncode}")
            if time.monotonic() > deadline:
                raise SystemExit(f"error: no ready file after {START_SECONDS} s")
            time.sleep(0.02)
        return world.read_json(self.ready_file)

    def stop(self) -> int:
        """Asks the server to end; returns its exit code, negative when it had to be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
        return self.process.wait()

    def show_log(self) -> None:
        print("--- the server's output:", file=sys.stderr)
        print(self.log.read_text(errors="replace")[-8000:], file=sys.stderr)


def run_suite(suite: str, arguments, prepared: Path, scratch: Path) -> tuple[int, int]:
    """Runs one suite; returns how many of its cases passed and failed."""
    script = HERE / suite
    if suite == "rust":
        command = [str(arguments.bin_dir / "interop-rust")]
    elif script.suffix == ".mjs":
        command = ["node", str(world.beside_node_modules(script, arguments.node_dir))]
    else:
        command = [sys.executable, str(script)]
    environment = clean_environment() | world.trust(prepared) | {
        "INTEROP_WORLD": str(prepared),
        "INTEROP_NODE_DIR": str(arguments.node_dir),
        "HOME": str(scratch),
    }
    if suite == "rust":
        environment["AZURE_AUTHORITY_HOST"] = world.read_json(prepared)["ready"]["base_url"]
    print(f"\n-- {suite}", flush=True)
    try:
        done = subprocess.run(
            command, env=environment, text=True, capture_output=True, timeout=SUITE_SECONDS
        )
    except subprocess.TimeoutExpired:
        print(f"not ok {suite}: no end after {SUITE_SECONDS} s")
        return 0, 1
    lines = done.stdout.splitlines()
    print(done.stdout, end="", flush=True)
    passed = sum(line.startswith("ok ") for line in lines)
    failed = sum(line.startswith("not ok ") for line in lines)
    if done.returncode != 0 and not failed:
        print(f"not ok {suite}: exit {done.returncode}\n{done.stderr}")
        failed += 1
    elif failed and done.stderr:
        print(done.stderr[-6000:])
    return passed, failed


if __name__ == "__main__":
    sys.exit(main())
