"""What the suites about users share: sign-ins with MSAL Python, and tokens for the middle tier."""

import functools
from pathlib import Path

import msal
from harness import AUTHORITY, CERTIFICATES, DESK, MIDDLE, SECRET, claims, expect
from sign_in import Browser, Landing

REDIRECT = "http://localhost:49152"
ACCESS = f"{MIDDLE['uri']}/Access"


def desk(**options) -> msal.PublicClientApplication:
    """The program on the user's machine; each has a cache of its own."""
    options = {"client_id": DESK["app_id"], "authority": AUTHORITY, "instance_discovery": False} | options
    return msal.PublicClientApplication(**options)


def confidential(app: dict, credential=SECRET, **options) -> msal.ConfidentialClientApplication:
    """A web application or an API; each has a cache of its own."""
    options = {"authority": AUTHORITY, "instance_discovery": False} | options
    return msal.ConfidentialClientApplication(app["app_id"], client_credential=credential, **options)


def certificate() -> dict:
    """The registered certificate as MSAL takes it."""
    files = CERTIFICATES["valid"]
    return {
        "private_key": Path(files["key"]).read_text(),
        "public_certificate": Path(files["crt"]).read_text(),
    }


def visit(app, browser: Browser, scopes: list[str], redirect: str = REDIRECT, **options) -> tuple[dict, Landing]:
    """The flow that MSAL starts, and what the browser brings back."""
    flow = app.initiate_auth_code_flow(scopes, redirect_uri=redirect, **options)
    return flow, browser.through(flow["auth_uri"])


def sign_in(app, browser: Browser, scopes: list[str], redirect: str = REDIRECT, **options) -> dict:
    """MSAL's whole sign-in: authorization code with PKCE."""
    flow, landing = visit(app, browser, scopes, redirect, **options)
    return app.acquire_token_by_auth_code_flow(flow, landing.parameters)


@functools.cache
def user_token(user: str, scope: str) -> str:
    """An access token of a user for a middle tier, by the program on his machine."""
    return granted(sign_in(desk(), Browser(user), [scope]))["access_token"]


def granted(result: dict) -> dict:
    """The result, which must be tokens."""
    expect(result.get("error_description"), None, "error_description")
    expect(result["token_type"], "Bearer", "token_type")
    return result


def access(result: dict) -> dict:
    """The claims of the access token."""
    return claims(granted(result)["access_token"])


def refused(result: dict, error: str, code: int, suberror: str | None = None) -> None:
    """Fails unless the client says exactly this."""
    found = (result.get("error"), result.get("error_codes"), result.get("suberror"))
    expect(found, (error, [code], suberror), "error, codes, suberror")
