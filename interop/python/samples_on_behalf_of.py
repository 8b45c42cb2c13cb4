"""The chain of the samples: native-app signs a user in and calls an orders-api (Rust, Python, Node), which calls
web-api on behalf of the same user."""

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request

from harness import (
    ACME, APIS, BASE, DAEMON, MIDDLE, READY, behalf, case, claims, expect, post, requests_of, run,
)
from people import desk, granted, sign_in, user_token
from programs import BIN, SAMPLES, behalf_run, environment, node_sample, run_to_end, start, with_browser
from sign_in import Browser

ORDERS = READY["apps"]["orders-api"]
DESK_APP = READY["apps"]["desk-app"]
ORDERS_API = {
    "web-api-on-behalf-of": [BIN / "sample-web-api-on-behalf-of"],
    "python/web-api-on-behalf-of": [sys.executable, SAMPLES / "python" / "web-api-on-behalf-of" / "api.py"],
    "node/web-api-on-behalf-of": ["node", node_sample("web-api-on-behalf-of") / "api.mjs"],
}
LEDGER = start(behalf_run("ledger-api", BIN / "sample-web-api"))
URLS = {name: start(behalf_run("orders-api", *command), LEDGER_URL=LEDGER) for name, command in ORDERS_API.items()}
NATIVE_APP = behalf_run("desk-app", BIN / "sample-native-app")


def native_app(name: str, user: str, consent: str = "accept"):
    return run_to_end(NATIVE_APP, ORDERS_URL=f"{URLS[name]}/orders", **with_browser(user, consent))


def orders(name: str, token: str | None) -> tuple[int, str]:
    """Status and challenge, or body."""
    request = urllib.request.Request(f"{URLS[name]}/orders")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers.get("WWW-Authenticate", "")


def of_desk_app(user: str, scope: str, **options) -> str:
    """A token of the dev world's program for orders-api."""
    app = desk(client_id=DESK_APP["app_id"])
    return granted(sign_in(app, Browser(user), [scope], **options))["access_token"]


def app_only(app_id: str, secret: str, scope: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": app_id, "client_secret": secret, "scope": scope}
    answer = post(f"{ACME['domain']}/oauth2/v2.0/token", form)
    expect(answer.status, 200, "status")
    return answer.body["access_token"]


def chain(name: str) -> None:
    done = native_app(name, "sample")
    expect((done.returncode, done.stderr), (0, ""), "exit and errors")
    who, _, answer = done.stdout.partition(": ")
    expect(who, "sample@acme.test", "user")
    (order,) = json.loads(answer)
    expect(sorted(order), ["cents", "what"], "what orders-api makes of an entry")


def twice(name: str) -> None:
    token = of_desk_app("sample", "api://orders/.default")
    (first, second), requests = requests_of(lambda: (orders(name, token), orders(name, token)))
    expect((first, first[0]), (second, 200), "answers")
    assert requests <= 1, f"{requests} token requests for two calls with one token"


def refuses(name: str) -> None:
    expect(orders(name, None)[0], 401, "without a token")
    status, challenge = orders(name, "no-token")
    expect((status, 'error="invalid_token"' in challenge), (401, True), challenge)
    status, challenge = orders(name, user_token("sample", f"{MIDDLE['uri']}/Access"))
    expect((status, 'error="invalid_token"' in challenge), (401, True), f"another API's token: {challenge}")
    token = app_only(ORDERS["app_id"], ORDERS["secret"], "api://orders/.default")
    status, challenge = orders(name, token)
    expect((status, 'error="insufficient_scope"' in challenge), (403, True), f"a daemon's token: {challenge}")


def lacks_consent(name: str) -> None:
    status, challenge = orders(name, of_desk_app("sample-fresh", "api://orders/Orders.Read"))
    expect((status, 'error="consent_required"' in challenge), (403, True), challenge)


def bad_secret(name: str) -> None:
    env = {
        "AZURE_AUTHORITY_HOST": BASE, "AZURE_TENANT_ID": ACME["domain"], "AZURE_CLIENT_ID": ORDERS["app_id"],
        "AZURE_CLIENT_SECRET": "not-the-secret-of-this-application", "LEDGER_URL": LEDGER,
        "BEHALF_AUTHORITY": f"{BASE}/{ACME['domain']}", "BEHALF_AUDIENCE": ORDERS["app_id"],
        "BEHALF_CA_FILE": READY["ca_file"], "REQUESTS_CA_BUNDLE": READY["ca_file"],
        "SSL_CERT_FILE": READY["ca_file"], "NODE_EXTRA_CA_CERTS": READY["ca_file"],
    }
    URLS["wrong"] = start([str(word) for word in ORDERS_API[name]], **env)
    expect(orders("wrong", of_desk_app("sample", "api://orders/.default"))[0], 502, "status")


for name in ORDERS_API:
    case(f"samples/native-app -> samples/{name} -> samples/web-api")(lambda name=name: chain(name))
    case(f"samples/{name}: the second call with a token takes no token request")(lambda name=name: twice(name))
    case(f"samples/{name}: no token, no user's token, another API's token")(lambda name=name: refuses(name))
    case(f"samples/{name}: a user who did not consent to the call onwards, 403 consent_required")(
        lambda name=name: lacks_consent(name)
    )
    case(f"samples/{name} with a wrong secret: 502, the caller did nothing wrong")(lambda name=name: bad_secret(name))


@case("samples/native-app: the same user arrives at web-api, through orders-api")
def _():
    token = of_desk_app("sample", "api://orders/.default")
    answers = [json.loads(orders(name, token)[1]) for name in ORDERS_API]
    expect(answers, answers[:1] * 3, "answers in three languages")
    log = json.loads(behalf("log", "-o", "json", "--app", ORDERS["app_id"], "--limit", "1"))["entries"][0]
    expect((log["user"], log["resource"]), (claims(token)["oid"], "api://ledger"), "who, what")


@case("samples/native-app: a user who cancels ends it with what happened")
def _():
    done = native_app("web-api-on-behalf-of", "sample-foreign", "cancel")
    expect((done.returncode, done.stdout), (1, ""), "exit and output")
    assert "AADSTS65004" in done.stderr, done.stderr


@case("samples/native-app --device: the user types the code in a browser elsewhere")
def _():
    command = [*NATIVE_APP, "--device"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    device = subprocess.Popen(command, env=environment(ORDERS_URL=f"{URLS['web-api-on-behalf-of']}/orders"), **pipes)
    shown = device.stderr.readline()
    uri, code = re.search(r"(https://\S+/devicelogin)\b.* (\w{9})\b", shown).groups()
    browser = Browser("sample")
    last = browser.finish(browser.submit(browser.open(uri), user_code=code))
    expect(last.heading, "You are signed in to desk-app on your device", "page")
    output, errors = device.communicate(timeout=60)
    expect((device.returncode, output.partition(": ")[0]), (0, "sample@acme.test"), errors)


@case("samples/web-api: a user's token for it must come through an application with the scope")
def _():
    token = app_only(DAEMON["app_id"], DAEMON["secret"], f"{APIS['v2']['uri']}/.default")
    request = urllib.request.Request(f"{LEDGER}/entries", headers={"Authorization": f"Bearer {token}"})
    try:
        urllib.request.urlopen(request)
    except urllib.error.HTTPError as refusal:
        expect(refusal.code, 401, "status")
    else:
        raise AssertionError("taken")


run()
