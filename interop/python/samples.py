"""The samples, run as their READMEs say, each against an API that validates the token by itself."""

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import jwt
from harness import ACME, BASE, CERTIFICATES, DAEMON, INVOICE_DAEMON, LEDGER, READY, WORLD, case, expect, run, tls

SAMPLES = Path(WORLD["samples_dir"])
SECRET = {"AZURE_CLIENT_SECRET": INVOICE_DAEMON["secret"]}
CERTIFICATE = {"AZURE_CLIENT_CERTIFICATE_PATH": INVOICE_DAEMON["certificate_file"]}
ENTRIES = [{"id": 1, "text": "an entry"}]

COMMANDS = {
    "daemon-secret": [str(Path(WORLD["bin_dir"]) / "sample-daemon-secret")],
    "daemon-certificate": [str(Path(WORLD["bin_dir"]) / "sample-daemon-certificate")],
    "python/daemon": [sys.executable, str(SAMPLES / "python" / "daemon" / "daemon.py")],
}


class Ledger(http.server.BaseHTTPRequestHandler):
    """An API that trusts PyJWT and nothing of behalf's: 200 with the role, else 401."""

    keys = jwt.PyJWKClient(f"{BASE}/{ACME['id']}/discovery/v2.0/keys", ssl_context=tls())

    def do_GET(self):
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            found = jwt.decode(
                token,
                self.keys.get_signing_key_from_jwt(token),
                algorithms=["RS256"],
                audience=LEDGER["app_id"],
                issuer=f"{BASE}/{ACME['id']}/v2.0",
            )
            allowed = "Entries.Read.All" in found["roles"]
        except (jwt.PyJWTError, KeyError):
            allowed = False
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(ENTRIES if allowed else {}).encode())

    def log_message(self, *_):
        """Nothing: the cases say what happened."""


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ledger)
threading.Thread(target=server.serve_forever, daemon=True).start()


def sample(name: str, credential: dict[str, str], **changed) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "AZURE_AUTHORITY_HOST": BASE,
        "AZURE_TENANT_ID": ACME["domain"],
        "AZURE_CLIENT_ID": INVOICE_DAEMON["app_id"],
        "BEHALF_CA_FILE": READY["ca_file"],
        "LEDGER_URL": f"http://127.0.0.1:{server.server_port}/entries",
    }
    return subprocess.run(
        COMMANDS[name], env=environment | credential | changed, text=True, capture_output=True, timeout=60
    )


def works(name: str, credential: dict[str, str], **changed) -> None:
    done = sample(name, credential, **changed)
    expect((done.returncode, done.stderr if done.returncode else ""), (0, ""), "exit and errors")
    expect(json.loads(done.stdout), ENTRIES, "output")


def fails(name: str, credential: dict[str, str], code: int, **changed) -> None:
    done = sample(name, credential, **changed)
    assert done.returncode != 0, "the sample succeeded"
    assert f"AADSTS{code}: " in done.stderr, done.stderr
    for secret in credential.values():
        assert secret not in done.stdout + done.stderr, "the sample printed its credential"


case("samples/daemon-secret calls the ledger")(lambda: works("daemon-secret", SECRET))
case("samples/daemon-certificate calls the ledger")(lambda: works("daemon-certificate", CERTIFICATE))
case("samples/python/daemon with a secret calls the ledger")(lambda: works("python/daemon", SECRET))
case("samples/python/daemon with a certificate calls the ledger")(lambda: works("python/daemon", CERTIFICATE))

WRONG = {"AZURE_CLIENT_SECRET": "not-the-secret-of-this-application"}
EXPIRED = {"AZURE_CLIENT_CERTIFICATE_PATH": CERTIFICATES["expired"]["pem"]}
for name in ("daemon-secret", "python/daemon"):
    case(f"samples/{name} with a wrong secret says what is wrong")(
        lambda name=name: fails(name, WRONG, 7000215)
    )
for name in ("daemon-certificate", "python/daemon"):
    case(f"samples/{name} with an expired certificate says what is wrong")(
        lambda name=name: fails(name, EXPIRED, 1000502, AZURE_CLIENT_ID=DAEMON["app_id"])
    )

run()
