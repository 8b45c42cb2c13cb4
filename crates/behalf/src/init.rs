//! `behalf init`: writes a configuration and a master key to begin with.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use behalf_server::{
    config::{Config, Environment, File},
    entropy::SystemEntropy,
    keys::MasterKeyText,
    tls::Tls,
};

use crate::{
    failure::{Exit, Failure},
    files, output,
};

/// `behalf init`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The origin clients will use, such as <https://login.example.com>
    #[arg(long, value_name = "URL")]
    public_url: String,
    /// Certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Folder to write behalf.toml and master.key to, and to keep the data below
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

const CONFIG: &str = "behalf.toml";
const MASTER_KEY: &str = "master.key";

/// Writes both files, or none.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let folder = std::path::absolute(&args.dir)?;
    let tls = args.tls_cert.as_deref().zip(args.tls_key.as_deref());
    if let Some((certificate, key)) = tls {
        Tls::from_files(certificate, key).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let (config, master) = (folder.join(CONFIG), folder.join(MASTER_KEY));
    let text = written(&args.public_url, &folder, tls)?;
    check(&config, &text)?;
    for path in [&config, &master] {
        if path.exists() {
            return Err(exists(path).into());
        }
    }
    std::fs::create_dir_all(&folder).map_err(|cause| Failure::path(&folder, "make", &cause))?;
    let line = MasterKeyText::generate(&SystemEntropy);
    create(&master, &format!("{}\n", line.expose()))?;
    create(&config, &text)?;
    output::result(&format!(
        "wrote {CONFIG} (0600), {MASTER_KEY} (0600; back it up apart from the data).\n"
    ))?;
    output::result(match tls {
        Some(_) => "Next: behalf serve\n",
        None => {
            "Next: set tls.cert and tls.key in behalf.toml (or BEHALF_TLS_CERT and \
             BEHALF_TLS_KEY), then: behalf serve\n"
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn exists(path: &Path) -> Failure {
    Failure::new(Exit::Failed, format!("{} exists and is not overwritten", path.display()))
        .fix("behalf init --dir with another folder, or move the file away")
}

fn create(path: &Path, text: &str) -> Result<(), Failure> {
    files::create(path, text.as_bytes()).map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::path(path, "write", &cause),
    })
}

/// The file's text.
fn written(public_url: &str, folder: &Path, tls: Option<(&Path, &Path)>) -> anyhow::Result<String> {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let path = |path: &Path| -> anyhow::Result<String> {
        let path = std::path::absolute(path)?;
        let text = path.to_str().ok_or_else(|| {
            Failure::usage(format!("the path {} is not UTF-8 text", path.display()))
        })?;
        Ok(quoted(text))
    };
    let database = folder.join("data/behalf.db");
    let storage = quoted(&format!("sqlite://{}", database.to_string_lossy()));
    let tls = match tls {
        Some((certificate, key)) => {
            format!("cert = {}\nkey = {}\n", path(certificate)?, path(key)?)
        }
        None => {
            "# cert = \"/etc/behalf/fullchain.pem\"\n# key = \"/etc/behalf/key.pem\"\n".to_owned()
        }
    };
    Ok(format!(
        "# Every setting is also an environment variable: tls.cert is BEHALF_TLS_CERT.\n\
         # What else can be set: docs/reference/configuration.md\n\n\
         public_url = {}\nmaster_key_file = \"{MASTER_KEY}\"\n\n\
         [storage]\nurl = {storage}\n\n[tls]\n{tls}",
        quoted(public_url)
    ))
}

/// What is written must be what `serve` reads; only TLS may still be missing.
fn check(path: &Path, text: &str) -> Result<(), Failure> {
    let none = Environment::of(std::iter::empty::<(String, String)>());
    let Err(problems) = Config::load(Some(File { path, text }), &none, &[]) else { return Ok(()) };
    let wrong = problems.iter().filter(|problem| !problem.missing);
    let told: Vec<String> = wrong.map(|p| format!("{}: {}: {}", p.key, p.what, p.fix)).collect();
    if told.is_empty() { Ok(()) } else { Err(Failure::usage(told.join("; "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(dir: &Path) -> Args {
        let public_url = "https://login.example.com".to_owned();
        Args { public_url, tls_cert: None, tls_key: None, dir: dir.to_owned() }
    }

    #[test]
    fn what_it_writes_is_what_serve_reads() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        run(&args(folder.path())).unwrap();
        for name in [CONFIG, MASTER_KEY] {
            let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let path = folder.path().join(CONFIG);
        let text = std::fs::read_to_string(&path).unwrap();
        let tls = [("BEHALF_TLS_CERT", "c.pem"), ("BEHALF_TLS_KEY", "k.pem")];
        let file = Some(File { path: &path, text: &text });
        let config = Config::load(file, &Environment::of(tls), &[]).unwrap();
        assert_eq!(config.public_url, "https://login.example.com");
        assert_eq!(config.master_key_file, folder.path().join(MASTER_KEY));
        assert_eq!(config.storage.file().unwrap(), folder.path().join("data/behalf.db"));
        assert!(behalf_server::keys::MasterKey::load(&config.master_key_file).is_ok());
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        run(&args(folder.path())).unwrap();
        let key = std::fs::read(folder.path().join(MASTER_KEY)).unwrap();
        let error = run(&args(folder.path())).unwrap_err().to_string();
        assert!(error.contains("exists and is not overwritten"), "{error}");
        std::fs::remove_file(folder.path().join(CONFIG)).unwrap();
        assert!(run(&args(folder.path())).is_err(), "the master key alone is enough to stop");
        assert_eq!(std::fs::read(folder.path().join(MASTER_KEY)).unwrap(), key);
        assert!(!folder.path().join(CONFIG).exists());
    }

    #[test]
    fn a_url_that_serve_would_refuse_is_refused_here() {
        let folder = tempfile::tempdir().unwrap();
        for bad in ["http://login.example.com", "https://login.example.com/x", "login"] {
            let args = Args { public_url: bad.to_owned(), ..args(folder.path()) };
            assert!(run(&args).is_err(), "{bad}");
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
