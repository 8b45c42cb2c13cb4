"""Client assertions that must be refused: the exact status, error, code, and the envelope around them."""

import json
import re
import time
import uuid

from assertions import (
    TOKEN_PATH, assertion, payload, present, sign, thumbprint, unpadded, x5c,
)
from harness import ASSERTION_TYPE, BASE, DAEMON, READY, case, expect, post, run

ENDPOINT = f"{BASE}/{TOKEN_PATH}"
PLAIN = {"alg": "PS256", "typ": "JWT", "x5t#S256": unpadded(thumbprint("sha256"))}
OTHER_APP = "00000000-0000-4000-8000-0000000000ff"


def refused(answer, code: int, status: int = 401, error: str = "invalid_client") -> None:
    body = answer.body
    expect((answer.status, body["error"], body["error_codes"]), (status, error, [code]), "refusal")
    assert body["error_description"].startswith(f"AADSTS{code}: "), body["error_description"]
    expect(body["trace_id"], answer.headers["x-ms-request-id"], "trace_id")
    uuid.UUID(body["correlation_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"]), body["timestamp"]


def refusal(name: str, code: int, header: dict | None = None, aud=ENDPOINT, key="valid", **changed):
    """A case: the assertion of this shape is refused with this code."""

    @case(f"{name}: {code}")
    def _():
        value = assertion(header or PLAIN, payload(aud, **changed), name=key)
        refused(present(value), code)


def now() -> int:
    return int(time.time())


refusal("exp past", 700024, exp=now() - 3600, nbf=None)
refusal("no exp", 700024, exp=None)
refusal("nbf in the future", 700024, nbf=now() + 3600, exp=now() + 7200)
refusal("sub is not iss", 50048, sub=OTHER_APP)
refusal("iss is somebody else", 700021, iss=OTHER_APP, sub=OTHER_APP)

globex = READY["tenants"]["globex"]
audiences = {
    "another tenant": f"{BASE}/{globex['id']}/v2.0",
    "another tenant by domain": f"{BASE}/{globex['domain']}/oauth2/v2.0/token",
    "the authorize endpoint": ENDPOINT.replace("/token", "/authorize"),
    "the keys of the same server": ENDPOINT.replace("/oauth2/v2.0/token", "/discovery/v2.0/keys"),
    "another server": ENDPOINT.replace(BASE, "https://login.example.com"),
    "another port": ENDPOINT.replace(BASE, BASE.rsplit(":", 1)[0] + ":1"),
    "the server without a tenant": BASE,
    "two audiences": [ENDPOINT, "https://elsewhere.example"],
    "no audience": None,
}
for name, aud in audiences.items():
    refusal(f"aud: {name}", 700023, aud=aud)

unregistered = thumbprint("sha256", "unregistered")
refusal("a certificate nobody registered", 700027, PLAIN | {"x5t#S256": unpadded(unregistered)}, key="unregistered")
refusal(
    "x5c of a certificate nobody registered is not trusted", 700027,
    {"alg": "PS256", "typ": "JWT", "x5c": [x5c("unregistered")]}, key="unregistered",
)
refusal("a registered thumbprint and another key's signature", 700027, key="unregistered")
refusal("no name of a key, and nobody's key", 700027, {"alg": "PS256", "typ": "JWT"}, key="unregistered")
refusal("a kid that names no key", 700027, {"alg": "PS256", "typ": "JWT", "kid": "key-1"})
refusal(
    "an expired certificate", 1000502,
    PLAIN | {"x5t#S256": unpadded(thumbprint("sha256", "expired"))}, key="expired",
)
for alg in ("none", "HS256", "ES256", "ps256"):
    refusal(f"alg {alg}", 700027, PLAIN | {"alg": alg})


def tampered(name: str, change) -> None:
    """A case: a valid assertion, changed as text, is refused as malformed or mis-signed."""

    @case(f"{name}: 700027")
    def _():
        value = change(assertion(PLAIN, payload(ENDPOINT)))
        refused(present(value), 700027)


def part(index: int, change):
    def changed(value: str) -> str:
        parts = value.split(".")
        parts[index] = change(parts[index])
        return ".".join(parts)

    return changed


tampered("two parts", lambda value: value.rsplit(".", 1)[0])
tampered("four parts", lambda value: f"{value}.")
tampered("an empty signature", part(2, lambda _: ""))
tampered("a signature cut short", part(2, lambda text: text[:-4]))
tampered("white space inside", part(1, lambda text: f"{text[:9]} {text[9:]}"))
tampered("a line break at the end", lambda value: f"{value}\n")
tampered("a letter outside base64url", part(1, lambda text: f"{text[:-1]}+"))
tampered("a header that is no JSON", part(0, lambda _: unpadded(b"{")))
tampered("a header that is no object", part(0, lambda _: unpadded(b"[]")))
tampered("no JWS at all", lambda _: "assertion")


@case("a claim changed after signing: 700027")
def _():
    header, _, signature = assertion(PLAIN, payload(ENDPOINT)).split(".")
    _, other, _ = assertion(PLAIN, payload(ENDPOINT, extra=1)).split(".")
    refused(present(f"{header}.{other}.{signature}"), 700027)


@case("a signature with stray bits in its last letter: 700027")
def _():
    # 256 bytes leave four unused bits in the last letter: another spelling of the same bytes.
    value = assertion(PLAIN, payload(ENDPOINT))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    refused(present(value[:-1] + letters[letters.index(value[-1]) + 1]), 700027)


@case("a duplicate member in the payload: 700027")
def _():
    payload_text = (
        f'{{"aud":"{ENDPOINT}","aud":"{ENDPOINT}","iss":"{DAEMON["app_id"]}",'
        f'"sub":"{DAEMON["app_id"]}","exp":{now() + 600}}}'
    )
    message = f"{unpadded(json.dumps(PLAIN).encode())}.{unpadded(payload_text.encode())}"
    refused(present(f"{message}.{unpadded(sign('PS256', message.encode()))}"), 700027)


@case("an assertion and a secret together: 400 invalid_request 90023")
def _():
    value = assertion(PLAIN, payload(ENDPOINT))
    answer = present(value, client_secret=DAEMON["secret"])
    refused(answer, 90023, status=400, error="invalid_request")


@case("the assertion twice: 400 invalid_request 9000411")
def _():
    value = assertion(PLAIN, payload(ENDPOINT))
    form = [
        ("grant_type", "client_credentials"),
        ("client_id", DAEMON["app_id"]),
        ("scope", "api://interop-v2/.default"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", value),
        ("client_assertion", value),
    ]
    refused(post(TOKEN_PATH, form), 9000411, status=400, error="invalid_request")


@case("client-request-id comes back as the correlation id")
def _():
    ours = str(uuid.uuid4())
    headers = {"client-request-id": ours, "return-client-request-id": "true"}
    answer = present(assertion(PLAIN, payload(ENDPOINT, exp=1)), headers=headers)
    expect(answer.body["correlation_id"], ours, "correlation_id")
    expect(answer.headers["client-request-id"], ours, "client-request-id header")


run()
