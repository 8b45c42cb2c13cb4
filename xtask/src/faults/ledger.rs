//! The acknowledgement log: everything that was answered, on disk before it is looked at again.
//!
//! What is in it must hold afterwards, whatever happened meanwhile. It lies outside of every disk
//! and process that is hurt.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, mpsc},
    thread::JoinHandle,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// A client and its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// Something that was acknowledged, or that may have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "camelCase")]
pub(crate) enum Entry {
    /// A decision was answered: there is one event of it.
    Decided { request: String },
    /// An application was made.
    Made { app: String, credentials: Credentials },
    /// Its secret is about to be taken away; whether it was is not known unless `Removed` follows.
    Removing { app: String },
    /// Its secret was taken away.
    Removed { app: String },
    /// A code was redeemed; it counts no more.
    Redeemed { code: String },
    /// The newest refresh token of a chain, each in place of the one before.
    Rotated { chain: String, token: String },
    /// Whether the newest of a chain was rotated once more is not known.
    Unheard { chain: String },
    /// A user accepted a page of consent.
    Consented { user: String },
}

/// The log; each entry is synced.
pub(crate) struct Ledger {
    path: PathBuf,
    lines: Mutex<Option<mpsc::Sender<String>>>,
    writer: Option<JoinHandle<std::io::Result<()>>>,
}

impl Ledger {
    /// Begins a log at `path`.
    pub(crate) fn new(path: &Path) -> anyhow::Result<Self> {
        let file = File::create(path)?;
        let (sender, lines) = mpsc::channel();
        let writer = std::thread::spawn(move || write(file, &lines));
        let (path, lines) = (path.to_owned(), Mutex::new(Some(sender)));
        Ok(Self { path, lines, writer: Some(writer) })
    }

    /// Takes an entry down.
    pub(crate) fn note(&self, entry: &Entry) -> anyhow::Result<()> {
        let line = serde_json::to_string(entry)?;
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let sender = lines.as_ref().context("the acknowledgement log is closed")?;
        sender.send(line).context("the acknowledgement log cannot be written")
    }

    /// Closes the log and reads what is in it.
    pub(crate) fn close(mut self) -> anyhow::Result<Vec<Entry>> {
        drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(writer) = self.writer.take() {
            writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
        }
        let lines = BufReader::new(File::open(&self.path)?).lines();
        lines.map(|line| Ok(serde_json::from_str(&line?)?)).collect()
    }
}

/// Writes what has come together, syncs, and again.
fn write(mut file: File, lines: &mpsc::Receiver<String>) -> std::io::Result<()> {
    while let Ok(first) = lines.recv() {
        let mut together = first + "\n";
        for line in lines.try_iter() {
            together.push_str(&line);
            together.push('\n');
        }
        file.write_all(together.as_bytes())?;
        file.sync_data()?;
    }
    Ok(())
}

/// What is known of a secret whose making was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    Present,
    /// Its removal was asked for and not answered.
    Unknown,
    Removed,
}

/// What the entries come to.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    pub(crate) decided: Vec<String>,
    pub(crate) apps: BTreeMap<String, (Credentials, Secret)>,
    pub(crate) codes: Vec<String>,
    /// Refresh tokens of each chain, oldest first.
    pub(crate) chains: BTreeMap<String, Vec<String>>,
    /// Of these the newest may have been rotated.
    pub(crate) unheard: BTreeSet<String>,
    pub(crate) consents: usize,
}

impl Owed {
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let mut owed = Self::default();
        for entry in entries {
            match entry {
                Entry::Decided { request } => owed.decided.push(request),
                Entry::Made { app, credentials } => {
                    owed.apps.insert(app, (credentials, Secret::Present));
                }
                Entry::Removing { app } => owed.secret(&app, Secret::Unknown),
                Entry::Removed { app } => owed.secret(&app, Secret::Removed),
                Entry::Redeemed { code } => owed.codes.push(code),
                Entry::Rotated { chain, token } => {
                    owed.chains.entry(chain).or_default().push(token);
                }
                Entry::Unheard { chain } => drop(owed.unheard.insert(chain)),
                Entry::Consented { .. } => owed.consents += 1,
            }
        }
        owed
    }

    fn secret(&mut self, app: &str, secret: Secret) {
        if let Some(known) = self.apps.get_mut(app) {
            known.1 = secret;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_owed() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(&folder.path().join("ledger")).unwrap();
        let app = |name: &str| name.to_owned();
        let credentials = Credentials { id: "i".to_owned(), secret: "s".to_owned() };
        for name in ["kept", "asked", "gone"] {
            let credentials = credentials.clone();
            ledger.note(&Entry::Made { app: app(name), credentials }).unwrap();
        }
        ledger.note(&Entry::Removing { app: app("asked") }).unwrap();
        ledger.note(&Entry::Removing { app: app("gone") }).unwrap();
        ledger.note(&Entry::Removed { app: app("gone") }).unwrap();
        ledger.note(&Entry::Decided { request: "r".to_owned() }).unwrap();
        for token in ["t0", "t1"] {
            ledger.note(&Entry::Rotated { chain: app("c"), token: token.to_owned() }).unwrap();
        }
        ledger.note(&Entry::Unheard { chain: app("c") }).unwrap();
        let owed = Owed::of(ledger.close().unwrap());
        let secrets: Vec<_> = owed.apps.iter().map(|(name, app)| (name.as_str(), app.1)).collect();
        let expected =
            [("asked", Secret::Unknown), ("gone", Secret::Removed), ("kept", Secret::Present)];
        assert_eq!(secrets, expected);
        assert_eq!(owed.decided, ["r"]);
        assert_eq!(owed.chains["c"], ["t0", "t1"]);
        assert!(owed.unheard.contains("c"));
    }
}
