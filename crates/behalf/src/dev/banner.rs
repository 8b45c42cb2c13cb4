//! What `behalf dev` says when it is ready: only what works, and what to paste next.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use behalf_core::application::AppKind;

use super::{
    ready::{Ready, UserEntry},
    world::{self, App, User},
};
use crate::output::Style;

/// What the banner tells besides the ready file.
pub(crate) struct Told<'a> {
    /// The instance.
    pub(crate) ready: &'a Ready,
    /// Where it keeps its data; `None` forgets it.
    pub(crate) data: Option<&'a Path>,
    /// Whether it listens beyond loopback.
    pub(crate) exposed: bool,
    /// The caller's home folder, which shells abbreviate.
    pub(crate) home: Option<PathBuf>,
    /// How to dress it.
    pub(crate) style: Style,
}

/// The banner, a text of several lines.
pub(crate) fn banner(told: &Told<'_>) -> String {
    let Told { ready, style, .. } = told;
    let kept =
        told.data.map_or("in-memory".to_owned(), |path| format!("data in {}", path.display()));
    let (reach, secrets) = if told.exposed {
        ("open to the network", "random secrets")
    } else {
        ("loopback only", "known secrets")
    };
    let authority = format!("{}/{}", ready.base_url, world::ACME.domain);
    let ca_file = shell_path(&ready.ca_file, told.home.as_deref());
    let mut text = format!(
        "behalf {}  dev mode: {kept}, {reach}, {secrets}. Not for production (use: behalf serve).\n\n",
        ready.version
    );
    let mut line = |title: &str, value: &str| {
        let _ = writeln!(text, "  {title:<10} {value}");
    };
    let others: Vec<&str> = world::TENANTS.iter().skip(1).map(|tenant| tenant.domain).collect();
    line(
        "Tenant",
        &format!("{:<14} {}     (also: {})", world::ACME.domain, world::ACME.id, others.join(", ")),
    );
    line("Authority", &authority);
    line("CA file", &ca_file);
    text.push('\n');
    let users =
        world::USERS.iter().filter_map(|user| Some(user_line(user, ready.users.get(user.key)?)));
    for (index, line) in users.enumerate() {
        let title = if index == 0 { "Users" } else { "" };
        let _ = writeln!(text, "  {title:<10} {line}");
    }
    text.push('\n');
    let apps =
        [&world::INVOICE_DAEMON, &world::DESK_APP, &world::ORDERS_API, &world::LEDGER_API].iter();
    for (index, app) in apps.enumerate() {
        let title = if index == 0 { "Apps" } else { "" };
        let _ = writeln!(text, "  {title:<10} {}", app_line(app));
    }
    let _ = writeln!(text, "  {:<10} {}", "", foreign_line(&world::TREND_REPORT, told.data));
    if let Some(curl) = curl(ready, &authority, &ca_file) {
        let _ = write!(
            text,
            "\n  First token (paste in another terminal):\n\n{}\n",
            style.strong(&curl)
        );
    }
    let _ = writeln!(
        text,
        "\n  A token in a variable:                                TOKEN=$(behalf token get --as invoice-daemon --scope api://ledger/.default)\
         \n  A user's token, by the browser:                       behalf token login --as desk-app --user bob@acme.test --scope api://orders/.default\
         \n  Run any program with the right env and trust:         behalf run invoice-daemon -- python app.py\
         \n  Why the last request was refused:                     behalf explain --last\
         \n  Watch every flow, step by step:                       behalf demo"
    );
    let ending = match told.data {
        None => "everything is forgotten (keep it: behalf dev --data ./dev).",
        Some(_) => "what was registered is kept.",
    };
    let _ = writeln!(text, "\nReady. Ctrl-C stops; {ending}");
    text
}

/// Who signs in, and with what: the documented password, or the one of this start.
fn user_line(user: &User, entry: &UserEntry) -> String {
    let role = if user.administrator { "administrator" } else { "user" };
    format!("{:<15} {role:<13} password {}", user.name, entry.password)
}

