"""ADAL Python, unmodified: the v1 endpoint with `resource`, as programs of before 2020 call it."""

import adal
from harness import ACME, APIS, BASE, CERTIFICATES, DAEMON, case, claims, expect, run, token_requests

V1, V2 = APIS["v1"]["uri"], APIS["v2"]["uri"]


def context(tenant: str = ACME["domain"]) -> adal.AuthenticationContext:
    return adal.AuthenticationContext(f"{BASE}/{tenant}", validate_authority=False, api_version=None)


def by_secret(resource: str, secret: str = DAEMON["secret"], tenant: str = ACME["domain"]) -> dict:
    return context(tenant).acquire_token_with_client_credentials(resource, DAEMON["app_id"], secret)


def by_certificate(resource: str, name: str) -> dict:
    files = CERTIFICATES[name]
    key = open(files["key"]).read()
    return context().acquire_token_with_client_certificate(resource, DAEMON["app_id"], key, files["sha1"])


def refused(call, code: int) -> None:
    try:
        call()
    except adal.AdalError as error:
        expect(error.error_response["error_codes"], [code], "error_codes")
    else:
        raise AssertionError(f"granted, expected a refusal with {code}")


@case("secret, tenant by domain and by id; the resource decides the token's format")
def _():
    for tenant in (ACME["domain"], ACME["id"]):
        for resource, version in ((V1, "1.0"), (V2, "2.0")):
            result = by_secret(resource, tenant=tenant)
            expect(result["resource"], resource, "resource")
            expect(claims(result["accessToken"])["ver"], version, "ver")


@case("the resource named by its application id")
def _():
    expect(claims(by_secret(APIS["v1"]["app_id"])["accessToken"])["ver"], "1.0", "ver")


@case("certificate: RS256 with x5t")
def _():
    found = claims(by_certificate(V1, "valid")["accessToken"])
    expect((found["appid"], found["appidacr"]), (DAEMON["app_id"], "2"), "client")


@case("the second call is served from the client's cache")
def _():
    asked = context()
    before = token_requests()
    first, second = (
        asked.acquire_token_with_client_credentials(V1, DAEMON["app_id"], DAEMON["secret"]) for _ in "12"
    )
    expect(second["accessToken"], first["accessToken"], "accessToken")
    expect(token_requests() - before, 1, "token requests")


@case("wrong secret 7000215, expired certificate 1000502, unknown resource 500011")
def _():
    refused(lambda: by_secret(V1, "not-the-secret-of-this-application"), 7000215)
    refused(lambda: by_certificate(V1, "expired"), 1000502)
    refused(lambda: by_secret("api://nowhere"), 500011)


run()
