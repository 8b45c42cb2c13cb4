"""PyJWT with PyJWKClient validates both token formats from nothing but the metadata."""

import jwt
from harness import ACME, APIS, DAEMON, case, expect, get_json, post, run, tls

FORMATS = {
    # format: (discovery document, audience)
    "v1": ("/.well-known/openid-configuration", APIS["v1"]["uri"]),
    "v2": ("/v2.0/.well-known/openid-configuration", APIS["v2"]["app_id"]),
}


def token(version: str, endpoint: str) -> str:
    uri = APIS[version]["uri"]
    target = {"resource": uri} if endpoint == "v1" else {"scope": f"{uri}/.default"}
    path = "oauth2/token" if endpoint == "v1" else "oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "client_id": DAEMON["app_id"],
        "client_secret": DAEMON["secret"],
    }
    answer = post(f"{ACME['domain']}/{path}", form | target)
    expect(answer.status, 200, "status")
    return answer.body["access_token"]


def decode(raw: str, version: str, **changed) -> dict:
    path, audience = FORMATS[version]
    metadata = get_json(f"{ACME['id']}{path}")
    keys = jwt.PyJWKClient(metadata["jwks_uri"], ssl_context=tls())
    options = {"audience": audience, "issuer": metadata["issuer"]} | changed
    key = keys.get_signing_key_from_jwt(raw)
    return jwt.decode(raw, key, algorithms=["RS256"], **options)


for version in FORMATS:
    for endpoint in FORMATS:

        @case(f"a {version}.0 token from the {endpoint} endpoint is valid")
        def _(version=version, endpoint=endpoint):
            found = decode(token(version, endpoint), version)
            expect(found["ver"], f"{version[1]}.0", "ver")
            expect(found["tid"], ACME["id"], "tid")
            expect(found["sub"], found["oid"], "sub")
            expect(found["roles"], ["Things.Read.All"], "roles")


def refused(error: type[Exception], raw: str, **changed) -> None:
    try:
        decode(raw, "v2", **changed)
    except error:
        return
    raise AssertionError(f"accepted, expected {error.__name__}")


@case("another audience is refused")
def _():
    refused(jwt.InvalidAudienceError, token("v2", "v2"), audience=APIS["v1"]["app_id"])


@case("the v1 issuer is refused for a v2.0 token")
def _():
    issuer = get_json(f"{ACME['id']}/.well-known/openid-configuration")["issuer"]
    refused(jwt.InvalidIssuerError, token("v2", "v2"), issuer=issuer)


@case("a changed claim breaks the signature")
def _():
    header, payload, signature = token("v2", "v2").split(".")
    changed = payload[:-2] + ("AA" if payload[-2:] != "AA" else "BA")
    refused(jwt.InvalidTokenError, f"{header}.{changed}.{signature}")


run()
