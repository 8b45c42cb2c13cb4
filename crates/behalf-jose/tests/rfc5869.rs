//! The SHA-256 vectors of RFC 5869, appendix A.

#![expect(clippy::unwrap_used, reason = "a vector that cannot be read fails the test")]

use behalf_jose::hkdf::{DerivationKey, MAX, TooMuch};

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).unwrap()).collect()
}

fn sequence(from: u8, to: u8) -> Vec<u8> {
    (from..=to).collect()
}

struct Vector {
    secret: Vec<u8>,
    salt: Vec<u8>,
    info: Vec<u8>,
    prk: &'static str,
    okm: &'static str,
}

fn vectors() -> [Vector; 3] {
    [
        Vector {
            secret: vec![0x0b; 22],
            salt: sequence(0, 0x0c),
            info: sequence(0xf0, 0xf9),
            prk: "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            okm: "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                  34007208d5b887185865",
        },
        Vector {
            secret: sequence(0, 0x4f),
            salt: sequence(0x60, 0xaf),
            info: sequence(0xb0, 0xff),
            prk: "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
            okm: "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
                  59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
                  cc30c58179ec3e87c14c01d5c1f3434f1d87",
        },
        Vector {
            secret: vec![0x0b; 22],
            salt: Vec::new(),
            info: Vec::new(),
            prk: "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            okm: "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
                  9d201395faa4b61a96c8",
        },
    ]
}

#[test]
fn the_vectors() {
    for vector in vectors() {
        let expected = hex(vector.okm);
        let mut okm = vec![0; expected.len()];
        let extracted = DerivationKey::extract(&vector.salt, &vector.secret);
        extracted.expand_into(&[&vector.info], &mut okm).unwrap();
        assert_eq!(okm, expected);

        let prk = DerivationKey::from_key(&hex(vector.prk).try_into().unwrap());
        assert_eq!(prk.expand(&[&vector.info]).unwrap()[..], expected[..32]);
    }
}

#[test]
fn info_in_parts_is_info_in_one() {
    let key = DerivationKey::extract(b"salt", b"secret");
    assert_eq!(key.expand(&[b"a|", b"b", b""]).unwrap(), key.expand(&[b"a|b"]).unwrap());
    assert_ne!(key.expand(&[b"a|b"]).unwrap(), key.expand(&[b"a|c"]).unwrap());
}

#[test]
fn more_than_255_blocks_are_refused() {
    let key = DerivationKey::extract(b"", b"secret");
    assert_eq!(key.expand_into(&[], &mut vec![0; MAX]), Ok(()));
    assert_eq!(key.expand_into(&[], &mut vec![0; MAX + 1]), Err(TooMuch));
}

#[test]
fn nothing_is_printed() {
    assert_eq!(format!("{:?}", DerivationKey::extract(b"s", b"k")), "DerivationKey(…)");
}
