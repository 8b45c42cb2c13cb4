"""What the suites find besides the dev world: certificates, a daemon with every kind of credential,
three APIs."""

import base64
import datetime
import hashlib
import json
import secrets
import shutil
import subprocess
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

DAEMON = "1e7e0000-0000-4000-8000-000000000001"
API_V1 = "1e7e0000-0000-4000-8000-000000000002"
API_V2 = "1e7e0000-0000-4000-8000-000000000003"
API_CLOSED = "1e7e0000-0000-4000-8000-000000000004"

# An expired credential cannot be registered: these expire just after.
SHORT = datetime.timedelta(seconds=6)

MANIFEST = f"""\
apiVersion: behalf/v1
tenant: acme.test
apps:
  - name: interop-v1
    id: {API_V1}
    type: api
    uri: api://interop-v1
    token: {{ version: 1 }}
    offers:
      roles: {{ Things.Read.All: {{ for: [app], text: Read all things }} }}
  - name: interop-v2
    id: {API_V2}
    type: api
    uri: api://interop-v2
    token: {{ version: 2 }}
    offers:
      roles: {{ Things.Read.All: {{ for: [app], text: Read all things }} }}
  - name: interop-closed
    id: {API_CLOSED}
    type: api
    uri: api://interop-closed
    assignment-required: true
    offers:
      roles: {{ Things.Read.All: {{ for: [app], text: Read all things }} }}
  - name: interop-daemon
    id: {DAEMON}
    type: daemon
    calls:
      interop-v1: {{ as-app: [Things.Read.All] }}
      interop-v2: {{ as-app: [Things.Read.All] }}
    credentials:
      - {{ secret: {{ from-file: secret.txt }}, name: interop }}
      - {{ secret: {{ from-file: expired.txt }}, name: expired-secret, expires: 1s }}
      - {{ certificate: valid.crt, name: valid }}
      - {{ certificate: expired.crt, name: expired }}
grants: {{ admin-consent: [interop-daemon] }}
"""


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())


def prepare(ready: dict, bin_dir: Path, scratch: Path, environment: dict[str, str]) -> Path:
    """Makes the certificates, applies the manifest, and writes what the suites read."""
    folder = scratch / "world"
    folder.mkdir(mode=0o700)
    secret, expired = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    (folder / "secret.txt").write_text(secret)
    (folder / "expired.txt").write_text(expired)
    (folder / "manifest.yaml").write_text(MANIFEST)
    month = datetime.timedelta(days=30)
    certificates = {
        "valid": make_certificate(folder, "valid", month),
        "unregistered": make_certificate(folder, "unregistered", month),
        "expired": make_certificate(folder, "expired", SHORT),
    }
    apply = [str(bin_dir / "behalf"), "apply", "-f", "manifest.yaml"]
    subprocess.run(apply, cwd=folder, env=environment, check=True)
    time.sleep(SHORT.total_seconds() + 1)
    described = {
        "ready": ready,
        "bin_dir": str(bin_dir.resolve()),
        "samples_dir": str(Path(__file__).resolve().parent.parent / "samples"),
        "dev_dir": environment["BEHALF_DEV_DIR"],
        "server_log": str(scratch / "behalf.log"),
        "certificates": certificates,
        "daemon": {"app_id": DAEMON, "secret": secret, "expired_secret": expired},
        "apis": {
            "v1": {"app_id": API_V1, "uri": "api://interop-v1"},
            "v2": {"app_id": API_V2, "uri": "api://interop-v2"},
            "closed": {"app_id": API_CLOSED, "uri": "api://interop-closed"},
        },
    }
    path = folder / "world.json"
    path.write_text(json.dumps(described))
    return path


def make_certificate(folder: Path, name: str, life: datetime.timedelta) -> dict[str, str]:
    """A self-signed RSA-2048 certificate that has been valid since yesterday, for `life` from now."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"interop {name}")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + life)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)
    paths = {"key": key_pem, "crt": certificate_pem, "pem": key_pem + certificate_pem}
    for suffix, content in paths.items():
        (folder / f"{name}.{suffix}").write_bytes(content)
    der = certificate.public_bytes(serialization.Encoding.DER)
    return {suffix: str(folder / f"{name}.{suffix}") for suffix in paths} | {
        "der": base64.b64encode(der).decode(),
        "sha1": hashlib.sha1(der).hexdigest(),
        "sha256": hashlib.sha256(der).hexdigest(),
    }


def trust(prepared: Path) -> dict[str, str]:
    """The variables by which each client's manual says to trust a private CA; nothing else."""
    ready = read_json(prepared)["ready"]
    return {
        "REQUESTS_CA_BUNDLE": ready["ca_bundle_file"],
        "SSL_CERT_FILE": ready["ca_bundle_file"],
        "NODE_EXTRA_CA_CERTS": ready["ca_file"],
    }


def beside_node_modules(script: Path, node_dir: Path) -> Path:
    """Copies the Node suites to where their packages are: ES modules look nowhere else."""
    suites = node_dir / "suites"
    shutil.copytree(script.parent, suites, dirs_exist_ok=True)
    return suites / script.name
