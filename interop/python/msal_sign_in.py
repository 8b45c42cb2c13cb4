"""MSAL Python, unmodified: users sign in by authorization code with PKCE, and stay signed in."""

import threading
import webbrowser

import jwt
import msal
from harness import (
    ACME, BASE, DESK, MIDDLE, MIDDLE_V1, WEB, WORLD, behalf, case, expect, get_json, requests_of, run, tls,
)
from people import ACCESS, REDIRECT, access, certificate, confidential, desk, granted, refused, sign_in, visit
from sign_in import Browser, Landing, Page

WEB_REDIRECT = "http://localhost:49153/signed-in"
ACCESS_V1 = f"{MIDDLE_V1['uri']}/Access"
ISSUER = f"{BASE}/{ACME['id']}/v2.0"


@case("code with PKCE: the user signs in and consents, the client gets tokens for the API")
def _():
    app, browser = desk(), Browser("python")
    result, requests = requests_of(lambda: sign_in(app, browser, [ACCESS]))
    expect(browser.seen, ["Sign in to interop-desk", "Allow interop-desk?"], "pages")
    found = access(result)
    expect((found["aud"], found["scp"], found["ver"]), (MIDDLE["app_id"], "Access", "2.0"), "token")
    expect((found["azp"], found["azpacr"]), (DESK["app_id"], "0"), "client")
    expect(result["token_source"], "identity_provider", "token_source")
    expect(requests, 1, "token requests")


@case("the address that MSAL builds asks for S256, a nonce and client_info; the answer names its issuer")
def _():
    flow, landing = visit(desk(), Browser("python"), [ACCESS])
    for part in ("code_challenge_method=S256", "nonce=", "client_info=1"):
        assert part in flow["auth_uri"], flow["auth_uri"]
    expect(landing.parameters["iss"], ISSUER, "iss (RFC 9207)")
    expect(landing.parameters["state"], flow["state"], "state")


@case("the ID token is valid for PyJWT: signature, issuer, audience, lifetime")
def _():
    result = sign_in(desk(), Browser("python"), [ACCESS])
    metadata = get_json(f"{ACME['domain']}/v2.0/.well-known/openid-configuration")
    key = jwt.PyJWKClient(metadata["jwks_uri"], ssl_context=tls()).get_signing_key_from_jwt(result["id_token"])
    judge = {"algorithms": ["RS256"], "issuer": metadata["issuer"]}
    found = jwt.decode(result["id_token"], key, audience=DESK["app_id"], **judge)
    expect(found, result["id_token_claims"], "the claims that MSAL shows")
    expect((found["tid"], found["preferred_username"]), (ACME["id"], "python@acme.test"), "user")
    for audience in (MIDDLE["app_id"], WEB["app_id"]):
        try:
            jwt.decode(result["id_token"], key, audience=audience, **judge)
        except jwt.InvalidAudienceError:
            continue
        raise AssertionError(f"accepted for {audience}")


@case("client_info names the account across tenants: {oid}.{tid}")
def _():
    app = desk()
    result = sign_in(app, Browser("python"), [ACCESS])
    found = result["id_token_claims"]
    (account,) = app.get_accounts()
    expect(account["home_account_id"], f"{found['oid']}.{ACME['id']}", "home_account_id")
    expect(account["local_account_id"], found["oid"], "local_account_id")
    expect(account["username"], "python@acme.test", "username")
    expect(account["realm"], ACME["id"], "realm")


@case("accounts are enumerated, and found by name in any letter case")
def _():
    app = desk()
    for user in ("python", "python-web"):
        granted(sign_in(app, Browser(user), [ACCESS]))
    names = sorted(account["username"] for account in app.get_accounts())
    expect(names, ["python-web@acme.test", "python@acme.test"], "accounts")
    expect(len(app.get_accounts("PYTHON@Acme.Test")), 1, "found by name")
    expect(app.get_accounts("nobody@acme.test"), [], "nobody")


@case("acquire_token_silent: from the cache without a request")
def _():
    app = desk()
    first = sign_in(app, Browser("python"), [ACCESS])
    (account,) = app.get_accounts()
    found, requests = requests_of(lambda: app.acquire_token_silent([ACCESS], account))
    expect(found["access_token"], first["access_token"], "access_token")
    expect((found["token_source"], requests), ("cache", 0), "source and requests")


@case("acquire_token_silent with force_refresh: one request each, by a refresh token that rotates")
def _():
    app = desk()
    first = sign_in(app, Browser("python"), [ACCESS])
    (account,) = app.get_accounts()
    seen = {first["access_token"]}
    for _ in "123":
        found, requests = requests_of(
            lambda: app.acquire_token_silent([ACCESS], account, force_refresh=True)
        )
        expect(access(found)["oid"], account["local_account_id"], "oid")
        expect((found["token_source"], requests), ("identity_provider", 1), "source and requests")
        seen.add(found["access_token"])
    expect(len(seen), 4, "different access tokens")


