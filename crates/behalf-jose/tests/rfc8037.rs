//! The Ed25519 examples of RFC 8037, appendix A.

use behalf_jose::jws::{Profile, Unverified};
use behalf_jose::{Algorithm, Jwk, SigningKey, VerifyingKey, base64url};

const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
const D: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const TOKEN: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn jwk() -> Jwk {
    Jwk { kty: "OKP".into(), crv: Some("Ed25519".into()), x: Some(X.into()), ..Jwk::default() }
}

#[test]
fn a3_thumbprint() {
    let thumbprint = jwk().thumbprint().unwrap().to_base64url();
    assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a4_signing_gives_the_signature_of_the_rfc() {
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend(base64url::decode(D).unwrap());
    let key = SigningKey::from_pkcs8(Algorithm::EdDsa, &pkcs8).unwrap();
    let (signing_input, signature) = TOKEN.rsplit_once('.').unwrap();
    assert_eq!(base64url::encode(key.sign(signing_input.as_bytes()).unwrap()), signature);
    assert_eq!(key.public_jwk().x.as_deref(), Some(X));
}

#[test]
fn a5_verification() {
    let token = Unverified::parse(TOKEN, Profile::Strict, 1024).unwrap();
    let verified =
        token.verify(&VerifyingKey::from_jwk(&jwk()).unwrap()).map(|v| v.claims().to_vec());
    assert_eq!(verified.unwrap(), b"Example of Ed25519 signing");
}
