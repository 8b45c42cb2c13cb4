"""What the suites find besides the dev world: certificates, a daemon with every kind of credential,
APIs, applications that users sign in to, and users of their own for each suite."""

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
API_MFA = "1e7e0000-0000-4000-8000-000000000005"
MIDDLE = "1e7e0000-0000-4000-8000-000000000006"
MIDDLE_V1 = "1e7e0000-0000-4000-8000-000000000007"
DESK = "1e7e0000-0000-4000-8000-000000000008"
WEB = "1e7e0000-0000-4000-8000-000000000009"

# A suite signs in nobody whom another one needs: what users consented to stays.
USERS = [
    *("python", "python-web", "python-fresh", "python-obo", "python-obo-fresh", "python-gone", "python-device"),
    *("node", "node-web", "node-fresh", "node-obo", "node-obo-fresh", "node-gone", "node-device"),
    *("identity", "identity-fresh", "sample", "sample-fresh", "sample-foreign", "openid"),
]

# An expired credential cannot be registered: these expire just after.
SHORT = datetime.timedelta(seconds=6)

# What a middle tier calls for users, and what it authenticates with.
ONWARD = ", ".join(f"interop-{api}: {{ as-user: [Things.Read] }}" for api in ("v1", "v2", "mfa"))
BOTH = ", ".join(
    ["{ secret: { from-file: secret.txt }, name: interop }"]
    + [f"{{ certificate: {name}.crt, name: {name} }}" for name in ("valid", "expired")]
)

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
      scopes: {{ Things.Read: {{ consent: user, text: Read your things }} }}
      roles: {{ Things.Read.All: {{ for: [app], text: Read all things }} }}
  - name: interop-v2
    id: {API_V2}
    type: api
    uri: api://interop-v2
    token: {{ version: 2 }}
    offers:
      scopes:
        Things.Read: {{ consent: user, text: Read your things }}
        Things.Write: {{ consent: admin, text: Write things }}
      roles: {{ Things.Read.All: {{ for: [app], text: Read all things }} }}
    calls:
      interop-v1: {{ as-user: [Things.Read] }}
    credentials:
      - {{ secret: {{ from-file: secret.txt }}, name: interop }}
  - name: interop-closed
    id: {API_CLOSED}
    type: api
    uri: api://interop-closed
    assignment-required: true
    offers:
      roles: {{ Things.Read.All: {{ for: [app], text: Read all things }} }}
  - name: interop-mfa
    id: {API_MFA}
    type: api
    uri: api://interop-mfa
    require: {{ mfa: true }}
    offers:
      scopes: {{ Things.Read: {{ consent: user, text: Read your things }} }}
  - name: interop-middle
    id: {MIDDLE}
    type: api
    uri: api://interop-middle
    token: {{ version: 2 }}
    offers:
      scopes: {{ Access: {{ consent: user, text: Use the middle tier }} }}
    calls: {{ {ONWARD} }}
    combined-consent-for: [interop-desk]
    credentials: [{BOTH}]
  - name: interop-middle-v1
    id: {MIDDLE_V1}
    type: api
    uri: api://interop-middle-v1
    token: {{ version: 1 }}
    offers:
      scopes: {{ Access: {{ consent: user, text: Use the other middle tier }} }}
    calls: {{ {ONWARD} }}
    combined-consent-for: [interop-desk]
    credentials: [{BOTH}]
  - name: interop-desk
    id: {DESK}
    type: native
    redirects: [http://localhost]
    fallback-public-client: true
    calls:
      interop-middle: {{ as-user: [Access] }}
      interop-middle-v1: {{ as-user: [Access] }}
  - name: interop-web
    id: {WEB}
    type: web
    redirects: [http://localhost/signed-in]
    calls:
      interop-middle: {{ as-user: [Access] }}
    credentials: [{BOTH}]
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
grants: {{ admin-consent: [interop-daemon, interop-v2] }}
users:
"""


def manifest() -> str:
    """The manifest with every user."""
    user = "  - {{ name: {}@acme.test, password: {{ from-file: password.txt }} }}\n"
    return MANIFEST + "".join(user.format(name) for name in USERS)


def read_json(path: Path) -> dict:
    return json.loads(path.read_text())


def prepare(ready: dict, bin_dir: Path, scratch: Path, environment: dict[str, str]) -> Path:
    """Makes the certificates, applies the manifest, and writes what the suites read."""
    folder = scratch / "world"
    folder.mkdir(mode=0o700)
    secret, expired, password = (secrets.token_urlsafe(32) for _ in range(3))
    (folder / "secret.txt").write_text(secret)
    (folder / "expired.txt").write_text(expired)
    (folder / "password.txt").write_text(password)
    (folder / "manifest.yaml").write_text(manifest())
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
            "mfa": {"app_id": API_MFA, "uri": "api://interop-mfa"},
        },
        "secret": secret,
        "desk": {"app_id": DESK},
        "web": {"app_id": WEB},
        "middle": {"app_id": MIDDLE, "uri": "api://interop-middle"},
        "middle_v1": {"app_id": MIDDLE_V1, "uri": "api://interop-middle-v1"},
        "users": {name: {"name": f"{name}@acme.test", "password": password} for name in USERS},
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
