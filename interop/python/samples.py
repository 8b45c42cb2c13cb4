"""The samples, run as their READMEs say: each daemon against samples/web-api, and against an API that
trusts PyJWT and nothing of behalf's."""

import atexit
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import jwt
from harness import (
    ACME, APIS, AUTHORITY, BASE, CERTIFICATES, DAEMON, INVOICE_DAEMON, LEDGER, LEDGER_SCOPE, READY, WORLD,
    case, expect, post, run, tls,
)

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


judge = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ledger)
threading.Thread(target=judge.serve_forever, daemon=True).start()
JUDGE_URL = f"http://127.0.0.1:{judge.server_port}/entries"


def start_web_api() -> str:
    """Starts samples/web-api on a free port; returns the address of its entries."""
    settings = {
        "BEHALF_AUTHORITY": AUTHORITY,
        "BEHALF_AUDIENCE": LEDGER["app_id"],
        "BEHALF_CA_FILE": READY["ca_file"],
        "PORT": "0",
    }
    program = str(Path(WORLD["bin_dir"]) / "sample-web-api")
    api = subprocess.Popen([program], env=os.environ | settings, stdout=subprocess.PIPE, text=True)
    atexit.register(api.wait)
    atexit.register(api.terminate)  # runs before the wait: last registered, first run
    return f"{api.stdout.readline().split()[-1]}/entries"


WEB_API_URL = start_web_api()


def sample(name: str, credential: dict[str, str], **changed) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "AZURE_AUTHORITY_HOST": BASE,
        "AZURE_TENANT_ID": ACME["domain"],
        "AZURE_CLIENT_ID": INVOICE_DAEMON["app_id"],
        "BEHALF_CA_FILE": READY["ca_file"],
        "LEDGER_URL": WEB_API_URL,
    }
    return subprocess.run(
        COMMANDS[name], env=environment | credential | changed, text=True, capture_output=True, timeout=60
    )


def entries(name: str, credential: dict[str, str], **changed) -> list[dict]:
    done = sample(name, credential, **changed)
    expect((done.returncode, done.stderr if done.returncode else ""), (0, ""), "exit and errors")
    return json.loads(done.stdout)


def fails(name: str, credential: dict[str, str], code: int, **changed) -> None:
    done = sample(name, credential, **changed)
    assert done.returncode != 0, "the sample succeeded"
    assert f"AADSTS{code}: " in done.stderr, done.stderr
    for secret in credential.values():
        assert secret not in done.stdout + done.stderr, "the sample printed its credential"


def works(name: str, credential: dict[str, str]) -> None:
    expect(entries(name, credential, LEDGER_URL=JUDGE_URL), ENTRIES, "the judge's answer")
    expect(len(entries(name, credential)), 3, "entries of samples/web-api")


for name, kind, credential in (
    ("daemon-secret", "secret", SECRET),
    ("daemon-certificate", "certificate", CERTIFICATE),
    ("python/daemon", "secret", SECRET),
    ("python/daemon", "certificate", CERTIFICATE),
):
    case(f"samples/{name} with a {kind} calls the ledger")(
        lambda name=name, credential=credential: works(name, credential)
    )


@case("behalf run gives samples/python/daemon all it needs")
def _():
    command = [str(Path(WORLD["bin_dir"]) / "behalf"), "run", "invoice-daemon", "--", *COMMANDS["python/daemon"]]
    environment = os.environ | {"BEHALF_DEV_DIR": WORLD["dev_dir"], "LEDGER_URL": JUDGE_URL}
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        del environment[variable]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60)
    expect((done.returncode, done.stderr), (0, ""), "exit and errors")
    expect(json.loads(done.stdout), ENTRIES, "output")


def ask_web_api(authorization: str | None) -> tuple[int, str]:
    request = urllib.request.Request(WEB_API_URL)
    if authorization:
        request.add_header("Authorization", authorization)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers["WWW-Authenticate"]


def token_for(scope: str, credential: tuple[str, str] = (INVOICE_DAEMON["app_id"], INVOICE_DAEMON["secret"])) -> str:
    form = {"grant_type": "client_credentials", "scope": scope}
    form |= dict(zip(("client_id", "client_secret"), credential))
    answer = post(f"{ACME['domain']}/oauth2/v2.0/token", form)
    expect(answer.status, 200, "status")
    return answer.body["access_token"]


@case("samples/web-api: no token, 401 with a Bearer challenge")
def _():
    status, challenge = ask_web_api(None)
    expect((status, challenge.split()[0]), (401, "Bearer"), "refusal")


@case("samples/web-api: a token for another API, 401 invalid_token")
def _():
    token = token_for(f"{APIS['v2']['uri']}/.default", (DAEMON["app_id"], DAEMON["secret"]))
    status, challenge = ask_web_api(f"Bearer {token}")
    expect(status, 401, "status")
    assert 'error="invalid_token"' in challenge, challenge


@case("samples/web-api: a daemon without the role, 403 insufficient_scope")
def _():
    token = token_for(LEDGER_SCOPE, (DAEMON["app_id"], DAEMON["secret"]))
    status, challenge = ask_web_api(f"Bearer {token}")
    expect(status, 403, "status")
    assert 'error="insufficient_scope"' in challenge, challenge


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