@case("the refresh token serves another API: one request, a v1.0 token")
def _():
    app, browser = desk(), Browser("python")
    sign_in(app, browser, [ACCESS_V1])
    sign_in(app, browser, [ACCESS])
    app = desk()
    sign_in(app, browser, [ACCESS])
    (account,) = app.get_accounts()
    found, requests = requests_of(lambda: app.acquire_token_silent([ACCESS_V1], account))
    token = access(found)
    expect((token["ver"], token["aud"], token["appid"]), ("1.0", MIDDLE_V1["uri"], DESK["app_id"]), "token")
    expect(requests, 1, "token requests")


@case("an API without consent: silent says interaction is needed, 65001 consent_required")
def _():
    app = desk()
    granted(sign_in(app, Browser("python-web"), [ACCESS]))
    (account,) = app.get_accounts()
    result = app.acquire_token_silent_with_error([ACCESS_V1], account)
    refused(result, "invalid_grant", 65001, "consent_required")
    expect(result["classification"], "consent_required", "classification")
    expect(app.acquire_token_silent([ACCESS_V1], account), None, "without error")


@case("remove_account: no account, no token, no request")
def _():
    app = desk()
    sign_in(app, Browser("python"), [ACCESS])
    (account,) = app.get_accounts()
    app.remove_account(account)
    found, requests = requests_of(lambda: app.acquire_token_silent([ACCESS], account))
    expect((app.get_accounts(), found, requests), ([], None, 0), "accounts, token, requests")


@case("acquire_token_interactive: MSAL's own listener takes the answer as a form")
def _():
    app, browser = desk(), Browser("python")

    class Launcher(webbrowser.BaseBrowser):
        def open(self, url, new=0, autoraise=True):
            # MSAL listens once this returns.
            threading.Thread(target=lambda: browser.through(url).deliver(), daemon=True).start()
            return True

    webbrowser.register("interop", None, Launcher(), preferred=True)
    result, requests = requests_of(lambda: app.acquire_token_interactive([ACCESS], timeout=60))
    expect(access(result)["scp"], "Access", "scp")
    expect((requests, len(app.get_accounts())), (1, 1), "requests and accounts")


@case("a web application: code with PKCE and its secret, or its certificate")
def _():
    browser = Browser("python-web")
    for credential, azpacr in (({}, "1"), ({"credential": certificate()}, "2")):
        result = sign_in(confidential(WEB, **credential), browser, [ACCESS], WEB_REDIRECT)
        found = access(result)
        expect((found["azp"], found["azpacr"]), (WEB["app_id"], azpacr), "client")
        expect(result["id_token_claims"]["aud"], WEB["app_id"], "aud of the ID token")


@case("a web application with a wrong secret: 401 invalid_client 7000215, and the code is still good")
def _():
    flow, landing = visit(confidential(WEB), Browser("python-web"), [ACCESS], WEB_REDIRECT)
    wrong = confidential(WEB, "not-the-secret-of-this-application")
    refused(wrong.acquire_token_by_auth_code_flow(flow, landing.parameters), "invalid_client", 7000215)
    granted(confidential(WEB).acquire_token_by_auth_code_flow(flow, landing.parameters))


@case("a code counts once: 54005, and what it brought is revoked")
def _():
    app = desk()
    flow, landing = visit(app, Browser("python"), [ACCESS])
    granted(app.acquire_token_by_auth_code_flow(flow, landing.parameters))
    again = desk().acquire_token_by_auth_code_flow(flow, landing.parameters)
    refused(again, "invalid_grant", 54005)
    (account,) = app.get_accounts()
    result = app.acquire_token_silent_with_error([ACCESS], account, force_refresh=True)
    refused(result, "invalid_grant", 50173, "bad_token")


@case("another verifier than the one of the challenge: invalid_grant 501481")
def _():
    app = desk()
    flow, landing = visit(app, Browser("python"), [ACCESS])
    stolen = flow | {"code_verifier": "x" * 43}
    refused(app.acquire_token_by_auth_code_flow(stolen, landing.parameters), "invalid_grant", 501481)


@case("the state of another sign-in: MSAL raises, no request")
def _():
    app, browser = desk(), Browser("python")
    flow, _ = visit(app, browser, [ACCESS])
    _, other = visit(app, browser, [ACCESS])

    def confused():
        try:
            app.acquire_token_by_auth_code_flow(flow, other.parameters)
        except ValueError as error:
            return str(error)
        raise AssertionError("taken")

    text, requests = requests_of(confused)
    assert "state mismatch" in text, text
    expect(requests, 0, "token requests")


