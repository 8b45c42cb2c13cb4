//! Argon2id (RFC 9106) and the text its hashes are kept as.
//!
//! `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, salt and hash in base64 without `=`: the PHC string
//! format, whatever the parameters are.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use behalf_core::user::{NewPassword, PasswordHash};
use zeroize::{Zeroize, Zeroizing};

/// What makes a hash its own.
pub type Salt = [u8; 16];
const OUTPUT: usize = 32;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// Memory, in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Default for Parameters {
    /// 19 MiB and two passes: OWASP's Password Storage Cheat Sheet.
    fn default() -> Self {
        Self { memory: 19 * 1024, passes: 2 }
    }
}

impl Parameters {
    /// More than this is no hash of ours: a stored text must not make a sign-in cost a machine.
    const MOST: Self = Self { memory: 256 * 1024, passes: 16 };
    /// The least that Argon2 works with.
    const LEAST: Self = Self { memory: 8, passes: 1 };

    fn are_bounded(self) -> bool {
        (Self::LEAST.memory..=Self::MOST.memory).contains(&self.memory)
            && (Self::LEAST.passes..=Self::MOST.passes).contains(&self.passes)
    }
}

/// What a password is compared with.
#[derive(Clone)]
pub(super) struct Phc {
    pub(super) parameters: Parameters,
    salt: Salt,
    output: [u8; OUTPUT],
}

impl Phc {
    /// A hash that no password has, with `parameters`: the work of comparing with it is the same.
    pub(super) fn of_nobody(parameters: Parameters, random: [u8; 48]) -> Self {
        let (mut salt, mut output) = ([0; 16], [0; OUTPUT]);
        salt.copy_from_slice(&random[..16]);
        output.copy_from_slice(&random[16..]);
        Self { parameters, salt, output }
    }

    /// Reads a stored hash; `None`: it is none of ours.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$argon2id$v=19$")?;
        let mut parts = rest.split('$');
        let (costs, salt, output) = (parts.next()?, parts.next()?, parts.next()?);
        let mut costs = costs.split(',');
        let mut cost = |name: &str| costs.next()?.strip_prefix(name)?.parse().ok();
        let parameters = Parameters { memory: cost("m=")?, passes: cost("t=")? };
        let one_lane = cost("p=")? == 1;
        let salt = STANDARD_NO_PAD.decode(salt).ok()?.try_into().ok()?;
        let output = STANDARD_NO_PAD.decode(output).ok()?.try_into().ok()?;
        let whole = one_lane && parts.next().is_none() && parameters.are_bounded();
        whole.then_some(Self { parameters, salt, output })
    }

    pub(super) fn text(&self) -> String {
        let Parameters { memory, passes } = self.parameters;
        let (salt, output) =
            (STANDARD_NO_PAD.encode(self.salt), STANDARD_NO_PAD.encode(self.output));
        format!("$argon2id$v=19$m={memory},t={passes},p=1${salt}${output}")
    }

    /// The hash of `password`; `None` only for parameters that Argon2 does not know.
    pub(super) fn make(
        password: &str,
        salt: Salt,
        parameters: Parameters,
        memory: &mut Memory,
    ) -> Option<Self> {
        let output = memory.run(password, &salt, parameters)?;
        Some(Self { parameters, salt, output: *output })
    }

    /// Whether `password` has this hash. The time does not depend on the answer.
    pub(super) fn matches(&self, password: &str, memory: &mut Memory) -> bool {
        let found = memory.run(password, &self.salt, self.parameters);
        found.is_some_and(|found| {
            constant_time::verify_slices_are_equal(found.as_slice(), &self.output).is_ok()
        })
    }
}

/// The memory that hashes are made in: kept by each thread, wiped after each.
#[derive(Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    fn run(
        &mut self,
        password: &str,
        salt: &Salt,
        Parameters { memory, passes }: Parameters,
    ) -> Option<Zeroizing<[u8; OUTPUT]>> {
        let params = Params::new(memory, passes, 1, Some(OUTPUT)).ok()?;
        self.0.resize(params.block_count(), Block::new());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut output = Zeroizing::new([0; OUTPUT]);
        let done = argon2.hash_password_into_with_memory(
            password.as_bytes(),
            salt,
            output.as_mut_slice(),
            &mut self.0,
        );
        self.0.iter_mut().for_each(Zeroize::zeroize);
        done.ok().map(|()| output)
    }
}

/// The hash of a password: tens of milliseconds of one core, so never on a thread that serves.
/// `None` only for parameters that Argon2 does not know.
pub fn hash(password: &NewPassword, salt: Salt, parameters: Parameters) -> Option<PasswordHash> {
    let made = Phc::make(password.expose(), salt, parameters, &mut Memory::default())?;
    Some(PasswordHash(made.text()))
}
