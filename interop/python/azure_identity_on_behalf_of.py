"""azure-identity for Python, unmodified: OnBehalfOfCredential, synchronous and asynchronous."""

import asyncio
import functools
from pathlib import Path

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import OnBehalfOfCredential, aio
from harness import (
    ACME, APIS, BASE, CERTIFICATES, MIDDLE, MIDDLE_V1, SECRET, case, claims, expect, requests_of, run,
)
from people import ACCESS, desk, granted, sign_in, user_token
from sign_in import Browser

READ = f"{APIS['v2']['uri']}/Things.Read"
READ_V1 = f"{APIS['v1']['uri']}/.default"
WRONG = "not-the-secret-of-this-application"


@functools.cache
def assertion(api: str = MIDDLE["uri"]) -> str:
    """A token of a user who has consented to all there is."""
    return granted(sign_in(desk(), Browser("identity"), [f"{api}/.default"]))["access_token"]


def credential(user_assertion: str, **proof) -> OnBehalfOfCredential:
    proof = proof or {"client_secret": SECRET}
    return OnBehalfOfCredential(
        ACME["domain"], MIDDLE["app_id"], user_assertion=user_assertion,
        authority=BASE, disable_instance_discovery=True, **proof,
    )


def certificate(name: str) -> dict[str, bytes]:
    return {"client_certificate": Path(CERTIFICATES[name]["pem"]).read_bytes()}


def refused(own, code: int, scope: str = READ) -> None:
    """One request, and the exception that every Azure SDK shows."""

    def ask():
        try:
            asyncio.run(token_of(own)) if hasattr(own, "__aenter__") else own.get_token(scope)
        except ClientAuthenticationError as error:
            return str(error)
        raise AssertionError(f"granted, expected a refusal with {code}")

    text, requests = requests_of(ask)
    assert f"AADSTS{code}:" in text, text
    expect(requests, 1, "token requests")


@case("secret: a token for the next API, for the same user")
def _():
    own = credential(assertion())
    token, requests = requests_of(lambda: own.get_token(READ).token)
    found = claims(token)
    expect((found["aud"], found["scp"]), (APIS["v2"]["app_id"], "Things.Read"), "token")
    expect((found["azp"], found["azpacr"]), (MIDDLE["app_id"], "1"), "client")
    expect((found["oid"], requests), (claims(assertion())["oid"], 1), "user and requests")


@case("the second call is served from the client's cache")
def _():
    own = credential(assertion())
    first = own.get_token(READ).token
    second, requests = requests_of(lambda: own.get_token(READ).token)
    expect((second, requests), (first, 0), "token and requests")


@case("another API: the refresh token of the first call, one request, a v1.0 token")
def _():
    own = credential(assertion())
    own.get_token(READ)
    token, requests = requests_of(lambda: own.get_token(READ_V1).token)
    found = claims(token)
    expect((found["ver"], found["appid"], requests), ("1.0", MIDDLE["app_id"], 1), "token and requests")


@case("certificate, alone and with its chain")
def _():
    for options in ({}, {"send_certificate_chain": True}):
        own = credential(assertion(), **certificate("valid"), **options)
        expect(claims(own.get_token(READ).token)["azpacr"], "2", "azpacr")


@case("continuous access evaluation asked for (a claims parameter)")
def _():
    expect(claims(credential(assertion()).get_token(READ, enable_cae=True).token)["scp"], "Things.Read", "scp")


@case("two users: each credential keeps to its own")
def _():
    other = credential(user_token("identity-fresh", ACCESS))
    credential(assertion()).get_token(READ)
    refused(other, 65001)


@case("wrong secret 7000215, expired certificate 1000502, unregistered certificate 700027")
def _():
    refused(credential(assertion(), client_secret=WRONG), 7000215)
    refused(credential(assertion(), **certificate("expired")), 1000502)
    refused(credential(assertion(), **certificate("unregistered")), 700027)


@case("an assertion for another API 500131, none at all 50027")
def _():
    refused(credential(assertion(MIDDLE_V1["uri"])), 500131)
    refused(credential("no-token"), 50027)


@case("missing consent 65001, a second factor demanded 50076, unknown API 500011")
def _():
    refused(credential(user_token("identity-fresh", ACCESS)), 65001)
    refused(credential(assertion()), 50076, f"{APIS['mfa']['uri']}/Things.Read")
    refused(credential(assertion()), 500011, "api://nowhere/.default")


async def token_of(own, times: int = 1) -> list[str]:
    async with own:
        return [(await own.get_token(READ)).token for _ in range(times)]


def aio_credential(user_assertion: str, **proof) -> aio.OnBehalfOfCredential:
    proof = proof or {"client_secret": SECRET}
    # Never asks for instance discovery: no switch needed.
    return aio.OnBehalfOfCredential(
        ACME["domain"], MIDDLE["app_id"], user_assertion=user_assertion, authority=BASE, **proof
    )


@case("asynchronous: secret, second call from the cache")
def _():
    (first, second), requests = requests_of(lambda: asyncio.run(token_of(aio_credential(assertion()), 2)))
    expect((second, requests), (first, 1), "token and requests")
    expect(claims(first)["oid"], claims(assertion())["oid"], "oid")


@case("asynchronous: certificate")
def _():
    own = aio_credential(assertion(), **certificate("valid"))
    expect(claims(asyncio.run(token_of(own))[0])["azpacr"], "2", "azpacr")


@case("asynchronous: wrong secret 7000215, another API's assertion 500131, missing consent 65001")
def _():
    fresh = user_token("identity-fresh", ACCESS)
    refused(aio_credential(assertion(), client_secret=WRONG), 7000215)
    refused(aio_credential(assertion(MIDDLE_V1["uri"])), 500131)
    refused(aio_credential(fresh), 65001)


run()
