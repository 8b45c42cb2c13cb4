"""Client assertions in every shape that clients give them, signed here byte by byte."""

import base64
import itertools
import json
import time
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from harness import ACME, ASSERTION_TYPE, APIS, CERTIFICATES, DAEMON, Answer, post

TOKEN_PATH = f"{ACME['domain']}/oauth2/v2.0/token"
SCOPE = f"{APIS['v2']['uri']}/.default"
HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}


def unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def padded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def standard(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def thumbprint(kind: str, name: str = "valid") -> bytes:
    return bytes.fromhex(CERTIFICATES[name][kind])


def x5c(name: str = "valid") -> str:
    return CERTIFICATES[name]["der"]


def key(name: str):
    pem = Path(CERTIFICATES[name]["key"]).read_bytes()
    return serialization.load_pem_private_key(pem, password=None)


def payload(aud: str, **changed) -> dict:
    """The claims most clients send; a claim changed to None is left out."""
    now = int(time.time())
    usual = {
        "aud": aud,
        "iss": DAEMON["app_id"],
        "sub": DAEMON["app_id"],
        "jti": str(uuid.uuid4()),
        "nbf": now,
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (usual | changed).items() if value is not None}


def sign(alg: str, message: bytes, name: str = "valid") -> bytes:
    alg = alg.upper()
    digest = HASHES.get(alg[2:])
    if alg.startswith("RS"):
        return key(name).sign(message, padding.PKCS1v15(), digest)
    if alg.startswith("PS"):
        pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
        return key(name).sign(message, pss, digest)
    if alg.startswith("HS"):
        # The classic confusion: the public certificate as the shared key.
        mac = hmac.HMAC(Path(CERTIFICATES[name]["crt"]).read_bytes(), digest)
        mac.update(message)
        return mac.finalize()
    if alg.startswith("ES"):
        return ec.generate_private_key(ec.SECP256R1()).sign(message, ec.ECDSA(digest))[:64]
    return b""


def assertion(header: dict, claims: dict, encode=unpadded, name: str = "valid") -> str:
    """A compact JWS; `encode` writes each part, and the signature covers what it wrote."""
    parts = [encode(json.dumps(part).encode()) for part in (header, claims)]
    message = ".".join(parts)
    return f"{message}.{encode(sign(header['alg'], message.encode(), name))}"


_sources = (f"127.7.{number // 250}.{number % 250 + 1}" for number in itertools.count())


def present(value: str, path: str = TOKEN_PATH, headers: dict | None = None, **fields) -> Answer:
    """Asks for a token with an assertion; `fields` are added, or left out when None.

    Each time from another address, so that no refusal counts against the next.
    """
    form = {
        "grant_type": "client_credentials",
        "client_id": DAEMON["app_id"],
        "scope": SCOPE,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": value,
    } | fields
    form = {name: value for name, value in form.items() if value is not None}
    return post(path, form, headers, source=next(_sources))
