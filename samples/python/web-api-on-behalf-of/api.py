"""orders-api: validates the user's token with PyJWT, then calls ledger-api on behalf of the same user with MSAL."""

import base64
import json
import os
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import msal

AUTHORITY = f"{os.environ['AZURE_AUTHORITY_HOST']}/{os.environ['AZURE_TENANT_ID']}"
AUDIENCES = [os.environ["AZURE_CLIENT_ID"], "api://orders"]  # in v2.0 and in v1.0 tokens
LEDGER = os.environ.get("LEDGER_URL", "http://localhost:3002")
LEDGER_SCOPES = ["api://ledger/Entries.Read"]

with urllib.request.urlopen(f"{AUTHORITY}/v2.0/.well-known/openid-configuration") as answer:
    METADATA = json.load(answer)
KEYS = jwt.PyJWKClient(METADATA["jwks_uri"])
CLIENT = msal.ConfidentialClientApplication(
    os.environ["AZURE_CLIENT_ID"],
    client_credential=os.environ["AZURE_CLIENT_SECRET"],
    authority=AUTHORITY,
    instance_discovery=False,  # this authority vouches for itself
)


class Refused(Exception):
    """What the caller is told: a status and a challenge (RFC 6750 section 3)."""

    def __init__(self, status: int, challenge: str = ""):
        self.status, self.challenge = status, f"Bearer {challenge}".strip()


def validate(authorization: str) -> tuple[str, dict]:
    """The token and its claims, if it is a user's, for this API, with the scope."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Refused(401)
    try:
        claims = jwt.decode(
            token,
            KEYS.get_signing_key_from_jwt(token),
            algorithms=["RS256"],
            audience=AUDIENCES,
            issuer=METADATA["issuer"],
            options={"require": ["exp", "oid", "tid"]},
        )
    except jwt.PyJWTError:
        raise Refused(401, 'error="invalid_token"') from None
    # A daemon's token has roles and no scp: there is no user to act for.
    if "Orders.Read" not in claims.get("scp", "").split():
        raise Refused(403, 'error="insufficient_scope", scope="Orders.Read"')
    return token, claims


def ledger_token(token: str, claims: dict) -> str:
    """A token for ledger-api for the same user: from MSAL's cache, by its refresh token, or on behalf of him."""
    user = f"{claims['oid']}.{claims['tid']}"
    account = next((a for a in CLIENT.get_accounts() if a["home_account_id"] == user), None)
    result = CLIENT.acquire_token_silent(LEDGER_SCOPES, account)
    result = result or CLIENT.acquire_token_on_behalf_of(token, LEDGER_SCOPES)
    if "access_token" in result:
        return result["access_token"]
    print(result["error_description"], flush=True)
    if result.get("suberror") == "consent_required":
        raise Refused(403, 'error="consent_required"')
    if demanded := result.get("claims"):  # the user must sign in again, with these
        encoded = base64.b64encode(demanded.encode()).decode()
        raise Refused(401, f'error="insufficient_claims", claims="{encoded}"')
    if result["error"] in ("invalid_grant", "interaction_required"):
        raise Refused(401, 'error="invalid_token"')
    raise Refused(502)


def orders(authorization: str) -> list[dict]:
    """What ledger-api says of this user, as orders."""
    bearer = {"Authorization": f"Bearer {ledger_token(*validate(authorization))}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{LEDGER}/entries", headers=bearer)) as answer:
            return [{"what": entry["text"], "cents": entry["cents"]} for entry in json.load(answer)]
    except urllib.error.URLError as error:
        print(f"error: {LEDGER}: {error}", flush=True)
        raise Refused(502) from None


class Handler(BaseHTTPRequestHandler):
    """GET /orders, and nothing else."""

    def do_GET(self):
        try:
            if self.path != "/orders":
                raise Refused(404)
            status, challenge, body = 200, None, orders(self.headers.get("Authorization", ""))
        except Refused as refused:
            status, challenge, body = refused.status, refused.challenge, {"error": refused.challenge}
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status in (401, 403):
            self.send_header("WWW-Authenticate", challenge)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3001"))), Handler)
    print(f"orders-api listens on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
