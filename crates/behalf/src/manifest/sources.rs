//! What a manifest only names: environment variables, secret files, certificates. They are read
//! where the manifest is, so that the server never opens a path somebody sent it.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use behalf_core::secret::SecretText;
use behalf_server::directory::apply::{
    Manifest,
    manifest::{PasswordSource, PasswordText, SecretSource},
};

/// Longest secret or certificate file, in bytes.
const FILE_MAX: u64 = 64 << 10;

/// Everything that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not everything it names can be read:\n  {}", .0.join("\n  "))]
pub(crate) struct SourceError(pub(crate) Vec<String>);

/// Reads what `manifest` names. Relative paths start at `folder`.
pub(crate) fn resolve(
    mut manifest: Manifest,
    folder: &Path,
    env: impl Fn(&str) -> Option<String>,
) -> Result<Manifest, SourceError> {
    let mut problems = Vec::new();
    for app in &mut manifest.apps {
        for credential in app.credentials.iter_mut().flatten() {
            let place = format!("{}: credential {:?}", app.name, credential.name);
            if let Some(source) = &mut credential.secret {
                match secret(source, folder, &env) {
                    Ok(Some(value)) => *source = SecretSource::Value(value),
                    Ok(None) => {}
                    Err(problem) => problems.push(format!("{place}: {problem}")),
                }
            }
            if let Some(certificate) = &mut credential.certificate {
                match file(folder, certificate) {
                    Ok(pem) => *certificate = pem,
                    Err(problem) => problems.push(format!("{place}: {problem}")),
                }
            }
        }
    }
    for user in &mut manifest.users {
        let Some(source) = &mut user.password else { continue };
        let found = match source {
            PasswordSource::Generate | PasswordSource::Value(_) => continue,
            PasswordSource::FromEnv(name) => env(name).ok_or_else(|| {
                format!("the environment variable {name} is not set: set it to the password")
            }),
            PasswordSource::FromFile(path) => file(folder, path),
        };
        match found {
            Ok(text) => *source = PasswordSource::Value(PasswordText::new(line(&text))),
            Err(problem) => problems.push(format!("{}: password: {problem}", user.name)),
        }
    }
    if problems.is_empty() { Ok(manifest) } else { Err(SourceError(problems)) }
}

/// The value of a secret that comes from elsewhere.
fn secret(
    source: &SecretSource,
    folder: &Path,
    env: &impl Fn(&str) -> Option<String>,
) -> Result<Option<SecretText>, String> {
    let (place, text) = match source {
        SecretSource::Generate | SecretSource::Value(_) => return Ok(None),
        SecretSource::FromEnv(name) => {
            let value = env(name).ok_or_else(|| {
                format!("the environment variable {name} is not set: set it to the secret")
            })?;
            (format!("the environment variable {name}"), value)
        }
        SecretSource::FromFile(path) => (path.clone(), file(folder, path)?),
    };
    let secret = SecretText::supplied(line(&text).to_owned());
    secret.map(Some).map_err(|weak| format!("{place}: {weak}"))
}

/// A text without the line end that an editor leaves.
fn line(text: &str) -> &str {
    let line = text.strip_suffix('\n').unwrap_or(text);
    line.strip_suffix('\r').unwrap_or(line)
}

fn file(folder: &Path, path: &str) -> Result<String, String> {
    let path: PathBuf = folder.join(path);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text));
    match read {
        Ok(_) if text.len() as u64 > FILE_MAX => {
            Err(format!("{}: longer than {FILE_MAX} bytes", path.display()))
        }
        Ok(_) => Ok(text),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Qm8~tXw2.Lz9_Kd4-Rv7sJh1pNc6Ye3B";

    fn manifest(credentials: &str) -> Manifest {
        let text = format!(
            "apiVersion: behalf/v1\ntenant: acme.test\napps:\n  - name: daemon\n    credentials: {credentials}\n"
        );
        super::super::parse(&text).unwrap()
    }

    fn none(_name: &str) -> Option<String> {
        None
    }

    #[test]
    fn files_and_variables_become_values() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), format!("{SECRET}\r\n")).unwrap();
        std::fs::write(folder.path().join("daemon.pem"), "PEM").unwrap();
        let read = manifest(
            "[{ secret: generate }, { secret: { from-env: S }, name: e }, { secret: { from-file: secret }, name: f }, { certificate: daemon.pem, name: c }]",
        );
        let env = |name: &str| (name == "S").then(|| SECRET.to_owned());
        let resolved = resolve(read, folder.path(), env).unwrap();
        let credentials = resolved.apps[0].credentials.as_ref().unwrap();
        let value = SecretSource::Value(SecretText::supplied(SECRET.to_owned()).unwrap());
        assert_eq!(credentials[0].secret, Some(SecretSource::Generate));
        assert_eq!(credentials[1].secret.as_ref(), Some(&value));
        assert_eq!(credentials[2].secret.as_ref(), Some(&value));
        assert_eq!(credentials[3].certificate.as_deref(), Some("PEM"));
        assert!(!format!("{resolved:?}").contains(SECRET));
    }

    #[test]
    fn everything_that_cannot_be_read_is_said_at_once_without_a_value() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("weak"), "hunter2").unwrap();
        std::fs::write(folder.path().join("long"), "x".repeat(70_000)).unwrap();
        let read = manifest(
            "[{ secret: { from-env: S } }, { secret: { from-file: weak }, name: w }, { certificate: gone.pem, name: g }, { certificate: long, name: l }]",
        );
        let SourceError(problems) = resolve(read, folder.path(), none).unwrap_err();
        let expected = [
            "daemon: credential \"initial\": the environment variable S is not set",
            "daemon: credential \"w\": weak: the secret has 7 characters",
            "daemon: credential \"g\": ",
            "daemon: credential \"l\": ",
        ];
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.starts_with(expected), "{problem}");
            assert!(!problem.contains("hunter2"), "{problem}");
        }
        assert!(problems[3].contains("longer than 65536 bytes"), "{}", problems[3]);
    }
}
