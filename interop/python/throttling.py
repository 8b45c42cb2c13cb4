"""429 with Retry-After: MSAL Python tells its caller and backs off; other clients go on."""

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


@case("MSAL Python reports the 429 and asks nobody before Retry-After is over")
def _():
    app = application(THROTTLED, "not-the-secret-of-this-application")
    provoke()
    first, second = (app.acquire_token_for_client(SCOPE) for _ in "12")
    expect(first["error"], "temporarily_unavailable", "error")
    # A request of its own would have a trace of its own.
    expect(second["trace_id"], first["trace_id"], "trace_id")


@case("another client at the same address goes on")
def _():
    provoke()
    result = application(DAEMON["app_id"], DAEMON["secret"]).acquire_token_for_client(SCOPE)
    expect(result.get("error_description"), None, "error_description")


run()
