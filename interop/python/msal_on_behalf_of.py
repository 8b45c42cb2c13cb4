"""MSAL Python, unmodified: an API calls the next one on behalf of its user."""

import functools
import json

from harness import (
    ACME, APIS, BASE, DESK, MIDDLE, MIDDLE_V1, behalf, case, claims, expect, requests_of, run,
)
from people import ACCESS, access, certificate, confidential, desk, granted, refused, sign_in, user_token
from sign_in import Browser

EVERYTHING = f"{MIDDLE['uri']}/.default"
ACCESS_V1 = f"{MIDDLE_V1['uri']}/Access"
READ = [f"{APIS['v2']['uri']}/Things.Read"]
READ_V1 = [f"{APIS['v1']['uri']}/Things.Read"]
READ_MFA = [f"{APIS['mfa']['uri']}/Things.Read"]


@functools.cache
def consented() -> dict:
    """A user who accepted all that the program needs, and all that the APIs behind it need (combined consent)."""
    browser = Browser("python-obo")
    app = desk()
    result = granted(sign_in(app, browser, [EVERYTHING]))
    (account,) = app.get_accounts()
    second = granted(app.acquire_token_silent([ACCESS_V1], account))
    return {"v2": result["access_token"], "v1": second["access_token"], "id_token": result["id_token"]}


@case("combined consent: one page for the client and for the APIs that know it")
def _():
    consented()
    everything = claims(consented()["v2"])
    expect((everything["aud"], everything["scp"]), (MIDDLE["app_id"], "Access"), "token")


@case("the first call: one request; the same user, another audience, the middle tier as client")
def _():
    app, incoming = confidential(MIDDLE), claims(consented()["v2"])
    result, requests = requests_of(lambda: app.acquire_token_on_behalf_of(consented()["v2"], READ))
    found = access(result)
    expect((found["aud"], found["scp"], found["ver"]), (APIS["v2"]["app_id"], "Things.Read", "2.0"), "token")
    expect((found["azp"], found["azpacr"]), (MIDDLE["app_id"], "1"), "client")
    expect((found["oid"], found["tid"]), (incoming["oid"], ACME["id"]), "user")
    assert found["sub"] != incoming["sub"], "sub is pairwise"
    expect(found["iss"], f"{BASE}/{ACME['id']}/v2.0", "iss")
    expect((result["token_source"], requests), ("identity_provider", 1), "source and requests")
    expect(result["scope"].split()[0], READ[0], "scope")


@case("the ID token is for the middle tier, with the sub of the incoming token; the account is the user's")
def _():
    app = confidential(MIDDLE)
    result = granted(app.acquire_token_on_behalf_of(consented()["v2"], READ))
    found, incoming = result["id_token_claims"], claims(consented()["v2"])
    expect((found["aud"], found["sub"]), (MIDDLE["app_id"], incoming["sub"]), "aud and sub")
    (account,) = app.get_accounts("python-obo@acme.test")
    expect(account["home_account_id"], f"{incoming['oid']}.{ACME['id']}", "home_account_id")


@case("afterwards acquire_token_silent finds the token: no request")
def _():
    app = confidential(MIDDLE)
    first = app.acquire_token_on_behalf_of(consented()["v2"], READ)
    (account,) = app.get_accounts()
    found, requests = requests_of(lambda: app.acquire_token_silent(READ, account))
    expect(found["access_token"], first["access_token"], "access_token")
    expect((found["token_source"], requests), ("cache", 0), "source and requests")


@case("acquire_token_on_behalf_of itself asks each time: MSAL Python keeps no assertions")
def _():
    app = confidential(MIDDLE)
    ask = lambda: granted(app.acquire_token_on_behalf_of(consented()["v2"], READ))["access_token"]
    (first, second), requests = requests_of(lambda: (ask(), ask()))
    expect((first != second, requests), (True, 2), "new tokens and requests")


@case("refresh: force_refresh redeems the refresh token of on-behalf-of, for this API and for another")
def _():
    app = confidential(MIDDLE)
    first = app.acquire_token_on_behalf_of(consented()["v2"], READ)
    (account,) = app.get_accounts()
    again, requests = requests_of(lambda: app.acquire_token_silent(READ, account, force_refresh=True))
    expect((access(again)["scp"], requests), ("Things.Read", 1), "scp and requests")
    assert again["access_token"] != first["access_token"], "the same token"
    other, requests = requests_of(lambda: app.acquire_token_silent(READ_V1, account))
    expect((access(other)["aud"], requests), (APIS["v1"]["uri"], 1), "aud and requests")


