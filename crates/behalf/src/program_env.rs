//! The variables by which unmodified clients find a dev instance, trust it and sign in:
//! `behalf env` prints them, `behalf run` starts a program with them.

use std::{ffi::OsString, os::unix::process::CommandExt as _, process::ExitCode};

use crate::{
    dev::{
        banner::quoted,
        ready::{AppEntry, Ready},
    },
    environment::Environment,
    failure::{Exit, Failure},
    output,
    target::{ServerArgs, Target, tenant_segment},
};

/// `behalf env`.
#[derive(Debug, clap::Args)]
pub(crate) struct EnvArgs {
    /// The application, by name or by id; without it only what makes clients trust the server
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
    /// The application, by name or by id
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
    let app = args.app.as_deref().map(|name| target.known_app(name)).transpose()?;
    let variables = variables(target.instance()?, app.map(|(_, entry)| entry));
    let text: String =
        variables.iter().map(|(name, value)| line(args.shell, name, value)).collect();
    output::result(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Becomes the program: its exit code and signals are its own. Returns only when it cannot start.
pub(crate) fn run(args: &RunArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let target = Target::resolve(&args.server, environment)?;
    let (_, app) = target.known_app(&args.app)?;
    let Some((program, arguments)) = args.command.split_first() else {
        return Err(Failure::usage("no program was named").into());
    };
    let mut command = std::process::Command::new(program);
    command.args(arguments).envs(variables(target.instance()?, Some(app)));
    let cause = command.exec();
    let exit = match cause.kind() {
        std::io::ErrorKind::NotFound => Exit::NotFound,
        std::io::ErrorKind::PermissionDenied => Exit::Denied,
        _ => Exit::Environment,
    };
    Err(Failure::new(exit, format!("cannot run {}: {cause}", program.display())).into())
}

/// The variables, in the order they are printed.
fn variables(ready: &Ready, app: Option<&AppEntry>) -> Vec<(&'static str, String)> {
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
    if let Some(tenant) = ready.tenants.get(&app.tenant) {
        all.push(("BEHALF_AUTHORITY", format!("{}/{}", ready.base_url, tenant.domain)));
    }
    if let Some(uri) = &app.app_id_uri {
        all.push(("BEHALF_AUDIENCE", format!("{},{uri}", app.app_id)));
    }
    if let Some(segment) = tenant_segment(app, ready) {
        all.push(("AZURE_TENANT_ID", segment.to_owned()));
    }
    all.push(("AZURE_CLIENT_ID", app.app_id.clone()));
    if let Some(secret) = &app.secret {
        all.push(("AZURE_CLIENT_SECRET", secret.clone()));
    } else if let Some(file) = &app.certificate_file {
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
    use crate::dev::ready::tests::ready;

    #[test]
    fn a_daemon_gets_trust_and_credentials() {
        let ready = ready();
        let all = variables(&ready, ready.apps.get("invoice-daemon"));
        let text: String = all.iter().map(|(name, value)| line(Shell::Sh, name, value)).collect();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn an_api_gets_its_audience_and_nobody_gets_what_he_does_not_have() {
        let ready = ready();
        let names = |app| -> Vec<&str> {
            variables(&ready, app).into_iter().map(|(name, _)| name).collect()
        };
        let api = names(ready.apps.get("ledger-api"));
        assert!(api.contains(&"BEHALF_AUDIENCE") && !api.contains(&"AZURE_CLIENT_SECRET"));
        assert!(!names(None).iter().any(|name| name.starts_with("AZURE_CLIENT")));
        let certificate_only = AppEntry { secret: None, ..ready.apps["invoice-daemon"].clone() };
        assert!(names(Some(&certificate_only)).contains(&"AZURE_CLIENT_CERTIFICATE_PATH"));
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
