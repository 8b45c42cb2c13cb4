"""429 with Retry-After: MSAL Python tells its caller and backs off; other clients go on."""

import time

import msal
from harness import APIS, AUTHORITY, DAEMON, case, expect, run
from throttle import THROTTLED, provoke

SCOPE = [f"{APIS['v2']['uri']}/.default"]


def application(app_id: str, secret: str):
    return msal.ConfidentialClientApplication(
        app_id, client_credential=secret, authority=AUTHORITY, instance_discovery=False
    )


@case("too many wrong secrets: 429, temporarily_unavailable 90055, Retry-After of at most 30 seconds")
def _():
    answer = provoke()
    expect(answer.body["error"], "temporarily_unavailable", "error")
    expect(answer.body["error_codes"], [90055], "error_codes")
    assert 1 <= int(answer.headers["retry-after"]) <= 30, answer.headers["retry-after"]
    assert answer.headers["content-type"].startswith("application/json"), answer.headers["content-type"]


TRIES = 20


def held_back(app) -> tuple[dict, float]:
    """Asks through MSAL until its own request is the one that is held back; with when it was asked.

    The bucket refills while MSAL works: on a slow machine its request may find room again.
    """
    for _ in range(TRIES):
        started = time.monotonic()
        result = app.acquire_token_for_client(SCOPE)
        if result["error"] == "temporarily_unavailable":
            return result, started
        expect(result["error"], "invalid_client", "error")
        provoke()
    raise AssertionError("MSAL's own request was never held back")


@case("MSAL Python reports the 429 and asks nobody before Retry-After is over")
def _():
    app = application(THROTTLED, "not-the-secret-of-this-application")
    for _ in range(TRIES):
        first, started = held_back(app)
        expect(first["error_codes"], [90055], "error_codes")
        second = app.acquire_token_for_client(SCOPE)
        # A request of its own would have a trace of its own.
        if second["trace_id"] == first["trace_id"]:
            return
        # Retry-After is a second at least: asked again within it, MSAL did not back off.
        assert time.monotonic() - started > 1, "asked again before Retry-After was over"
    raise AssertionError(f"this machine took more than Retry-After for two calls, {TRIES} times")


@case("another client at the same address goes on")
def _():
    provoke()
    result = application(DAEMON["app_id"], DAEMON["secret"]).acquire_token_for_client(SCOPE)
    expect(result.get("error_description"), None, "error_description")


run()