@case("an API of v1.0 tokens: appid and upn, by the v2 endpoint")
def _():
    found = access(confidential(MIDDLE).acquire_token_on_behalf_of(consented()["v2"], READ_V1))
    expect((found["ver"], found["aud"]), ("1.0", APIS["v1"]["uri"]), "token")
    expect((found["appid"], found["appidacr"]), (MIDDLE["app_id"], "1"), "client")
    expect(found["upn"], "python-obo@acme.test", "upn")


@case("a v1.0 token as assertion: its middle tier gets v1.0 and v2.0 tokens for it")
def _():
    expect(claims(consented()["v1"])["ver"], "1.0", "assertion")
    app = confidential(MIDDLE_V1)
    for scopes, version in ((READ, "2.0"), (READ_V1, "1.0")):
        found = access(app.acquire_token_on_behalf_of(consented()["v1"], scopes))
        expect((found["ver"], found["scp"]), (version, "Things.Read"), "token")


@case(".default: what was granted")
def _():
    app = confidential(MIDDLE)
    result = app.acquire_token_on_behalf_of(consented()["v2"], [f"{APIS['v2']['uri']}/.default"])
    expect(access(result)["scp"], "Things.Read", "scp")
    (account,) = app.get_accounts()
    _, requests = requests_of(lambda: app.acquire_token_silent([f"{APIS['v2']['uri']}/.default"], account))
    expect(requests, 0, "token requests of acquire_token_silent")


@case("a certificate: PS256 with x5c")
def _():
    app = confidential(MIDDLE, certificate())
    expect(access(app.acquire_token_on_behalf_of(consented()["v2"], READ))["azpacr"], "2", "azpacr")


@case("a chain: the next API calls on for the same user")
def _():
    token = granted(confidential(MIDDLE).acquire_token_on_behalf_of(consented()["v2"], READ))["access_token"]
    found = access(confidential(APIS["v2"]).acquire_token_on_behalf_of(token, READ_V1))
    expect((found["appid"], found["oid"]), (APIS["v2"]["app_id"], claims(token)["oid"]), "client and user")


@case("the sign-in log tells the way: who, through whom, what")
def _():
    app = confidential(MIDDLE)
    app.acquire_token_on_behalf_of(consented()["v2"], READ)
    entries = json.loads(behalf("log", "-o", "json", "--app", MIDDLE["app_id"], "--limit", "1"))["entries"]
    event = entries[0]
    expect((event["client"], event["resource"]), (MIDDLE["app_id"], APIS["v2"]["uri"]), "client and resource")
    expect(event["user"], claims(consented()["v2"])["oid"], "user")


@case("an assertion for another API: invalid_grant 500131, nothing for a user to do")
def _():
    result = confidential(MIDDLE).acquire_token_on_behalf_of(consented()["v1"], READ)
    refused(result, "invalid_grant", 500131)
    assert MIDDLE["app_id"] in result["error_description"], result


@case("the client's ID token, and the middle tier's own: 500131 and 240002")
def _():
    app = confidential(MIDDLE)
    refused(app.acquire_token_on_behalf_of(consented()["id_token"], READ), "invalid_grant", 500131)
    own = granted(app.acquire_token_on_behalf_of(consented()["v2"], READ))["id_token"]
    refused(app.acquire_token_on_behalf_of(own, READ), "invalid_request", 240002)


@case("an application's own token: unauthorized_client 7000114, no user is asked")
def _():
    app = confidential(MIDDLE)
    own = granted(app.acquire_token_for_client([f"{MIDDLE['uri']}/.default"]))["access_token"]
    refused(app.acquire_token_on_behalf_of(own, READ), "unauthorized_client", 7000114)


@case("a changed assertion, and text that is none: 50013 and 50027")
def _():
    head, payload, signature = consented()["v2"].split(".")
    at = len(signature) // 2
    changed = signature[:at] + ("A" if signature[at] != "A" else "B") + signature[at + 1:]
    app = confidential(MIDDLE)
    refused(app.acquire_token_on_behalf_of(f"{head}.{payload}.{changed}", READ), "invalid_grant", 50013)
    refused(app.acquire_token_on_behalf_of("no-token", READ), "invalid_request", 50027)


