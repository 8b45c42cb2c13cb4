//! The variables by which unmodified clients find a dev instance, trust it and sign in:
//! `behalf env` prints them, `behalf run` starts a program with them.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::ExitCode};

use behalf_core::application::AppKind;

use crate::{
    dev::{banner::quoted, ready::Ready},
    environment::Environment,
    failure::{Exit, Failure},
    known_app::{Catalogue, KnownApp},
    output,
    target::{ServerArgs, Target},
};

/// `behalf env`.
#[derive(Debug, clap::Args)]
pub(crate) struct EnvArgs {
    /// The application, by name, client id or App ID URI; without it only what makes clients trust the server
    #[arg(value_name = "APP")]
    pub(crate) app: Option<String>,
    /// How to write them
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    pub(crate) shell: Shell,
    /// Which instance.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// `behalf run`.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// The application, by name, client id or App ID URI
    #[arg(value_name = "APP")]
    pub(crate) app: String,
    /// Which instance.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The program and its arguments
    #[arg(
        value_name = "CMD",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) command: Vec<OsString>,
}

/// Spellings of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    /// POSIX shells: eval "$(behalf env APP)"
    Sh,
    /// fish: behalf env APP --shell fish | source
    Fish,
    /// `PowerShell`: behalf env APP --shell powershell | Out-String | Invoke-Expression
    Powershell,
    /// A .env file
    Dotenv,
}

/// Prints the variables.
pub(crate) fn env(args: &EnvArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let target = Target::resolve(&args.server, environment)?;
    let app = args.app.as_deref().map(|name| known(&target, environment, name)).transpose()?;
    let variables = variables(target.instance()?, app.as_ref());
    let text: String =
        variables.iter().map(|(name, value)| line(args.shell, name, value)).collect();
    output::result(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Becomes the program: its exit code and signals are its own. Returns only when it cannot start.
pub(crate) fn run(args: &RunArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let target = Target::resolve(&args.server, environment)?;
    let app = known(&target, environment, &args.app)?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::usage("no program was named").into());
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments).envs(variables(target.instance()?, Some(&app)));
    let cause = command.exec();
    let exit = match cause.kind() {
        std::io::ErrorKind::NotFound => Exit::NotFound,
        std::io::ErrorKind::PermissionDenied => Exit::Denied,
        _ => Exit::Environment,
    };
    Err(Failure::new(exit, format!("cannot run {}: {cause}", program.display())).into())
}

/// The application; says so where its credentials are not known here.
fn known(target: &Target, environment: &Environment, name: &str) -> anyhow::Result<KnownApp> {
    let app = Catalogue::of(target, environment)?.find(name)?.clone();
    let needs_secret = matches!(app.info.kind, AppKind::Daemon | AppKind::Web);
    let given = ["AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"]
        .iter()
        .any(|name| environment.path(name).is_some());
    if needs_secret && app.seeded.is_none() && !given {
        output::note(&format!(
            "note: secrets are stored as hashes, so that of {} is not known here: set \
             AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH yourself",
            app.info.name
        ));
    }
    Ok(app)
}

/// The variables, in the order they are printed.
fn variables(ready: &Ready, app: Option<&KnownApp>) -> Vec<(&'static str, String)> {
    let bundle = ready.ca_bundle_file.display().to_string();
    let own = ready.ca_file.display().to_string();
    let mut all = vec![
        // These replace the system's roots, so they need the bundle; these add to them.
        ("REQUESTS_CA_BUNDLE", bundle.clone()),
        ("SSL_CERT_FILE", bundle),
        ("NODE_EXTRA_CA_CERTS", own.clone()),
        ("BEHALF_CA_FILE", own),
        ("BEHALF_URL", ready.base_url.clone()),
        ("AZURE_AUTHORITY_HOST", ready.base_url.clone()),
    ];
    let Some(app) = app else { return all };
    all.push(("BEHALF_AUTHORITY", format!("{}/{}", ready.base_url, app.domain())));
    if !app.info.uris.is_empty() {
        let audiences: Vec<String> =
            std::iter::once(app.app_id()).chain(app.info.uris.iter().cloned()).collect();
        all.push(("BEHALF_AUDIENCE", audiences.join(",")));
    }
    all.push(("AZURE_TENANT_ID", app.tenant_segment()));
    all.push(("AZURE_CLIENT_ID", app.app_id()));
    let Some(seeded) = &app.seeded else { return all };
    if let Some(secret) = &seeded.secret {
        all.push(("AZURE_CLIENT_SECRET", secret.clone()));
    } else if let Some(file) = &seeded.certificate_file {
        all.push(("AZURE_CLIENT_CERTIFICATE_PATH", file.display().to_string()));
    }
    all
}

fn line(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Sh => format!("export {name}={}\n", quoted(value)),
        Shell::Fish => {
            let escaped = value.replace('\\', r"\\").replace('\'', r"\'");
            format!("set -gx {name} '{escaped}'\n")
        }
        Shell::Powershell => format!("$env:{name} = '{}'\n", value.replace('\'', "''")),
        Shell::Dotenv => {
            let escaped = value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$");
            format!("{name}=\"{escaped}\"\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dev::ready::tests::ready, known_app::tests::catalogue};

    #[test]
    fn a_daemon_gets_trust_and_credentials() {
        let all = catalogue();
        let all = variables(&ready(), Some(all.find("invoice-daemon").unwrap()));
        let text: String = all.iter().map(|(name, value)| line(Shell::Sh, name, value)).collect();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_api_gets_its_audience_and_nobody_gets_what_he_does_not_have() {
        let (ready, all) = (ready(), catalogue());
        let of = |app: Option<&KnownApp>| variables(&ready, app);
        let names = |app| of(app).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        let api = of(Some(all.find("ledger-api").unwrap()));
        let audience = "a9200000-0000-4000-8000-000000000004,api://ledger".to_owned();
        assert!(api.contains(&("BEHALF_AUDIENCE", audience)));
        assert!(!names(None).iter().any(|name| name.starts_with("AZURE_CLIENT")));
        let mut app = all.find("invoice-daemon").unwrap().clone();
        if let Some(seeded) = &mut app.seeded {
            seeded.secret = None;
        }
        assert!(names(Some(&app)).contains(&"AZURE_CLIENT_CERTIFICATE_PATH"));
        // One that was made later: its secret is nobody's to know.
        let later = of(Some(all.find("api://stock-2").unwrap()));
        assert!(later.contains(&("AZURE_TENANT_ID", "globex.test".to_owned())));
        assert!(!later.iter().any(|(name, _)| *name == "AZURE_CLIENT_SECRET"));
    }

    #[test]
    fn values_survive_every_shell() {
        let odd = r#"it's $HOME "x" \y"#;
        assert_eq!(line(Shell::Sh, "A", odd), "export A='it'\\''s $HOME \"x\" \\y'\n");
        assert_eq!(line(Shell::Fish, "A", odd), "set -gx A 'it\\'s $HOME \"x\" \\\\y'\n");
        assert_eq!(line(Shell::Powershell, "A", odd), "$env:A = 'it''s $HOME \"x\" \\y'\n");
        assert_eq!(line(Shell::Dotenv, "A", odd), "A=\"it's \\$HOME \\\"x\\\" \\\\y\"\n");
    }
}
