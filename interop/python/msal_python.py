"""MSAL Python, unmodified: secret, certificate, refusals, its cache, both token formats."""

import msal
from harness import (
    ACME, APIS, AUTHORITY, BASE, CERTIFICATES, DAEMON, INVOICE_DAEMON, LEDGER, LEDGER_SCOPE,
    case, claims, expect, run, token_requests,
)

V2_SCOPE = [f"{APIS['v2']['uri']}/.default"]


def application(credential, app_id: str = DAEMON["app_id"], **options):
    options = {"authority": AUTHORITY, "instance_discovery": False} | options
    return msal.ConfidentialClientApplication(app_id, client_credential=credential, **options)


def certificate(name: str) -> dict:
    files = CERTIFICATES[name]
    return {
        "private_key": open(files["key"]).read(),
        "public_certificate": open(files["crt"]).read(),
    }


def granted(result: dict) -> dict:
    expect(result.get("error_description"), None, "error_description")
    expect(result["token_type"], "Bearer", "token_type")
    return claims(result["access_token"])


def refused(result: dict, error: str, code: int) -> None:
    expect((result.get("error"), result.get("error_codes")), (error, [code]), "error")


@case("the dev world's daemon: secret, v2.0 token with its role")
def _():
    app = application(INVOICE_DAEMON["secret"], INVOICE_DAEMON["app_id"])
    found = granted(app.acquire_token_for_client([LEDGER_SCOPE]))
    expect(found["aud"], LEDGER["app_id"], "aud")
    expect(found["azp"], INVOICE_DAEMON["app_id"], "azp")
    expect(found["roles"], ["Entries.Read.All"], "roles")
    expect(found["iss"], f"{BASE}/{ACME['id']}/v2.0", "iss")
    expect(found["ver"], "2.0", "ver")


@case("the dev world's daemon: its certificate file")
def _():
    pem = open(INVOICE_DAEMON["certificate_file"]).read()
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    end = pem.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
    credential = {
        "private_key": pem[:begin] + pem[end:],
        "public_certificate": pem[begin:end] + "\n",
    }
    app = application(credential, INVOICE_DAEMON["app_id"])
    expect(granted(app.acquire_token_for_client([LEDGER_SCOPE]))["azpacr"], "2", "azpacr")


@case("secret, by tenant id and by oidc_authority, without any discovery switch")
def _():
    for options in (
        {"authority": f"{BASE}/{ACME['id']}"},
        {"authority": None, "instance_discovery": None, "oidc_authority": f"{BASE}/{ACME['id']}/v2.0"},
    ):
        granted(application(DAEMON["secret"], **options).acquire_token_for_client(V2_SCOPE))


@case("certificate: PS256, x5t#S256 and x5c with newlines")
def _():
    found = granted(application(certificate("valid")).acquire_token_for_client(V2_SCOPE))
    expect(found["azpacr"], "2", "azpacr")


@case("certificate: RS256 and a SHA-1 thumbprint alone")
def _():
    files = CERTIFICATES["valid"]
    credential = {"private_key": open(files["key"]).read(), "thumbprint": files["sha1"]}
    granted(application(credential).acquire_token_for_client(V2_SCOPE))


@case("certificate: RS256, x5t and x5c together")
def _():
    credential = certificate("valid") | {"thumbprint": CERTIFICATES["valid"]["sha1"]}
    granted(application(credential).acquire_token_for_client(V2_SCOPE))


@case("one certificate assertion serves several scopes")
def _():
    app = application(certificate("valid"))
    for name in ("v1", "v2"):
        granted(app.acquire_token_for_client([f"{APIS[name]['uri']}/.default"]))


@case("a resource that asks for v1.0 tokens gets one from the v2 endpoint")
def _():
    scope = [f"{APIS['v1']['uri']}/.default"]
    found = granted(application(DAEMON["secret"]).acquire_token_for_client(scope))
    expect(found["ver"], "1.0", "ver")
    expect(found["appid"], DAEMON["app_id"], "appid")
    expect(found["aud"], APIS["v1"]["uri"], "aud")


@case("client capabilities (a claims parameter) are accepted")
def _():
    app = application(DAEMON["secret"], client_capabilities=["CP1"])
    granted(app.acquire_token_for_client(V2_SCOPE))


@case("the second call is served from the client's cache")
def _():
    app = application(DAEMON["secret"])
    before = token_requests()
    first = app.acquire_token_for_client(V2_SCOPE)
    second = app.acquire_token_for_client(V2_SCOPE)
    expect(token_requests() - before, 1, "token requests")
    expect(second["access_token"], first["access_token"], "access_token")
    expect(second["token_source"], "cache", "token_source")


@case("wrong secret: 401 invalid_client 7000215")
def _():
    app = application("not-the-secret-of-this-application")
    refused(app.acquire_token_for_client(V2_SCOPE), "invalid_client", 7000215)


@case("expired secret: invalid_client 7000222")
def _():
    app = application(DAEMON["expired_secret"])
    refused(app.acquire_token_for_client(V2_SCOPE), "invalid_client", 7000222)


@case("expired certificate: invalid_client 1000502")
def _():
    app = application(certificate("expired"))
    refused(app.acquire_token_for_client(V2_SCOPE), "invalid_client", 1000502)


@case("unregistered certificate: invalid_client 700027")
def _():
    app = application(certificate("unregistered"))
    refused(app.acquire_token_for_client(V2_SCOPE), "invalid_client", 700027)


@case("unknown application: unauthorized_client 700016")
def _():
    app = application(DAEMON["secret"], "00000000-0000-4000-8000-0000000000ff")
    refused(app.acquire_token_for_client(V2_SCOPE), "unauthorized_client", 700016)


@case("unknown resource: invalid_resource 500011")
def _():
    result = application(DAEMON["secret"]).acquire_token_for_client(["api://nowhere/.default"])
    refused(result, "invalid_resource", 500011)


@case("a scope that is not .default: invalid_scope 1002012")
def _():
    result = application(DAEMON["secret"]).acquire_token_for_client([f"{APIS['v2']['uri']}/Read"])
    refused(result, "invalid_scope", 1002012)


@case("a resource that requires an assignment: invalid_grant 501051")
def _():
    scope = [f"{APIS['closed']['uri']}/.default"]
    refused(application(DAEMON["secret"]).acquire_token_for_client(scope), "invalid_grant", 501051)


@case("unknown tenant: the client cannot get the authority's configuration")
def _():
    try:
        application(DAEMON["secret"], authority=f"{BASE}/nowhere.test")
    except ValueError as error:
        assert "Unable to get authority configuration" in str(error), error
    else:
        raise AssertionError("the client found a tenant that does not exist")


run()
