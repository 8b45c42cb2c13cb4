"""A daemon that gets a token with MSAL, by secret or by certificate, and calls an API as itself."""

import os
import sys
import urllib.request

import msal


def credential():
    """The secret, or the certificate file with private key and certificate in PEM."""
    if secret := os.environ.get("AZURE_CLIENT_SECRET"):
        return secret
    with open(os.environ["AZURE_CLIENT_CERTIFICATE_PATH"]) as file:
        pem = file.read()
    begin = pem.index("-----BEGIN CERTIFICATE-----")
    end = pem.index("-----END CERTIFICATE-----") + len("-----END CERTIFICATE-----")
    return {"private_key": pem[:begin] + pem[end:], "public_certificate": pem[begin:end] + "\n"}


def main() -> None:
    authority = f"{os.environ['AZURE_AUTHORITY_HOST']}/{os.environ['AZURE_TENANT_ID']}"
    application = msal.ConfidentialClientApplication(
        os.environ["AZURE_CLIENT_ID"],
        client_credential=credential(),
        authority=authority,
        instance_discovery=False,  # this authority vouches for itself
    )
    # Asks the directory the first time; later calls come from MSAL's cache until shortly before expiry.
    result = application.acquire_token_for_client([os.environ.get("SCOPE", "api://ledger/.default")])
    if "access_token" not in result:
        sys.exit(f"{result['error']}: {result['error_description']}")
    request = urllib.request.Request(
        os.environ["LEDGER_URL"], headers={"Authorization": f"Bearer {result['access_token']}"}
    )
    with urllib.request.urlopen(request) as answer:
        print(answer.read().decode())


if __name__ == "__main__":
    main()
