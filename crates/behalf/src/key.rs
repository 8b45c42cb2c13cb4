//! `behalf key`: the keys that sign tokens, and the key that seals codes, refresh tokens and
//! sessions.

use std::fmt::Write as _;

use behalf_core::{
    application::TokenAlg,
    time::{Timestamp, written},
};
use behalf_server::admin_socket::wire::{EpochInfo, KeyInfo};

use crate::door::AskArgs;

/// `behalf key`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the signing keys
    List(ListArgs),
    /// Change the signing key: announced first, so that APIs have it when it signs
    Rotate(RotateArgs),
    /// Withdraw a key that has leaked: tokens it signed are refused from now on
    Revoke(RevokeArgs),
    /// Print a new line for the master key file; nothing is stored
    GenerateMaster,
}

/// `behalf key list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The epochs of the sealing key instead
    #[arg(long)]
    pub(crate) seal: bool,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// `behalf key revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// The key's id, as `behalf key list` shows it
    #[arg(value_name = "KID", required_unless_present = "seal")]
    pub(crate) kid: Option<String>,
    /// This epoch of the sealing key instead: the codes, refresh tokens and sessions it sealed end
    #[arg(long, value_name = "EPOCH", conflicts_with = "kid")]
    pub(crate) seal: Option<u32>,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// `behalf key rotate`.
#[derive(Debug, clap::Args)]
pub(crate) struct RotateArgs {
    /// At once, with the key that is announced already: for when the active one may have leaked
    #[arg(long)]
    pub(crate) now: bool,
    /// The key of which algorithm
    #[arg(long, value_enum, default_value_t = Alg::Rs256)]
    pub(crate) alg: Alg,
    /// The key that seals codes, refresh tokens and sessions instead; those it sealed stay valid
    #[arg(long, conflicts_with_all = ["now", "alg"])]
    pub(crate) seal: bool,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// Algorithms that there are keys of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Alg {
    /// RSA
    #[value(name = "RS256")]
    Rs256,
    /// P-256
    #[value(name = "ES256")]
    Es256,
}

impl RotateArgs {
    /// What to ask for: the algorithm, and whether at once.
    pub(crate) fn request(&self) -> (TokenAlg, bool) {
        let alg = match self.alg {
            Alg::Rs256 => TokenAlg::Rs256,
            Alg::Es256 => TokenAlg::Es256,
        };
        (alg, self.now)
    }
}

/// What `--now` does to others, said before they notice.
pub(crate) const AT_ONCE: &str = "\
note: the key was announced, so APIs that refresh their keys take its tokens at once; tokens of the \
former key stay valid until they expire. An API that keeps keys for longer than their \
announcement refuses new tokens until it looks again.";

/// The keys as a table.
pub(crate) fn table(keys: &[KeyInfo]) -> String {
    let at = |time: Timestamp| written(time.unix_seconds());
    let mut text = format!(
        "{:<30} {:<6} {:<10} {:<21} {}\n",
        "KID", "ALG", "STATE", "SIGNS FROM", "PUBLISHED UNTIL"
    );
    for key in keys {
        let alg = match key.alg {
            TokenAlg::Rs256 => "RS256",
            TokenAlg::Es256 => "ES256",
        };
        let until = key.retire_at.map_or_else(|| "-".to_owned(), at);
        let from = at(key.active_from);
        let _ = writeln!(text, "{:<30} {alg:<6} {:<10} {from:<21} {until}", key.kid, key.state);
    }
    text
}

/// The epochs as a table.
pub(crate) fn epoch_table(epochs: &[EpochInfo]) -> String {
    let at = |time: Timestamp| written(time.unix_seconds());
    let mut text = format!("{:<6} {:<10} {:<21} {}\n", "EPOCH", "STATE", "SEALS FROM", "UNTIL");
    for EpochInfo { number, state, from, to } in epochs {
        let until = to.map_or_else(|| "-".to_owned(), at);
        let _ = writeln!(text, "{number:<6} {state:<10} {:<21} {until}", at(*from));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_key() {
        let key = |kid: &str, state: &str, retire_at| KeyInfo {
            kid: kid.into(),
            alg: TokenAlg::Rs256,
            state: state.into(),
            active_from: Timestamp(1_790_000_000_000),
            retire_at,
        };
        let until = Some(Timestamp(1_797_776_000_000));
        insta::assert_snapshot!(table(&[
            key("85ImZaPpqaWwVwaS9J74G2I8LqI", "active", until),
            key("Q1d8ZaPpqaWwVwaS9J74G2I8Lxx", "announced", None),
        ]));
    }

    #[test]
    fn a_line_for_each_epoch() {
        let from = Timestamp(1_790_000_000_000);
        let to = Timestamp(1_791_209_600_000);
        insta::assert_snapshot!(epoch_table(&[
            EpochInfo { number: 1, state: "opening".into(), from, to: Some(to) },
            EpochInfo { number: 2, state: "sealing".into(), from: to, to: None },
        ]), @r"
        EPOCH  STATE      SEALS FROM            UNTIL
        1      opening    2026-09-21 14:13:20Z  2026-10-05 14:13:20Z
        2      sealing    2026-10-05 14:13:20Z  -
        ");
    }
}
