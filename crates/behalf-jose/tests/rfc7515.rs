//! The examples of RFC 7515, appendix A.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use behalf_jose::jws::{Profile, Unverified};
use behalf_jose::{Jwk, VerifyError, VerifyingKey};

const A2: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const A2_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
const A3: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const A5: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
const PAYLOAD: &[u8] =
    b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";

fn rsa_key() -> VerifyingKey {
    let jwk =
        Jwk { kty: "RSA".into(), n: Some(A2_N.into()), e: Some("AQAB".into()), ..Jwk::default() };
    VerifyingKey::from_jwk(&jwk).unwrap()
}

fn ec_key() -> VerifyingKey {
    let jwk = Jwk {
        kty: "EC".into(),
        crv: Some("P-256".into()),
        x: Some("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU".into()),
        y: Some("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0".into()),
        ..Jwk::default()
    };
    VerifyingKey::from_jwk(&jwk).unwrap()
}

#[test]
fn a2_rs256_is_accepted_with_its_key() {
    let token = Unverified::parse(A2, Profile::Strict, 2048).unwrap();
    assert_eq!(token.verify(&rsa_key()).unwrap().claims(), PAYLOAD);
    assert_eq!(token.verify(&ec_key()).unwrap_err(), VerifyError::Algorithm);
}

#[test]
fn a3_es256_is_accepted_with_its_key() {
    let token = Unverified::parse(A3, Profile::Strict, 2048).unwrap();
    assert_eq!(token.verify(&ec_key()).unwrap().claims(), PAYLOAD);
    assert_eq!(token.verify(&rsa_key()).unwrap_err(), VerifyError::Algorithm);
}

#[test]
fn a5_unsecured_is_refused_by_every_key() {
    let token = Unverified::parse(A5, Profile::Strict, 2048).unwrap();
    assert_eq!(token.unverified_header().algorithm(), None);
    assert_eq!(token.verify(&rsa_key()).unwrap_err(), VerifyError::Algorithm);
    assert_eq!(token.verify(&ec_key()).unwrap_err(), VerifyError::Algorithm);
}

#[test]
fn a_changed_byte_in_any_part_is_refused() {
    let key = rsa_key();
    let position_of_payload = A2.find('.').unwrap() + 2;
    for position in [position_of_payload, A2.len() - 10] {
        let mut bytes = A2.as_bytes().to_vec();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        let token = Unverified::parse(&changed, Profile::Strict, 2048).unwrap();
        assert_eq!(token.verify(&key).unwrap_err(), VerifyError::Signature, "byte {position}");
    }
}
