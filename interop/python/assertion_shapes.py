"""The client assertions and bodies of clients that cannot run here, replayed: each gets a token.

MSAL for Java, Go and .NET, azure_identity for Rust and terraform, from their sources; and every
spelling of thumbprint, chain, date and audience that a known client uses.
"""

import textwrap
import time
import uuid

from assertions import (
    TOKEN_PATH, assertion, padded, payload, present, standard, thumbprint, unpadded, x5c,
)
from harness import ACME, APIS, BASE, DAEMON, case, claims, expect, run

V1_PATH = f"{ACME['domain']}/oauth2/token"
ENDPOINT = f"{BASE}/{TOKEN_PATH}"
SHA1, SHA256 = thumbprint("sha1"), thumbprint("sha256")
PLAIN = {"alg": "PS256", "typ": "JWT", "x5t#S256": unpadded(SHA256)}


def granted(answer) -> None:
    expect(answer.body.get("error_description"), None, "error_description")
    expect(answer.status, 200, "status")
    found = claims(answer.body["access_token"])
    expect(found["azp"] if found["ver"] == "2.0" else found["appid"], DAEMON["app_id"], "client")


def shape(name: str, header: dict, encode=unpadded, aud: str = ENDPOINT, fields=None, **changed):
    """A case: the assertion of this shape gets a token."""

    @case(name)
    def _():
        value = assertion(header, payload(aud, **changed), encode)
        granted(present(value, **(fields or {})))


def now() -> int:
    return int(time.time())


newlines = "\n".join(textwrap.wrap(x5c(), 64))

# --- whole clients -------------------------------------------------------------------------------

shape(
    "MSAL Java: RS256 with x5t#S256, thumbprint in standard base64, x5c",
    {"alg": "RS256", "typ": "JWT", "x5t#S256": standard(SHA256), "x5c": [x5c()]},
    fields={"headers": {
        "x-client-SKU": "MSAL.Java", "x-client-VER": "1.17.2", "x-client-OS": "Linux",
        "x-ms-lib-capability": "retry-after, h429", "client-request-id": str(uuid.uuid4()),
        "return-client-request-id": "true",
    }},
)
shape(
    "MSAL Go: PS256 with x5t#S256 in standard base64, x5c, client_info",
    {"alg": "PS256", "typ": "JWT", "x5t#S256": standard(SHA256), "x5c": [x5c()]},
    fields={"client_info": "1"},
)
shape(
    "MSAL Go to an ADFS authority: RS256 with x5t, v1 endpoint with scope",
    {"alg": "RS256", "typ": "JWT", "x5t": standard(SHA1)},
    aud=f"{BASE}/adfs/oauth2/token",
    fields={"path": "adfs/oauth2/token"},
)
shape(
    "MSAL.NET: exp and nbf as strings, x5c as one string, no iat",
    {"alg": "PS256", "typ": "JWT", "x5t#S256": unpadded(SHA256), "x5c": x5c()},
    exp=str(now() + 600), nbf=str(now()), iat=None,
    fields={"client_info": "2", "x-client-SKU": "MSAL.NetCore", "x-ms-lib-capability": "retry-after, h429"},
)
shape(
    "azure_identity for Rust: RS256, x5t in standard base64, x5c, no iat",
    {"alg": "RS256", "typ": "JWT", "x5t": standard(SHA1), "x5c": [x5c()]},
    iat=None,
)
shape(
    "terraform: RS256 and nothing but kid, padded base64url SHA-1, an hour long",
    {"alg": "RS256", "typ": "JWT", "kid": padded(SHA1)},
    exp=now() + 3600,
)
shape(
    "MSAL Python: fractional dates, padded thumbprint, x5c with newlines, no nbf",
    {"alg": "PS256", "typ": "JWT", "x5t#S256": padded(SHA256), "x5c": [newlines]},
    exp=time.time() + 599.25, iat=time.time(), nbf=None, fields={"client_info": "1"},
)
shape(
    "azure-identity aio: = kept in header, payload and signature, half an hour long, no iat",
    {"alg": "PS256", "typ": "JWT", "x5t#S256": padded(SHA256)},
    encode=padded, exp=now() + 1800, iat=None,
)
shape(
    "MSAL Node: telemetry in the body and client-request-id in the query",
    PLAIN | {"x5c": [x5c()]},
    fields={
        "path": f"{TOKEN_PATH}?client-request-id={uuid.uuid4()}",
        "x-client-SKU": "msal.js.node", "x-client-VER": "7.2.1", "x-client-OS": "linux",
        "x-client-CPU": "x64", "x-ms-lib-capability": "retry-after, h429",
        "x-client-current-telemetry": "5|771,2,,,|,", "x-client-last-telemetry": "5|0|||0,0",
        "client-request-id": str(uuid.uuid4()),
    },
)

