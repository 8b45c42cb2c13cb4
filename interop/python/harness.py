"""Cases, the world they run in, and the few requests that no client makes for them."""

import base64
import http.client
import json
import os
import ssl
import subprocess
import sys
import traceback
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

WORLD = json.loads(Path(os.environ["INTEROP_WORLD"]).read_text())
READY = WORLD["ready"]
BASE = READY["base_url"].rstrip("/")
TENANTS = READY["tenants"]
ACME = TENANTS["acme"]
AUTHORITY = f"{BASE}/{ACME['domain']}"
DAEMON = WORLD["daemon"]
CERTIFICATES = WORLD["certificates"]
APIS = WORLD["apis"]
LEDGER = READY["apps"]["ledger-api"]
LEDGER_SCOPE = f"{LEDGER['app_id_uri']}/.default"
INVOICE_DAEMON = READY["apps"]["invoice-daemon"]
# Users sign in to the first two, which call the next two, which call the APIs above for them.
DESK, WEB, MIDDLE, MIDDLE_V1 = (WORLD[name] for name in ("desk", "web", "middle", "middle_v1"))
SECRET = WORLD["secret"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_cases: list[tuple[str, Callable[[], None]]] = []


def case(name: str):
    """Registers a function as a case; it passes unless it raises."""

    def register(function: Callable[[], None]):
        _cases.append((name, function))
        return function

    return register


def run() -> None:
    """Runs every case in order, a line each, and exits."""
    failed = 0
    for name, function in _cases:
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as error:  # a case may fail in any way; the next one runs all the same
            failed += 1
            first = (str(error) or type(error).__name__).splitlines()[0]
            print(f"not ok {name}: {type(error).__name__}: {first}", flush=True)
            traceback.print_exc(limit=-3, chain=False)
    sys.exit(1 if failed else 0)


def expect(actual, expected, what: str = "value") -> None:
    """Fails unless both are equal, and says what was found."""
    if actual != expected:
        raise AssertionError(f"{what}: found {actual!r}, expected {expected!r}")


def claims(token: str) -> dict:
    """The claims of a token, unverified."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def token_requests() -> int:
    """How many token requests the server has counted."""
    with urllib.request.urlopen(f"{READY['management_url'].rstrip('/')}/metrics", context=tls()) as answer:
        lines = answer.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("behalf_token_requests_total")]
    return sum(int(float(line.split()[-1])) for line in counted)


def requests_of(call: Callable):
    """What `call` returns, and how many token requests it took."""
    before = token_requests()
    result = call()
    return result, token_requests() - before


def behalf(*arguments: str) -> str:
    """What the command line says about the running server."""
    command = [str(Path(WORLD["bin_dir"]) / "behalf"), *arguments]
    environment = os.environ | {"BEHALF_DEV_DIR": WORLD["dev_dir"]}
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"behalf {' '.join(arguments)}: {done.stderr}")
    return done.stdout


def tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=READY["ca_file"])


@dataclass
class Answer:
    """What the token endpoint said."""

    status: int
    headers: dict[str, str]
    body: dict


def post(
    path: str,
    form: dict[str, str] | list[tuple[str, str]],
    headers: dict[str, str] | None = None,
    source: str = "127.0.0.1",
) -> Answer:
    """Posts a form to the server and reads the JSON answer, whatever its status.

    `source` is the loopback address to come from: the server counts failures by address.
    """
    url = urllib.parse.urlsplit(BASE)
    connection = http.client.HTTPSConnection(
        url.hostname, url.port, timeout=30, context=tls(), source_address=(source, 0)
    )
    try:
        body = urllib.parse.urlencode(form)
        usual = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        connection.request("POST", f"/{path.lstrip('/')}", body, usual | (headers or {}))
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, names, json.loads(answer.read()))
    finally:
        connection.close()


def get_json(path: str) -> dict:
    with urllib.request.urlopen(f"{BASE}/{path.lstrip('/')}", context=tls()) as answer:
        return json.loads(answer.read())