@case("another redirect URI at redemption: invalid_grant")
def _():
    app = desk()
    flow, landing = visit(app, Browser("python"), [ACCESS])
    moved = flow | {"redirect_uri": "http://localhost:1/"}
    result = app.acquire_token_by_auth_code_flow(moved, landing.parameters)
    expect(result.get("error"), "invalid_grant", "error")


@case("a user who cancels: access_denied 65004, no request")
def _():
    app, browser = desk(), Browser("python-fresh", consent="cancel")
    result, requests = requests_of(lambda: sign_in(app, browser, [ACCESS]))
    expect((result["error"], requests), ("access_denied", 0), "error and requests")
    assert result["error_description"].startswith("AADSTS65004: "), result
    expect(app.get_accounts(), [], "accounts")


@case("a wrong password: the page again, which does not say whether there is such a user")
def _():
    said = set()
    for user in ("python-fresh@acme.test", "nobody@acme.test"):
        flow = desk().initiate_auth_code_flow([ACCESS], redirect_uri=REDIRECT)
        browser = Browser()
        page = browser.open(flow["auth_uri"])
        again = browser.submit(page, username=user, password="not the password", do="sign-in")
        assert isinstance(again, Page), again
        said.add((again.status, again.heading, again.problem))
    expect(said, {(200, "Sign in to interop-desk", "The user name or the password is wrong.")}, "answers")


@case("a redirect URI that is not registered: a page, and no way back")
def _():
    flow = desk().initiate_auth_code_flow([ACCESS], redirect_uri="http://localhost:1/elsewhere")
    page = Browser("python").open(flow["auth_uri"])
    assert isinstance(page, Page) and "AADSTS50011" in page.text, page
    expect(page.status, 400, "status")


@case("prompt=none: login_required without a session, a code with one")
def _():
    app, browser = desk(), Browser("python")
    result = sign_in(app, browser, [ACCESS], prompt="none")
    expect(result["error"], "login_required", "error")
    sign_in(app, browser, [ACCESS])
    browser.seen.clear()
    granted(sign_in(app, browser, [ACCESS], prompt="none"))
    expect(browser.seen, [], "pages")


@case("prompt=select_account and login_hint: the user's account is picked or taken")
def _():
    app, browser = desk(), Browser("python")
    sign_in(app, browser, [ACCESS])
    browser.seen.clear()
    granted(sign_in(app, browser, [ACCESS], prompt=msal.Prompt.SELECT_ACCOUNT))
    expect(len(browser.seen), 1, "pages")
    hinted = sign_in(app, browser, [ACCESS], login_hint="python@acme.test", prompt="none")
    expect(hinted["id_token_claims"]["preferred_username"], "python@acme.test", "user")


@case("max_age is checked by MSAL against auth_time")
def _():
    result = granted(sign_in(desk(), Browser("python"), [ACCESS], max_age=300))
    assert result["id_token_claims"]["auth_time"] > 0, result["id_token_claims"]


@case("the password grant, which nobody allowed: unsupported_grant_type, a right password like a wrong one")
def _():
    # By another authority MSAL asks for the user's realm first, at the host's port 443.
    app, user = desk(authority=f"{BASE}/adfs"), WORLD["users"]["python"]
    for password in (user["password"], "wrong"):
        result, requests = requests_of(
            lambda: app.acquire_token_by_username_password(user["name"], password, [ACCESS])
        )
        expect((result["error"], requests), ("unsupported_grant_type", 1), "error and requests")
    expect(app.get_accounts(), [], "accounts")


@case("signing out at the server ends the session; the client keeps its refresh token")
def _():
    app, browser = desk(), Browser("python")
    sign_in(app, browser, [ACCESS])
    metadata = get_json(f"{ACME['domain']}/v2.0/.well-known/openid-configuration")
    address = f"{metadata['end_session_endpoint']}?client_id={DESK['app_id']}&post_logout_redirect_uri={REDIRECT}/"
    landing = browser.through(address)
    assert isinstance(landing, Landing) and landing.url.startswith(REDIRECT), landing
    expect(sign_in(desk(), browser, [ACCESS], prompt="none")["error"], "login_required", "error")
    (account,) = app.get_accounts()
    granted(app.acquire_token_silent([ACCESS], account, force_refresh=True))


@case("after revoke-sessions: 50173 bad_token, which MSAL shows as a plain sign-in")
def _():
    app, browser = desk(), Browser("python-gone")
    sign_in(app, browser, [ACCESS])
    (account,) = app.get_accounts()
    behalf("user", "revoke-sessions", "python-gone@acme.test")
    result = app.acquire_token_silent_with_error([ACCESS], account, force_refresh=True)
    refused(result, "invalid_grant", 50173, "bad_token")
    expect(result["classification"], "", "classification")
    expect(sign_in(desk(), browser, [ACCESS], prompt="none")["error"], "login_required", "error")
    granted(sign_in(app, browser, [ACCESS]))


run()
