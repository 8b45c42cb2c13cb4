"""A device without a browser: MSAL Python and ADAL Python poll while the user types the code elsewhere."""

import adal
from harness import ACME, AUTHORITY, BASE, DESK, MIDDLE, MIDDLE_V1, WEB, case, claims, expect, requests_of, run
from people import ACCESS, access, desk, refused
from sign_in import Browser, Page

USER = "python-device"
SIGNED_IN = "You are signed in to interop-desk on your device"
DECLINED = "The device was not signed in"


def poll(app, flow: dict) -> dict:
    """One poll: MSAL's own way of not waiting."""
    return app.acquire_token_by_device_flow(flow, exit_condition=lambda _: True)


def approve(uri: str, code: str, consent: str = "accept") -> Page:
    """What the user does in a browser elsewhere; the last page."""
    browser = Browser(USER, consent=consent)
    page = browser.open(uri)
    expect(page.heading, "Enter the code that your device shows", "page")
    return browser.finish(browser.submit(page, user_code=code))


@case("MSAL: pending until the user has typed the code, confirmed and consented; then tokens, once")
def _():
    app = desk()
    flow = app.initiate_device_flow([ACCESS])
    expect(flow["verification_uri"], f"{BASE}/devicelogin", "verification_uri")
    assert flow["user_code"] in flow["message"] and flow["verification_uri"] in flow["message"], flow
    result, requests = requests_of(lambda: poll(app, flow))
    expect((result["error"], requests), ("authorization_pending", 1), "error and requests")
    expect(approve(flow["verification_uri"], flow["user_code"]).heading, SIGNED_IN, "page")
    result, requests = requests_of(lambda: poll(app, flow))
    found = access(result)
    expect((found["aud"], found["scp"], found["azp"]), (MIDDLE["app_id"], "Access", DESK["app_id"]), "token")
    expect((result["token_source"], requests), ("identity_provider", 1), "source and requests")
    expect(result["id_token_claims"]["preferred_username"], f"{USER}@acme.test", "user")
    expect(poll(app, flow)["error"], "bad_verification_code", "a second time")


@case("MSAL: the account is there, silent from the cache, and refreshed by one request")
def _():
    app = desk()
    flow = app.initiate_device_flow([ACCESS])
    approve(flow["verification_uri"], flow["user_code"])
    first = poll(app, flow)
    (account,) = app.get_accounts()
    expect(account["home_account_id"], f"{claims(first['access_token'])['oid']}.{ACME['id']}", "home_account_id")
    again, requests = requests_of(lambda: app.acquire_token_silent([ACCESS], account))
    expect((again["access_token"], requests), (first["access_token"], 0), "token and requests")
    again, requests = requests_of(lambda: app.acquire_token_silent([ACCESS], account, force_refresh=True))
    expect((again["token_source"], requests), ("identity_provider", 1), "source and requests")


@case("MSAL: a user who cancels, authorization_declined")
def _():
    app = desk()
    flow = app.initiate_device_flow([ACCESS])
    expect(approve(flow["verification_uri"], flow["user_code"], "cancel").heading, DECLINED, "page")
    refused(poll(app, flow), "authorization_declined", 65004)
    expect(app.get_accounts(), [], "accounts")


@case("a code that no device shows: the page again")
def _():
    browser = Browser(USER)
    page = browser.submit(browser.open(f"{BASE}/devicelogin"), user_code="BCDFGHJKL")
    assert "There is no such code" in page.problem, page


@case("MSAL: another client's device code is refused, and the user's answer is not used up")
def _():
    app = desk()
    flow = app.initiate_device_flow([ACCESS])
    approve(flow["verification_uri"], flow["user_code"])
    other = desk(client_id=WEB["app_id"])
    assert "error" in poll(other, dict(flow)), "taken"
    access(poll(app, flow))


@case("MSAL: an unknown client and a confidential one get no code: nobody is bothered")
def _():
    for app_id, error in (("00000000-0000-4000-8000-0000000000ff", 700016), (MIDDLE["app_id"], 7000218)):
        flow = desk(client_id=app_id).initiate_device_flow([ACCESS])
        expect(("user_code" in flow, flow.get("error_codes")), (False, [error]), app_id)


@case("ADAL: v1 with a resource; verification_url, both numbers as strings")
def _():
    context = adal.AuthenticationContext(AUTHORITY, validate_authority=False)
    code = context.acquire_user_code(MIDDLE_V1["uri"], DESK["app_id"])
    approve(code["verification_url"], code["user_code"])
    found = context.acquire_token_with_device_code(MIDDLE_V1["uri"], code, DESK["app_id"])
    token = claims(found["accessToken"])
    expect((token["aud"], token["ver"], token["upn"]), (MIDDLE_V1["uri"], "1.0", f"{USER}@acme.test"), "token")
    expect("refreshToken" in found, True, "a refresh token")


run()