fn app_line(app: &App) -> String {
    let kind = match app.kind {
        AppKind::Daemon => "daemon",
        AppKind::Native => "native",
        AppKind::Web => "web",
        AppKind::Api => "API",
    };
    let what = match app.calls.first() {
        Some(call) if !call.as_app.is_empty() => needs(call.api, "role", call.as_app, "granted"),
        Some(call) if app.kind == AppKind::Api => {
            needs(call.api, "scope", call.as_user, "on behalf of the user")
        }
        Some(call) => needs(call.api, "scope", call.as_user, "user consent"),
        None => app.uri.unwrap_or_default().to_owned(),
    };
    format!("{:<15} {kind:<13} {what}", app.name).trim_end().to_owned()
}

fn needs(api: &str, kind: &str, values: &[&str], how: &str) -> String {
    format!("->  {api}  {kind:<5} {:<18} {how}", values.join(", "))
}

/// An application of the other directory. What was kept may hold a consent to it.
fn foreign_line(app: &App, data: Option<&Path>) -> String {
    let home = app.tenant.domain;
    let known = if data.is_none() { "; not yet consented here" } else { "" };
    format!("{:<15} {:<13} (home: {home}{known})", app.name, "multi-tenant")
}

/// The first token, by a command that works as it is pasted.
fn curl(ready: &Ready, authority: &str, ca_file: &str) -> Option<String> {
    let daemon = ready.apps.get(world::INVOICE_DAEMON.name)?;
    let scope = format!("{}/.default", world::LEDGER_API.uri?);
    Some(format!(
        "    curl --cacert {ca_file} {authority}/oauth2/v2.0/token \\\n      \
         -d grant_type=client_credentials -d scope={scope} \\\n      \
         -d client_id={} -d client_secret={}",
        daemon.app_id,
        daemon.secret.as_deref()?
    ))
}

/// A path as a shell reads it: `~` for home, quoted when it must be.
fn shell_path(path: &Path, home: Option<&Path>) -> String {
    let plain =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+:@%,".contains(&b));
    if let Some(below) = home.and_then(|home| path.strip_prefix(home).ok()) {
        let below = below.to_string_lossy();
        if plain(&below) {
            return format!("~/{below}");
        }
    }
    let text = path.to_string_lossy();
    if plain(&text) { text.into_owned() } else { quoted(&text) }
}

/// `text` in single quotes, for a POSIX shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::ready::tests::ready;

    fn told(ready: &Ready) -> Told<'_> {
        let home = Some("/home/ada".into());
        Told { ready, data: None, exposed: false, home, style: Style::PLAIN }
    }

    #[test]
    fn the_banner_in_memory() {
        let ready = Ready { ca_file: "/home/ada/.local/share/behalf/dev/ca.pem".into(), ..ready() };
        insta::assert_snapshot!(banner(&told(&ready)));
    }

    #[test]
    fn the_banner_says_what_is_kept_and_who_can_reach_it() {
        let ready = ready();
        let told = Told { data: Some(Path::new("/srv/dev")), exposed: true, ..told(&ready) };
        let text = banner(&told);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains("data in /srv/dev, open to the network, random secrets"), "{first}");
        assert!(text.ends_with("Ready. Ctrl-C stops; what was registered is kept.\n"));
    }

    #[test]
    fn paths_survive_a_shell() {
        let home = Some(Path::new("/home/ada"));
        let path = |text: &str| shell_path(Path::new(text), home);
        assert_eq!(path("/home/ada/x/ca.pem"), "~/x/ca.pem");
        assert_eq!(path("/home/adam/ca.pem"), "/home/adam/ca.pem");
        assert_eq!(path("/home/ada/my dev/ca.pem"), "'/home/ada/my dev/ca.pem'");
        assert_eq!(path("/tmp/it's/ca.pem"), r"'/tmp/it'\''s/ca.pem'");
    }
}
