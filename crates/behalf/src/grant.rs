//! `behalf grant`: consent for everyone of a tenant.

use behalf_core::{consent::PermissionKind, id::ObjectId, time::written};
use behalf_server::admin_socket::wire::grants::{
    ConsentRequest, Grant, Granted, NewGrant, PermissionRef, Revocation, Revoked,
};

use crate::door::AskArgs;

/// `behalf grant`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    /// List, take back, or see who asks.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// To which client: its name, client id or App ID URI
    #[arg(value_name = "CLIENT", required = true)]
    client: Option<String>,
    /// Which scopes and app roles; all that it requires unless given
    #[arg(value_name = "API:PERMISSION", value_parser = permission)]
    permissions: Vec<PermissionRef>,
    /// As administrator: for every user, and app roles for the client itself
    #[arg(long, required = true)]
    admin: bool,
    /// Where, and which server.
    #[command(flatten)]
    pub(crate) place: Place,
}

/// What else there is to do with consent.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List what clients are granted, for everyone and by users for themselves
    List(ListArgs),
    /// Take back what everyone granted a client, or one user
    Revoke(RevokeArgs),
    /// List users' requests that an administrator consent
    Requests(Place),
    /// Decline a user's request
    Decline(DeclineArgs),
}

/// Where.
#[derive(Debug, clap::Args)]
pub(crate) struct Place {
    /// The tenant, by domain or id; needed where there are several
    #[arg(long)]
    pub(crate) tenant: Option<String>,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// `behalf grant list`.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Of this client only
    #[arg(value_name = "CLIENT")]
    pub(crate) client: Option<String>,
    /// Where, and which server.
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `behalf grant revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// From which client: its name, client id or App ID URI
    #[arg(value_name = "CLIENT")]
    client: String,
    /// On this API only
    #[arg(long, value_name = "API")]
    api: Option<String>,
    /// What this user granted for himself, by object id, instead of what everyone has
    #[arg(long, value_name = "ID", conflicts_with = "all")]
    user: Option<ObjectId>,
    /// What everyone has and what users granted for themselves
    #[arg(long)]
    all: bool,
    /// Where, and which server.
    #[command(flatten)]
    pub(crate) place: Place,
}

/// `behalf grant decline`.
#[derive(Debug, clap::Args)]
pub(crate) struct DeclineArgs {
    /// For which client, by client id
    #[arg(value_name = "CLIENT")]
    pub(crate) client: behalf_core::id::AppId,
    /// Whose request, by object id
    #[arg(value_name = "USER")]
    pub(crate) user: ObjectId,
    /// Where, and which server.
    #[command(flatten)]
    pub(crate) place: Place,
}

fn permission(text: &str) -> Result<PermissionRef, String> {
    // An App ID URI has a colon itself; a value has one seldom, and then not as its first.
    match text.rsplit_once(':') {
        Some((api, value)) if !api.is_empty() && !value.is_empty() && !value.starts_with("//") => {
            Ok(PermissionRef { api: api.to_owned(), value: value.to_owned() })
        }
        _ => Err("expected API:PERMISSION, such as ledger-api:Entries.Read".to_owned()),
    }
}

impl Args {
    /// What to ask for.
    pub(crate) fn request(&self) -> NewGrant {
        let client = self.client.clone().unwrap_or_default();
        NewGrant { client, permissions: self.permissions.clone() }
    }
}

impl RevokeArgs {
    /// What to ask for.
    pub(crate) fn request(&self) -> Revocation {
        let (client, api) = (self.client.clone(), self.api.clone());
        Revocation { client, api, user: self.user, all: self.all }
    }
}

/// What was granted, a line each.
pub(crate) fn granted(all: &[Granted]) -> String {
    if all.is_empty() {
        return "nothing to do: all of it was granted already\n".to_owned();
    }
    let line = |one: &Granted| {
        format!("granted  {} -> {}  {} {}\n", one.client, one.resource, kind(one.kind), one.value)
    };
    all.iter().map(line).collect()
}

fn kind(kind: PermissionKind) -> &'static str {
    match kind {
        PermissionKind::Scope => "scope",
        PermissionKind::Role => "role",
    }
}

/// What is granted, a line for each client, resource and "for whom".
pub(crate) fn table(all: &[Grant]) -> String {
    let line = |grant: &Grant| {
        let whom = match (grant.kind, grant.user) {
            (PermissionKind::Role, _) => "as itself".to_owned(),
            (PermissionKind::Scope, None) => "for everyone".to_owned(),
            (PermissionKind::Scope, Some(user)) => format!("for {user}"),
        };
        let (kind, values) = (kind(grant.kind), grant.values.join(" "));
        let since = written(grant.granted.unix_seconds());
        let pair = format!("{} -> {}", grant.client, grant.resource);
        format!("{pair:<36} {kind:<5} {values:<28} {whom}  since {since}\n")
    };
    all.iter().map(line).collect()
}

/// What was taken back.
pub(crate) fn revoked(revoked: Revoked) -> String {
    match revoked.permissions {
        0 => "nothing to do: there was no such grant\n".to_owned(),
        1 => "1 permission taken back; tokens that were issued run out by themselves\n".to_owned(),
        n => format!("{n} permissions taken back; tokens that were issued run out by themselves\n"),
    }
}

/// Who asks for what.
pub(crate) fn requests(all: &[ConsentRequest]) -> String {
    let line = |request: &ConsentRequest| {
        let values: Vec<_> = request.wanted.iter().map(|wanted| wanted.value.as_str()).collect();
        let (since, reason) = (written(request.created.unix_seconds()), &request.reason);
        format!(
            "{}  user {}  {}  {since}  {reason}\n",
            request.client,
            request.user,
            values.join(" ")
        )
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_an_api_and_a_value() {
        let read = |text| permission(text).map(|p| (p.api, p.value)).ok();
        let is = |api: &str, value: &str| Some((api.to_owned(), value.to_owned()));
        assert_eq!(read("ledger-api:Entries.Read"), is("ledger-api", "Entries.Read"));
        assert_eq!(read("api://ledger:Entries.Read"), is("api://ledger", "Entries.Read"));
        for wrong in ["ledger-api", "ledger-api:", ":Entries.Read", "api://ledger", ""] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
