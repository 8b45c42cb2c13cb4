use uuid::Uuid;

/// The source of randomness failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct NoEntropy;

/// Where `state`, `nonce`, PKCE verifiers, ids and jitter come from. Programs use
/// [`SystemEntropy`], tests a sequence they know.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with unpredictable ones.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The generator of aws-lc-rs, seeded by the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the edge of the process: chance enters here"
        )]
        aws_lc_rs::rand::fill(bytes).map_err(|_| NoEntropy)
    }
}

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// A random UUID (version 4).
pub(crate) fn uuid(entropy: &dyn Entropy) -> Result<Uuid, NoEntropy> {
    Ok(uuid::Builder::from_random_bytes(bytes(entropy)?).into_uuid())
}

/// From 0 up to `bound`, which it does not reach. For jitter only: without entropy it is 0.
pub(crate) fn below(entropy: &dyn Entropy, bound: u64) -> u64 {
    let random = bytes(entropy).map_or(0, u64::from_le_bytes);
    random.checked_rem(bound).unwrap_or(0)
}
