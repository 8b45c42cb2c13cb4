//! Bare signatures: the limit everything else is measured against.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};

use super::cpu;

/// Signatures per CPU-second of one core.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) rs256: f64,
    pub(crate) es256: f64,
}

impl Rates {
    /// Microseconds of an RSA-2048 signature.
    pub(crate) fn rs256_micros(self) -> f64 {
        1e6 / self.rs256
    }
}

/// Keys parsed once, as the server holds them.
pub(crate) struct Yardstick {
    rsa: RsaKeyPair,
    ecdsa: EcdsaKeyPair,
    random: SystemRandom,
    message: Vec<u8>,
}

impl Yardstick {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let failed = |_| anyhow::anyhow!("a key could not be generated");
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
        let ecdsa = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
        anyhow::ensure!(!ecdsa.public_key().as_ref().is_empty(), "a key without a public part");
        Ok(Self { rsa, ecdsa, random: SystemRandom::new(), message: vec![b'x'; 1_000] })
    }

    /// Measures both on the server's core for `time` in all, on a thread of its own, while the
    /// load's core is as busy as the load keeps it: where two cores are threads of one, a busy
    /// neighbour slows both, and the comparison must be fair.
    pub(crate) fn measure(&self, time: Duration) -> anyhow::Result<Rates> {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| neighbour(&done));
            let rates = scope
                .spawn(|| {
                    cpu::pin([cpu::SERVER_CORE])?;
                    let mut signature = vec![0; self.rsa.public_modulus_len()];
                    let rs256 = rate(time / 2, || {
                        self.rsa
                            .sign(&RSA_PKCS1_SHA256, &self.random, &self.message, &mut signature)
                            .is_ok()
                    })?;
                    let es256 =
                        rate(time / 2, || self.ecdsa.sign(&self.random, &self.message).is_ok())?;
                    Ok(Rates { rs256, es256 })
                })
                .join();
            done.store(true, Ordering::Relaxed);
            rates.map_err(|_| anyhow::anyhow!("the yardstick panicked"))?
        })
    }
}

/// Keeps the load's core awake with what a waiting client does: system calls that find nothing.
fn neighbour(done: &AtomicBool) {
    if cpu::pin(cpu::load_cores()).is_err() {
        return;
    }
    while !done.load(Ordering::Relaxed) {
        std::thread::yield_now();
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn rate(time: Duration, mut sign: impl FnMut() -> bool) -> anyhow::Result<f64> {
    let until = Instant::now() + time;
    let before = cpu::thread_time();
    let mut signed = 0_u32;
    while Instant::now() < until {
        for _ in 0..8 {
            anyhow::ensure!(sign(), "a bare signature failed");
        }
        signed += 8;
    }
    Ok(f64::from(signed) / cpu::thread_time().saturating_sub(before).as_secs_f64())
}
