"""Provokes a 429: one client at one address may fail so often and no more."""

from harness import ACME, APIS, Answer, post

# An application that no other suite uses: what it is refused for costs nobody else anything.
THROTTLED = APIS["closed"]["app_id"]
TRIES = 400


def provoke() -> Answer:
    """Presents wrong secrets until the server has had enough."""
    form = {
        "grant_type": "client_credentials",
        "client_id": THROTTLED,
        "client_secret": "not-the-secret-of-this-application",
        "scope": f"{APIS['v2']['uri']}/.default",
    }
    for _ in range(TRIES):
        answer = post(f"{ACME['domain']}/oauth2/v2.0/token", form)
        if answer.status == 429:
            return answer
    raise AssertionError(f"no 429 after {TRIES} wrong secrets")
