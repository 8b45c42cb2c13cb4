"""samples/multi-tenant-app: whoever of another directory consents brings the application and its API there."""

import json
import urllib.parse

import requests
from harness import ACME, READY, TENANTS, behalf, case, expect, run
from programs import BIN, behalf_run, start
from sign_in import Browser, Landing, Page

REPORT = READY["apps"]["trend-report"]
URL = start(behalf_run("trend-report", BIN / "sample-multi-tenant-app"))


def grants() -> list[dict]:
    """What Acme's users gave trend-report."""
    return json.loads(behalf("grant", "list", REPORT["app_id"], "--tenant", ACME["domain"], "-o", "json"))["grants"]


def signed_in(browser: Browser) -> requests.Response:
    return browser.through(f"{URL}/sign-in").deliver()


@case("its page leads to the sign-in and to an administrator's consent")
def _():
    text = requests.get(URL, timeout=30).text
    assert "/sign-in" in text and "/connect" in text, text


@case("a user of its own directory signs in")
def _():
    answer = signed_in(Browser("gus"))
    expect((answer.status_code, answer.text.split(":")[0]), (200, f"gus@globex.test of {TENANTS['globex']['id']}"), "answer")


@case("a user of another directory who cancels: nothing is added there")
def _():
    answer = signed_in(Browser("sample-foreign", consent="cancel"))
    expect((answer.status_code, "AADSTS65004" in answer.text), (403, True), answer.text)
    try:
        expect(grants(), [], "grants")
    except AssertionError as error:
        assert REPORT["app_id"] in str(error), error  # unknown in Acme, as it should be


@case("the consent page says whose it is and what accepting adds; then its API is called for the user")
def _():
    browser = Browser("sample-foreign")
    page = browser.open(f"{URL}/sign-in")
    page = browser.submit(page, username=browser.name, password=browser.password, do="sign-in")
    assert isinstance(page, Page), page
    expect(page.heading, "Allow trend-report?", "heading")
    for text in ("Globex", "asks to use <strong>trend-api</strong> in your name", "Trends.Read", "adds trend-report and trend-api to"):
        assert text in page.text, page.text
    answer = browser.submit(page, do="accept").deliver()
    expect((answer.status_code, answer.text.split(":")[0]), (200, f"sample-foreign@acme.test of {ACME['id']}"), answer.text)
    assert json.loads(answer.text.split(": ", 1)[1]), answer.text


@case("each directory has its own answer")
def _():
    texts = {signed_in(Browser(user)).text.split(": ", 1)[1] for user in ("gus", "sample-foreign")}
    expect(len(texts), 2, "different trends")


@case("another user of that directory is asked for himself, until an administrator connects it")
def _():
    browser = Browser("sample", consent="cancel")
    expect(signed_in(browser).status_code, 403, "status")
    ada = Browser("ada")
    landing = ada.through(f"{URL}/connect")
    assert isinstance(landing, Landing), landing
    expect((landing.parameters["admin_consent"], landing.parameters["tenant"]), ("True", ACME["id"]), "answer")
    expect(landing.deliver().status_code, 200, "status")
    browser.seen.clear()
    expect(signed_in(browser).status_code, 200, "status")
    assert "Allow trend-report?" not in browser.seen, browser.seen


@case("a user without the right to connects nothing")
def _():
    browser = Browser("sample", consent="cancel")
    landing = browser.through(f"{URL}/connect")
    assert "error" in landing.parameters, landing.parameters


@case("an answer in another browser than the one that began is refused")
def _():
    landing = Browser("sample").through(f"{URL}/sign-in")
    stolen = requests.get(landing.url, timeout=30)
    expect((stolen.status_code, stolen.text), (403, "This is not the browser that signed in here."), "answer")


@case("an answer that was changed is refused: state, issuer")
def _():
    for name, value in (("state", "guessed"), ("iss", "https://evil.test/")):
        landing = Browser("sample").through(f"{URL}/sign-in")
        landing.url = f"{URL}/?" + urllib.parse.urlencode(landing.parameters | {name: value})
        expect(landing.deliver().status_code, 403, name)


run()
