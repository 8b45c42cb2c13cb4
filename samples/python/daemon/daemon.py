"""A daemon that gets a token with MSAL, by secret or by certificate, and calls an API as itself."""

import os
import sys
import urllib.error
import urllib.request

import msal


def setting(name, meaning):
    """A variable of the environment; without it the program ends and says what it is for."""
    if value := os.environ.get(name):
        return value
    sys.exit(f"error: {name} is not set: {meaning}")


def credential():
    """The secret, or the certificate file with private key and certificate in PEM."""
    if secret := os.environ.get("AZURE_CLIENT_SECRET"):
        return secret
    path = setting(
        "AZURE_CLIENT_CERTIFICATE_PATH",
        "a PEM file with private key and certificate; or set AZURE_CLIENT_SECRET",
    )
    with open(path) as file:
        pem = file.read()
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    end = pem.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
    return {"private_key": pem[:begin] + pem[end:], "public_certificate": pem[begin:end] + "\n"}


def main() -> None:
    host = setting("AZURE_AUTHORITY_HOST", "the token service, such as https://localhost:8443")
    tenant = setting("AZURE_TENANT_ID", "the tenant's id or domain, such as acme.test")
    api = os.environ.get("LEDGER_URL", "http://localhost:3002/entries")  # samples/web-api
    application = msal.ConfidentialClientApplication(
        setting("AZURE_CLIENT_ID", "this daemon's client id"),
        client_credential=credential(),
        authority=f"{host}/{tenant}",
        instance_discovery=False,  # this authority vouches for itself
    )
    # Asks the directory the first time; later calls come from MSAL's cache until shortly before expiry.
    result = application.acquire_token_for_client([os.environ.get("SCOPE", "api://ledger/.default")])
    if "access_token" not in result:
        sys.exit(f"{result['error']}: {result['error_description']}")
    bearer = {"Authorization": f"Bearer {result['access_token']}"}
    try:
        with urllib.request.urlopen(urllib.request.Request(api, headers=bearer)) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as error:
        sys.exit(f"error: {api} answered {error.code}: {error.read().decode(errors='replace')[:500]}")
    except urllib.error.URLError as error:
        sys.exit(f"error: {api} (LEDGER_URL) cannot be reached: {error.reason}")


if __name__ == "__main__":
    main()
