//! Which server a command means, and as whom it speaks to it.

use std::{
    io::{self, IsTerminal as _, Read as _},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    dev::{
        instances,
        ready::{AppEntry, Ready},
    },
    environment::Environment,
    failure::Failure,
    files,
};

const SECRET_MAX: u64 = 4096;

/// `--server`, for commands that talk to one.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct ServerArgs {
    /// The server; else `BEHALF_URL`, else the dev instance that runs
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
}

/// A server and, if it is a dev instance of this user, what is known about it.
pub(crate) struct Target {
    /// Its origin, without a trailing slash.
    pub(crate) base_url: String,
    /// The dev instance.
    pub(crate) instance: Option<Ready>,
}

impl Target {
    /// `--server`, else `BEHALF_URL`, else the one dev instance that runs.
    pub(crate) fn resolve(args: &ServerArgs, environment: &Environment) -> Result<Self, Failure> {
        let named = match &args.server {
            Some(url) => Some(url.as_str()),
            None => environment.text("BEHALF_URL")?,
        };
        let Some(named) = named else {
            let ready = instances::the_only(environment)?;
            return Ok(Self { base_url: ready.base_url.clone(), instance: Some(ready) });
        };
        let base_url = origin(named)?;
        let instance = instances::at(environment, &base_url);
        Ok(Self { base_url, instance })
    }

    /// The dev instance, for commands that need one.
    pub(crate) fn instance(&self) -> Result<&Ready, Failure> {
        self.instance.as_ref().ok_or_else(|| {
            Failure::environment(format!("{} is no dev instance of this user", self.base_url))
                .fix("behalf dev in another terminal")
        })
    }

    /// The CA to trust instead of the system's.
    pub(crate) fn ca_file(&self) -> Option<&Path> {
        self.instance.as_ref().map(|ready| ready.ca_file.as_path())
    }
}

/// An https origin in its canonical form.
fn origin(text: &str) -> Result<String, Failure> {
    let wrong = |why: &str| {
        Failure::usage(format!("{text:?} is no server: {why}; expected https://host[:port]"))
    };
    let url = url::Url::parse(text).map_err(|_| wrong("it is no URL"))?;
    let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    match url.scheme() {
        "https" if plain => Ok(url.as_str().trim_end_matches('/').to_owned()),
        "https" => Err(wrong("it has more than an origin")),
        _ => Err(wrong("credentials are sent over https only")),
    }
}

/// Who reads standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    /// Nobody yet: the secret may come from there.
    Free,
    /// The command itself, for something else.
    Taken,
}

/// The secret of the client: `BEHALF_CLIENT_SECRET`, the file of `BEHALF_CLIENT_SECRET_FILE`, what
/// the dev instance says, else standard input. Never an argument: those are everybody's to read.
pub(crate) fn secret(
    environment: &Environment,
    app: Option<&AppEntry>,
    stdin: Stdin,
) -> Result<Zeroizing<String>, Failure> {
    if let Some(secret) = environment.text("BEHALF_CLIENT_SECRET")? {
        return Ok(Zeroizing::new(secret.to_owned()));
    }
    if let Some(path) = environment.path("BEHALF_CLIENT_SECRET_FILE") {
        return from_file(&path);
    }
    if let Some(secret) = app.and_then(|app| app.secret.as_deref()) {
        return Ok(Zeroizing::new(secret.to_owned()));
    }
    let missing = || {
        let fix = match stdin {
            Stdin::Free => {
                "set BEHALF_CLIENT_SECRET or BEHALF_CLIENT_SECRET_FILE, or pipe it to standard input"
            }
            Stdin::Taken => "set BEHALF_CLIENT_SECRET or BEHALF_CLIENT_SECRET_FILE",
        };
        Failure::usage("no secret was given").fix(fix)
    };
    if stdin == Stdin::Taken || io::stdin().is_terminal() {
        return Err(missing());
    }
    let mut text = Zeroizing::new(String::new());
    io::stdin().take(SECRET_MAX).read_to_string(&mut text).map_err(|_| missing())?;
    Some(first_line(&text)).filter(|line| !line.is_empty()).ok_or_else(missing)
}

fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = files::read_text(path, SECRET_MAX)
        .map_err(|cause| Failure::path(path, "read the secret from", &cause))?;
    Ok(first_line(&Zeroizing::new(text)))
}

fn first_line(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::ready::tests::ready;

    #[test]
    fn a_server_is_an_https_origin() {
        assert_eq!(origin("https://Login.Example.com:443/").unwrap(), "https://login.example.com");
        for bad in ["http://localhost", "https://x/acme.test", "https://u@x", "localhost:8443", ""]
        {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn secrets_come_from_the_environment_then_its_file_then_the_instance() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from-file\n").unwrap();
        let path = file.path().to_str().unwrap();
        let ready = ready();
        let app = ready.apps.get("invoice-daemon");
        let found = |environment: Environment| {
            secret(&environment, app, Stdin::Taken).unwrap().as_str().to_owned()
        };
        let both = [("BEHALF_CLIENT_SECRET", "from-env"), ("BEHALF_CLIENT_SECRET_FILE", path)];
        assert_eq!(found(Environment::from(both)), "from-env");
        assert_eq!(found(Environment::from([("BEHALF_CLIENT_SECRET_FILE", path)])), "from-file");
        assert_eq!(found(Environment::default()), "behalf-dev-invoice-daemon");
    }
}
