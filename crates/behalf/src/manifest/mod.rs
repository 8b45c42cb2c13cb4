//! Manifest files: YAML text to the types that the server applies, and the files and environment
//! variables they speak of to values.

mod parse;
mod sources;

pub(crate) use parse::{ManifestError, parse};
pub(crate) use sources::{SourceError, resolve};

use std::{io::Read as _, path::Path};

use behalf_server::directory::apply::Manifest;

/// Longest manifest, in bytes.
pub(crate) const MAX: u64 = 1 << 20;

/// Why a manifest file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is no manifest.
    #[error("{path}:{error}")]
    Manifest {
        /// Which file.
        path: String,
        /// Where and why.
        error: ManifestError,
    },
    /// What it speaks of cannot be read.
    #[error("{path}: {error}")]
    Sources {
        /// Which file.
        path: String,
        /// What and why.
        error: SourceError,
    },
}

/// Reads the manifest at `path` with everything it speaks of; relative paths in it start at its
/// own folder. `env` looks up environment variables.
pub(crate) fn read(
    path: &Path,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Manifest, FileError> {
    let named = || path.display().to_string();
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX + 1).read_to_string(&mut text))
        .map_err(|source| FileError::Io { path: named(), source })?;
    let manifest = parse(&text).map_err(|error| FileError::Manifest { path: named(), error })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    resolve(manifest, folder, env).map_err(|error| FileError::Sources { path: named(), error })
}
