"""azure-identity for Python, unmodified, synchronous and asynchronous."""

import asyncio

from azure.core.exceptions import ClientAuthenticationError
from azure.identity import CertificateCredential, ClientSecretCredential
from azure.identity import aio
from harness import (
    ACME, APIS, BASE, CERTIFICATES, DAEMON, case, claims, expect, run, token_requests,
)

SCOPE = f"{APIS['v2']['uri']}/.default"
POINTED = {"authority": BASE, "disable_instance_discovery": True}


def secret(value: str = DAEMON["secret"], tenant: str = ACME["domain"]):
    return ClientSecretCredential(tenant, DAEMON["app_id"], value, **POINTED)


def certificate(name: str, **options):
    path = CERTIFICATES[name]["pem"]
    return CertificateCredential(ACME["id"], DAEMON["app_id"], path, **POINTED, **options)


def refused(call, code: int) -> None:
    try:
        call()
    except ClientAuthenticationError as error:
        assert f"AADSTS{code}:" in str(error), error
    else:
        raise AssertionError(f"granted, expected a refusal with {code}")


@case("secret, with the tenant's domain and with its id")
def _():
    for tenant in (ACME["domain"], ACME["id"]):
        found = claims(secret(tenant=tenant).get_token(SCOPE).token)
        expect(found["roles"], ["Things.Read.All"], "roles")


@case("certificate")
def _():
    expect(claims(certificate("valid").get_token(SCOPE).token)["azpacr"], "2", "azpacr")


@case("certificate with its chain in the assertion")
def _():
    certificate("valid", send_certificate_chain=True).get_token(SCOPE)


@case("continuous access evaluation asked for (a claims parameter)")
def _():
    secret().get_token(SCOPE, enable_cae=True)


@case("the second call is served from the client's cache")
def _():
    credential = secret()
    before = token_requests()
    first, second = credential.get_token(SCOPE), credential.get_token(SCOPE)
    expect(second.token, first.token, "token")
    expect(token_requests() - before, 1, "token requests")


@case("wrong secret: 7000215")
def _():
    refused(lambda: secret("not-the-secret-of-this-application").get_token(SCOPE), 7000215)


@case("expired certificate: 1000502")
def _():
    refused(lambda: certificate("expired").get_token(SCOPE), 1000502)


async def token_of(credential, times: int = 1) -> list[str]:
    async with credential:
        return [(await credential.get_token(SCOPE)).token for _ in range(times)]


def aio_secret(value: str = DAEMON["secret"]):
    # Never asks for instance discovery: no switch needed.
    return aio.ClientSecretCredential(ACME["domain"], DAEMON["app_id"], value, authority=BASE)


def aio_certificate(name: str):
    path = CERTIFICATES[name]["pem"]
    return aio.CertificateCredential(ACME["domain"], DAEMON["app_id"], path, authority=BASE)


@case("asynchronous: secret, second call from the cache")
def _():
    before = token_requests()
    first, second = asyncio.run(token_of(aio_secret(), times=2))
    expect(second, first, "token")
    expect(token_requests() - before, 1, "token requests")


@case("asynchronous: certificate, all three parts of the JWS padded")
def _():
    (token,) = asyncio.run(token_of(aio_certificate("valid")))
    expect(claims(token)["azpacr"], "2", "azpacr")


@case("asynchronous: wrong secret 7000215, expired certificate 1000502")
def _():
    refused(lambda: asyncio.run(token_of(aio_secret("not-the-secret-at-all"))), 7000215)
    refused(lambda: asyncio.run(token_of(aio_certificate("expired"))), 1000502)


run()
