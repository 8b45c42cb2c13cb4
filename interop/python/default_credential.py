"""DefaultAzureCredential by environment alone: AZURE_TENANT_ID=adfs, no line of code changed."""

import asyncio
import os

from azure.identity import DefaultAzureCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential
from harness import APIS, BASE, CERTIFICATES, DAEMON, case, claims, expect, run

SCOPE = f"{APIS['v2']['uri']}/.default"
SECRET = {"AZURE_CLIENT_SECRET": DAEMON["secret"]}
CERTIFICATE = {"AZURE_CLIENT_CERTIFICATE_PATH": CERTIFICATES["valid"]["pem"]}


def environment(credential: dict[str, str]) -> None:
    for name in SECRET | CERTIFICATE:
        os.environ.pop(name, None)
    os.environ |= {
        "AZURE_AUTHORITY_HOST": BASE,
        "AZURE_TENANT_ID": "adfs",
        "AZURE_CLIENT_ID": DAEMON["app_id"],
    } | credential


def check(token: str, method: str) -> None:
    found = claims(token)
    expect(found["azpacr"], method, "azpacr")
    expect(found["roles"], ["Things.Read.All"], "roles")


async def asynchronous() -> str:
    async with AsyncDefaultAzureCredential() as credential:
        return (await credential.get_token(SCOPE)).token


@case("DefaultAzureCredential() with a secret")
def _():
    environment(SECRET)
    check(DefaultAzureCredential().get_token(SCOPE).token, "1")


@case("DefaultAzureCredential() with a certificate")
def _():
    environment(CERTIFICATE)
    check(DefaultAzureCredential().get_token(SCOPE).token, "2")


@case("asynchronous DefaultAzureCredential() with a secret")
def _():
    environment(SECRET)
    check(asyncio.run(asynchronous()), "1")


@case("asynchronous DefaultAzureCredential() with a certificate")
def _():
    environment(CERTIFICATE)
    check(asyncio.run(asynchronous()), "2")


run()
