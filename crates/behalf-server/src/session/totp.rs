//! Time-based one-time passwords (RFC 6238): SHA-1, six digits, thirty seconds, which is what
//! authenticator apps know. SHA-1 is sound in HMAC.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use behalf_core::{
    id::{ObjectId, TenantId},
    time::Timestamp,
    user::Totp,
};
use behalf_jose::base64url;
use zeroize::Zeroizing;

use crate::{
    entropy::{Entropy, random},
    keys::{MasterKey, Unopened},
};

/// Seconds of one step.
const STEP: u64 = 30;
/// Steps that a user's clock may be off, either way (RFC 6238 5.2).
const SKEW: u64 = 1;
const DIGITS: usize = 6;
const PURPOSE: &str = "totp";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret an authenticator app shares: 20 bytes, as RFC 4226 4 advises. Prints nothing, is
/// wiped when dropped.
pub struct TotpSecret(Zeroizing<[u8; 20]>);

impl TotpSecret {
    /// Makes one.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(Zeroizing::new(random(entropy)))
    }

    /// The secret as it is typed into an app: base32 (RFC 4648 6), 32 characters.
    pub fn base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(32));
        for five in self.0.chunks(5) {
            let group = five.iter().fold(0_u64, |group, byte| group << 8 | u64::from(*byte));
            for n in (0..8).rev() {
                let symbol = usize::try_from(group >> (5 * n) & 31).unwrap_or(0);
                text.push(char::from(BASE32[symbol]));
            }
        }
        text
    }

    /// Reads what [`Self::base32`] wrote: for a form that carries it through the enrolment.
    pub fn from_base32(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 20]);
        if text.len() != 32 {
            return None;
        }
        for (eight, five) in text.as_bytes().chunks(8).zip(bytes.chunks_mut(5)) {
            let mut group = 0_u64;
            for symbol in eight {
                let value = BASE32.iter().position(|known| known == symbol)?;
                group = group << 5 | u64::try_from(value).ok()?;
            }
            five.copy_from_slice(&group.to_be_bytes()[3..]);
        }
        Some(Self(bytes))
    }

    /// What a QR code for an app holds; `issuer` and `account` are what it shows.
    pub fn otpauth_uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let encode = |text: &str| {
            url::form_urlencoded::byte_serialize(text.as_bytes())
                .collect::<String>()
                .replace('+', "%20")
        };
        let (issuer, account, secret) = (encode(issuer), encode(account), self.base32());
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}",
            secret.as_str()
        ))
    }

    /// Wraps it for `user` alone.
    pub fn seal(
        &self,
        (tenant, user): (TenantId, ObjectId),
        master: &MasterKey,
        entropy: &dyn Entropy,
    ) -> Result<String, Unopened> {
        let place = format!("{tenant}|{user}");
        let wrapped = master.wrap((PURPOSE, &place), self.0.as_slice(), entropy)?;
        Ok(base64url::encode(&wrapped))
    }

    /// Unwraps the secret of `user`.
    pub fn open(
        (tenant, user): (TenantId, ObjectId),
        totp: &Totp,
        master: &MasterKey,
    ) -> Result<Self, Unopened> {
        let unopened = Unopened { purpose: PURPOSE };
        let wrapped = base64url::decode(&totp.sealed_secret).map_err(|_| unopened)?;
        let opened = master.unwrap((PURPOSE, &format!("{tenant}|{user}")), &wrapped)?;
        let bytes = opened.secret.as_slice().try_into().map_err(|_| unopened)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The step whose code `text` is, now or one before or after, and later than `last_step`: each
    /// step counts once. Blanks that people type between the digits are passed over.
    pub fn step_of(&self, text: &str, last_step: u64, now: Timestamp) -> Option<u64> {
        if text.len() > 32 {
            return None;
        }
        let typed: Vec<u8> = text.bytes().filter(|byte| *byte != b' ').collect();
        let now = u64::try_from(now.unix_seconds()).ok()? / STEP;
        let steps = now.saturating_sub(SKEW)..=now.saturating_add(SKEW);
        let mut found = None;
        // All of them, whichever it is.
        for step in steps {
            let same = constant_time::verify_slices_are_equal(self.code(step).as_bytes(), &typed);
            if same.is_ok() && step > last_step {
                found = Some(step);
            }
        }
        found
    }

    /// The code an app shows now.
    #[cfg(test)]
    pub(crate) fn code_at(&self, now: Timestamp) -> String {
        self.code(u64::try_from(now.unix_seconds()).unwrap() / STEP).to_string()
    }

    /// The code of a step (RFC 4226 5.3).
    fn code(&self, step: u64) -> Zeroizing<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.as_slice());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let offset = bytes.last().map_or(0, |last| usize::from(last & 15));
        let four = bytes.get(offset..offset + 4).unwrap_or(&[0; 4]);
        let number = four.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let number = (number & 0x7fff_ffff) % 10_u32.pow(u32::try_from(DIGITS).unwrap_or(6));
        Zeroizing::new(format!("{number:0DIGITS$}"))
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    const WHO: (TenantId, ObjectId) = (TenantId::NIL, ObjectId::NIL);

    /// The secret of RFC 6238's appendix B.
    fn secret() -> TotpSecret {
        TotpSecret(Zeroizing::new(*b"12345678901234567890"))
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    #[test]
    fn the_vectors_of_rfc_6238_in_six_digits() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = u64::try_from(seconds / 30).unwrap();
            assert_eq!(secret().code(step).as_str(), code, "{seconds}");
            assert_eq!(secret().step_of(code, 0, at(seconds)), Some(step));
        }
    }

    #[test]
    fn a_code_counts_once_within_one_step_either_way() {
        let (secret, noon) = (secret(), 1_200_000_000);
        let step = u64::try_from(noon / 30).unwrap();
        let code = secret.code(step);
        for (seconds, last, expected) in [
            (noon, 0, Some(step)),
            (noon - 30, 0, Some(step)),
            (noon + 59, 0, Some(step)),
            (noon + 60, 0, None),
            (noon - 31, 0, None),
            (noon, step, None),
            (noon, step - 1, Some(step)),
            (noon + 30, step, None),
            (noon, step + 1, None),
        ] {
            assert_eq!(secret.step_of(&code, last, at(seconds)), expected, "{seconds} {last}");
        }
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        assert_eq!(secret.step_of(&spaced, 0, at(noon)), Some(step));
        let wrong =
            ["", "0", &code[..5], &format!("{}0", code.as_str()), "abcdef", &" ".repeat(40)];
        for wrong in wrong {
            assert_eq!(secret.step_of(wrong, 0, at(noon)), None, "{wrong}");
        }
        assert_eq!(secret.step_of(&code, 0, Timestamp(-1)), None);
    }

    #[test]
    fn a_secret_is_shown_to_its_app_and_sealed_for_its_user() {
        assert_eq!(secret().base32().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let uri = secret().otpauth_uri("Acme & Söhne", "bob@acme.test");
        assert_eq!(
            uri.as_str(),
            "otpauth://totp/Acme%20%26%20S%C3%B6hne:bob%40acme.test\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme%20%26%20S%C3%B6hne"
        );
        let entropy = SeededEntropy::new(1);
        let master = MasterKey::ephemeral(&entropy);
        let made = TotpSecret::generate(&entropy);
        let read = TotpSecret::from_base32(&made.base32()).unwrap();
        assert_eq!(*read.0, *made.0);
        for bad in ["", "GEZDGNBV", &"1".repeat(32), &"g".repeat(32), &"é".repeat(16)] {
            assert!(TotpSecret::from_base32(bad).is_none(), "{bad}");
        }
        let sealed_secret = made.seal(WHO, &master, &entropy).unwrap();
        let totp = Totp { sealed_secret, last_step: 0 };
        assert_eq!(*TotpSecret::open(WHO, &totp, &master).unwrap().0, *made.0);
        let other = (TenantId::NIL, ObjectId(uuid::Uuid::from_u128(1)));
        assert!(TotpSecret::open(other, &totp, &master).is_err(), "another user's record");
        let damaged = Totp { sealed_secret: "-".into(), last_step: 0 };
        assert!(TotpSecret::open(WHO, &damaged, &master).is_err());
        assert_eq!(format!("{made:?}"), "TotpSecret(…)");
    }
}
