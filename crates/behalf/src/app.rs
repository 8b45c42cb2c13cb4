//! `behalf app`: applications.

use behalf_core::application::{AppKind, SignInAudience};
use behalf_server::admin_socket::wire::ApplicationInfo;

use crate::door::AskArgs;

/// `behalf app`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List a tenant's applications
    List(ListArgs),
}

/// `behalf app list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// The tenant, by domain or id
    #[arg(long)]
    pub(crate) tenant: String,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// The applications as a table, by name.
pub(crate) fn table(apps: &[ApplicationInfo]) -> String {
    let mut apps: Vec<&ApplicationInfo> = apps.iter().collect();
    apps.sort_by(|one, other| one.name.cmp(&other.name));
    let line = |app: &&ApplicationInfo| {
        let kind = match app.kind {
            AppKind::Api => "api",
            AppKind::Daemon => "daemon",
            AppKind::Native => "native",
            AppKind::Web => "web",
        };
        let multi = if app.audience == SignInAudience::Multi { "  multi-tenant" } else { "" };
        let disabled = if app.disabled { "  disabled" } else { "" };
        let uris = app.uris.join(", ");
        format!("{}  {:<20} {kind:<7} {uris}{multi}{disabled}", app.app_id, app.name)
    };
    apps.iter().map(|app| line(app).trim_end().to_owned() + "\n").collect()
}
