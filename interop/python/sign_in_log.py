"""The sign-in log after all the clients: every request left its event, and nothing secret is in it."""

import json
import os
import subprocess
import urllib.request
from pathlib import Path

import msal
from assertions import assertion, payload, present, thumbprint, unpadded
from harness import (
    ACME, APIS, AUTHORITY, BASE, CERTIFICATES, DAEMON, READY, WORLD, case, expect, post, run,
)

TOKEN_PATH = f"{ACME['domain']}/oauth2/v2.0/token"
SCOPE = f"{APIS['v2']['uri']}/.default"
WRONG = "not-the-secret-of-this-application"


def log(*arguments: str) -> str:
    """What `behalf log` prints about the running server."""
    command = [str(Path(WORLD["bin_dir"]) / "behalf"), "log", "-o", "json", *arguments]
    environment = os.environ | {"BEHALF_DEV_DIR": WORLD["dev_dir"]}
    return subprocess.run(command, env=environment, text=True, capture_output=True, check=True).stdout


def events(*arguments: str) -> list[dict]:
    return json.loads(log(*arguments))["entries"]


def event_of(answer) -> dict:
    """The event of a request, found by the id that the client was told."""
    return json.loads(log("--request", answer.headers["x-ms-request-id"]))


def with_secret(secret: str):
    form = {
        "grant_type": "client_credentials",
        "client_id": DAEMON["app_id"],
        "client_secret": secret,
        "scope": SCOPE,
    }
    return post(TOKEN_PATH, form)


def with_certificate():
    header = {"alg": "PS256", "typ": "JWT", "x5t#S256": unpadded(thumbprint("sha256"))}
    value = assertion(header, payload(f"{BASE}/{TOKEN_PATH}"))
    return value, present(value)


@case("a grant: who, for what, by which credential, and no check failed")
def _():
    for answer, method in ((with_secret(DAEMON["secret"]), "secret"), (with_certificate()[1], "certificate")):
        event = event_of(answer)
        expect((event["tenant"], event["client"]), (ACME["id"], DAEMON["app_id"]), "who")
        expect((event["resource"], event["method"]), (APIS["v2"]["uri"], method), "for what, by what")
        results = {step["step"]: step["result"] for step in event["steps"]}
        # The resource requires no assignment, so that check is skipped.
        expect(set(results.values()), {"ok", "skipped"}, "results")
        expect(results["credential"], "ok", "credential")
        expect(event["outcome"]["issued"]["roles"], ["Things.Read.All"], "roles")


@case("a refusal: the first check that failed, what was found and what was expected")
def _():
    event = event_of(with_secret(WRONG))
    expect(event["outcome"]["refused"]["code"], 7000215, "code")
    results = [step["result"] for step in event["steps"]]
    expect(results, ["ok"] * (len(results) - 1) + ["failed"], "results")
    expect(event["steps"][-1]["step"], "credential", "step")


@case("two calls of MSAL are one event: the second came from its cache")
def _():
    app = msal.ConfidentialClientApplication(
        DAEMON["app_id"], DAEMON["secret"], authority=AUTHORITY, instance_discovery=False
    )
    counted = ("--app", DAEMON["app_id"], "--limit", "1000")
    before = len(events(*counted))
    for _ in "12":
        assert "access_token" in app.acquire_token_for_client([SCOPE])
    expect(len(events(*counted)) - before, 1, "new events")


@case("no secret, assertion, token or key is in the log, the server's output or its metrics")
def _():
    granted = with_secret(DAEMON["secret"])
    value, by_assertion = with_certificate()
    with urllib.request.urlopen(f"{READY['management_url'].rstrip('/')}/metrics") as answer:
        metrics = answer.read().decode()
    written = [log("--limit", "1000"), Path(WORLD["server_log"]).read_text(), metrics]
    secret = {
        "secret": DAEMON["secret"],
        "expired secret": DAEMON["expired_secret"],
        "wrong secret": WRONG,
        "assertion": value.split(".")[2],
        "token": granted.body["access_token"].split(".")[2],
        "token by assertion": by_assertion.body["access_token"].split(".")[2],
        "any token": "eyJ",
        "key": Path(CERTIFICATES["valid"]["key"]).read_text().splitlines()[1],
    }
    for name, value in secret.items():
        for text in written:
            assert value not in text, f"{name} was written"


run()