# --- one spelling at a time ----------------------------------------------------------------------

for alg in ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"):
    shape(f"alg {alg}", PLAIN | {"alg": alg})

thumbprints = {
    "x5t padded": {"x5t": padded(SHA1)},
    "x5t unpadded": {"x5t": unpadded(SHA1)},
    "x5t in standard base64": {"x5t": standard(SHA1)},
    "x5t#S256 padded": {"x5t#S256": padded(SHA256)},
    "x5t#S256 in standard base64": {"x5t#S256": standard(SHA256)},
    "kid = SHA-1 base64url": {"kid": unpadded(SHA1)},
    "kid = SHA-256 base64url": {"kid": unpadded(SHA256)},
    "kid = SHA-1 in lower-case hex": {"kid": SHA1.hex()},
    "kid = SHA-1 in upper-case hex": {"kid": SHA1.hex().upper()},
}
for name, header in thumbprints.items():
    for alg in ("RS256", "PS256"):
        shape(f"{name}, {alg}", {"alg": alg, "typ": "JWT"} | header)

shape("no name of a key: each registered certificate is tried", {"alg": "PS256", "typ": "JWT"})
shape("no typ", {"alg": "PS256", "x5t#S256": unpadded(SHA256)})
shape("exp as a string, no nbf, no iat", PLAIN, exp=str(now() + 600), nbf=None, iat=None)
shape("no jti", PLAIN, jti=None)
shape("claims the server does not know", PLAIN, tenant_id="x", nested={"a": [1]})
shape("just expired, within the skew", PLAIN, exp=now() - 120)
shape("not valid for two minutes, within the skew", PLAIN, nbf=now() + 120)

segments = {"domain": ACME["domain"], "id": ACME["id"], "domain in capitals": ACME["domain"].upper()}
endings = ["", "/", "/v2.0", "/oauth2/token", "/oauth2/v2.0/token"]
for name, segment in segments.items():
    for ending in endings:
        shape(f"aud: tenant by {name}, then {ending!r}", PLAIN, aud=f"{BASE}/{segment}{ending}")
shape("aud as an array of one", PLAIN, aud=[ENDPOINT])
shape("aud with the scheme in capitals", PLAIN, aud=ENDPOINT.replace("https", "HTTPS", 1))


@case("the v1 endpoint with resource")
def _():
    value = assertion(PLAIN, payload(f"{BASE}/{V1_PATH}"))
    uri = APIS["v1"]["uri"]
    answer = present(value, path=V1_PATH, scope=None, resource=uri)
    granted(answer)
    expect(answer.body["resource"], uri, "resource")
    expect({type(field) for field in answer.body.values()}, {str}, "types of the v1 answer")


@case("client_id left out: taken from the assertion's subject")
def _():
    granted(present(assertion(PLAIN, payload(ENDPOINT)), client_id=None))


@case("the same assertion twice: clients reuse it")
def _():
    value = assertion(PLAIN, payload(ENDPOINT))
    granted(present(value))
    granted(present(value))


run()
