use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding, RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::verifying_key::{KeyError, VerifyingKey};
use crate::{Algorithm, Jwk, pem};

/// The longest signature: RSA of 8192 bits.
pub(crate) const MAX_SIGNATURE: usize = 1024;

/// A private key for one algorithm, parsed once. `Debug` shows the algorithm only.
pub struct SigningKey {
    algorithm: Algorithm,
    pair: Pair,
    public: VerifyingKey,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Makes a new key: RSA of 2048 bits, P-256 or Ed25519. RSA takes 50 to 160 ms of CPU.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Malformed("key generation failed");
        let pair = match algorithm {
            Algorithm::Es256 => Pair::P256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?,
            ),
            Algorithm::EdDsa => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
            rsa => {
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?, padding(rsa)?)
            }
        };
        Self::new(algorithm, pair)
    }

    /// Reads an unencrypted PKCS#8 `PrivateKeyInfo` (RFC 5958).
    pub fn from_pkcs8(algorithm: Algorithm, der: &[u8]) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Malformed("PKCS#8 for this algorithm");
        let pair = match algorithm {
            Algorithm::Es256 => Pair::P256(
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(failed)?,
            ),
            Algorithm::EdDsa => {
                Pair::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(failed)?)
            }
            rsa => Pair::Rsa(RsaKeyPair::from_pkcs8(der).map_err(failed)?, padding(rsa)?),
        };
        Self::new(algorithm, pair)
    }

    /// Reads the first private key of a PEM text: `PRIVATE KEY` (PKCS#8), `RSA PRIVATE KEY`
    /// (PKCS#1) or `EC PRIVATE KEY` (SEC 1). Certificates in the same text are passed over.
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        let labels = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
        let (label, der) = pem::first_block(text, &labels)
            .ok_or(KeyError::Malformed("no unencrypted private key in the PEM text"))?;
        let failed = |_| KeyError::Malformed("private key for this algorithm");
        match (label, algorithm) {
            ("PRIVATE KEY", _) => Self::from_pkcs8(algorithm, &der),
            ("RSA PRIVATE KEY", rsa) if rsa.is_rsa() => {
                let pair = Pair::Rsa(RsaKeyPair::from_der(&der).map_err(failed)?, padding(rsa)?);
                Self::new(algorithm, pair)
            }
            ("EC PRIVATE KEY", Algorithm::Es256) => {
                let alg = &ECDSA_P256_SHA256_FIXED_SIGNING;
                let pair = EcdsaKeyPair::from_private_key_der(alg, &der).map_err(failed)?;
                Self::new(algorithm, Pair::P256(pair))
            }
            _ => Err(KeyError::Algorithm(algorithm)),
        }
    }

    fn new(algorithm: Algorithm, pair: Pair) -> Result<Self, KeyError> {
        let public = match &pair {
            Pair::Rsa(pair, _) => {
                let key = pair.public_key();
                VerifyingKey::rsa(
                    key.modulus().big_endian_without_leading_zero().to_vec(),
                    key.exponent().big_endian_without_leading_zero().to_vec(),
                    &[algorithm],
                )?
            }
            Pair::P256(pair) => {
                let point = <[u8; 65]>::try_from(pair.public_key().as_ref())
                    .map_err(|_| KeyError::Malformed("EC point"))?;
                VerifyingKey::p256(point, &[algorithm])?
            }
            Pair::Ed25519(pair) => {
                let x = <[u8; 32]>::try_from(pair.public_key().as_ref())
                    .map_err(|_| KeyError::Malformed("Ed25519 point"))?;
                VerifyingKey::ed25519(x, &[algorithm])?
            }
        };
        Ok(Self { algorithm, pair, public })
    }

    /// The key as PKCS#8 DER, to be sealed before it is stored.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let failed = |_| KeyError::Malformed("the key could not be written as PKCS#8");
        let der = match &self.pair {
            Pair::Rsa(pair, _) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
            Pair::P256(pair) => pair.to_pkcs8v1().map_err(failed)?.as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.to_pkcs8().map_err(failed)?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    /// The one algorithm this key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half, pinned to the same algorithm.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// The public half as a JWK with `alg`; `use`, `kid` and the like are the caller's to add.
    pub fn public_jwk(&self) -> Jwk {
        self.public.to_jwk()
    }

    /// The length in bytes of every signature of this key.
    pub fn signature_len(&self) -> usize {
        match &self.pair {
            Pair::Rsa(pair, _) => pair.public_modulus_len(),
            Pair::P256(_) | Pair::Ed25519(_) => 64,
        }
    }

    /// Signs `message`; the bytes are what a JWS carries (ES256: r and s of 32 bytes each).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut out = Vec::with_capacity(self.signature_len());
        self.sign_into(message, &mut out)?;
        Ok(out)
    }

    /// Signs `message` and appends the signature to `out`.
    pub fn sign_into(&self, message: &[u8], out: &mut Vec<u8>) -> Result<(), KeyError> {
        let mut buffer = [0; MAX_SIGNATURE];
        let signature = self.sign_to(message, &mut buffer)?;
        out.extend_from_slice(signature);
        Ok(())
    }

    /// Signs `message` into `buffer` and returns the part that was written.
    pub(crate) fn sign_to<'b>(
        &self,
        message: &[u8],
        buffer: &'b mut [u8; MAX_SIGNATURE],
    ) -> Result<&'b [u8], KeyError> {
        let failed = |_| KeyError::Signing;
        let written = buffer.get_mut(..self.signature_len()).ok_or(KeyError::Signing)?;
        match &self.pair {
            // The random source is ignored by aws-lc-rs, which draws its own.
            Pair::Rsa(pair, padding) => {
                pair.sign(*padding, &SystemRandom::new(), message, written).map_err(failed)?;
            }
            Pair::P256(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(failed)?;
                written.copy_from_slice(signature.as_ref());
            }
            Pair::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(failed)?;
                written.copy_from_slice(signature.as_ref());
            }
        }
        Ok(written)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn padding(algorithm: Algorithm) -> Result<&'static dyn RsaEncoding, KeyError> {
    Ok(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        other => return Err(KeyError::Algorithm(other)),
    })
}