@case("missing consent: 65001 consent_required; MSAL repeats it for a minute without a request")
def _():
    app, token = confidential(MIDDLE), user_token("python-obo-fresh", ACCESS)
    result, requests = requests_of(lambda: app.acquire_token_on_behalf_of(token, READ))
    refused(result, "invalid_grant", 65001, "consent_required")
    expect(requests, 1, "token requests")
    result, requests = requests_of(lambda: app.acquire_token_on_behalf_of(token, READ))
    refused(result, "invalid_grant", 65001, "consent_required")
    expect((requests, app.get_accounts()), (0, []), "token requests and accounts")


@case("once the user has consented the same assertion is taken")
def _():
    token = user_token("python-obo-fresh", ACCESS)
    browser = Browser("python-obo-fresh")
    granted(sign_in(desk(), browser, [EVERYTHING], prompt="consent"))
    expect(browser.seen[-1], "Allow interop-desk?", "page")
    expect(access(confidential(MIDDLE).acquire_token_on_behalf_of(token, READ))["scp"], "Things.Read", "scp")


@case("a scope that only administrators grant: 65001 consent_required")
def _():
    wanted = [f"{APIS['v2']['uri']}/Things.Write"]
    result = confidential(MIDDLE).acquire_token_on_behalf_of(consented()["v2"], wanted)
    refused(result, "invalid_grant", 65001, "consent_required")


@case("a demand on the sign-in: 50076 basic_action, with claims for the client")
def _():
    result = confidential(MIDDLE).acquire_token_on_behalf_of(consented()["v2"], READ_MFA)
    refused(result, "invalid_grant", 50076, "basic_action")
    demanded = json.loads(result["claims"])["access_token"]["capolids"]
    expect(demanded, {"essential": True, "values": [APIS["mfa"]["app_id"]]}, "claims")


@case("an unknown API and an unknown scope: invalid_resource 500011, invalid_scope 70011")
def _():
    app = confidential(MIDDLE)
    result = app.acquire_token_on_behalf_of(consented()["v2"], ["api://nowhere/Read"])
    refused(result, "invalid_resource", 500011)
    result = app.acquire_token_on_behalf_of(consented()["v2"], [f"{APIS['v2']['uri']}/Things.Burn"])
    refused(result, "invalid_scope", 70011)


@case("two APIs in one request: invalid_scope 28000")
def _():
    result = confidential(MIDDLE).acquire_token_on_behalf_of(consented()["v2"], READ + READ_V1)
    refused(result, "invalid_scope", 28000)


@case("a wrong secret: 401 invalid_client 7000215, asked anew each time")
def _():
    app = confidential(MIDDLE, "not-the-secret-of-this-application")
    for _ in "12":
        result, requests = requests_of(lambda: app.acquire_token_on_behalf_of(consented()["v2"], READ))
        refused(result, "invalid_client", 7000215)
        expect(requests, 1, "token requests")


@case("after an administrator takes the grant back: 65001, also for the refresh token")
def _():
    token = user_token("python-obo-fresh", ACCESS)
    app = confidential(MIDDLE)
    granted(app.acquire_token_on_behalf_of(token, READ))
    (account,) = app.get_accounts()
    oid = claims(token)["oid"]
    behalf("grant", "revoke", "interop-middle", "--user", oid, "--tenant", ACME["domain"])
    refused(confidential(MIDDLE).acquire_token_on_behalf_of(token, READ), "invalid_grant", 65001, "consent_required")
    result = app.acquire_token_silent_with_error(READ, account, force_refresh=True)
    expect((result["error"], result["suberror"] in ("consent_required", "bad_token")), ("invalid_grant", True), "error")


@case("after revoke-sessions: the assertion and the refresh token are refused with 50173 bad_token")
def _():
    app = desk()
    token = granted(sign_in(app, Browser("python-gone"), [EVERYTHING], prompt="consent"))["access_token"]
    middle = confidential(MIDDLE)
    granted(middle.acquire_token_on_behalf_of(token, READ))
    (account,) = middle.get_accounts()
    behalf("user", "revoke-sessions", "python-gone@acme.test")
    refused(confidential(MIDDLE).acquire_token_on_behalf_of(token, READ), "invalid_grant", 50173, "bad_token")
    result = middle.acquire_token_silent_with_error(READ, account, force_refresh=True)
    refused(result, "invalid_grant", 50173, "bad_token")


@case("a program that can keep no secret may not call on behalf of anybody")
def _():
    app = confidential(DESK, None)
    result = app.acquire_token_on_behalf_of(consented()["v2"], READ)
    expect(result.get("error"), "invalid_client", "error")


run()
