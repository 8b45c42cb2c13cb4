//! `behalf tenant`: directories.

use behalf_server::admin_socket::wire::{
    NewTenant, TenantInfo,
    users::{Policy, PolicyChange},
};

use crate::door::AskArgs;

/// `behalf tenant`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a tenant
    Create(CreateArgs),
    /// Give a tenant another domain that names it; you vouch that it is yours
    AddDomain(DomainArgs),
    /// Take a domain from a tenant; for 24 hours nobody else can have it
    RemoveDomain(DomainArgs),
    /// Show what a tenant lets its users and clients do, and change it
    Policy(PolicyArgs),
    /// List the tenants
    List(AskArgs),
}

/// `behalf tenant policy`.
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    /// The tenant, by domain or id
    #[arg(value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Whether users may consent for themselves; otherwise an administrator must
    #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
    user_consent: Option<Switch>,
    /// Whether applications that allow it may use the password grant
    #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
    password_grant: Option<Switch>,
    /// Whether clients get tokens for themselves while the database is away
    #[arg(long, value_enum, value_name = "on|off", hide_possible_values = true)]
    degraded_service: Option<Switch>,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    /// It is so.
    On,
    /// It is not.
    Off,
}

impl PolicyArgs {
    /// What to change; nothing where nothing is given.
    pub(crate) fn request(&self) -> PolicyChange {
        let is_on = |switch: Switch| switch == Switch::On;
        PolicyChange {
            user_consent: self.user_consent.map(is_on),
            password_grant: self.password_grant.map(is_on),
            degraded_service: self.degraded_service.map(is_on),
        }
    }
}

/// What a tenant lets its users and clients do.
pub(crate) fn policy(policy: Policy) -> String {
    let on = |on: bool| if on { "on" } else { "off" };
    format!(
        "user consent      {}\npassword grant    {}\ndegraded service  {}\n",
        on(policy.user_consent),
        on(policy.password_grant),
        on(policy.degraded_service)
    )
}

/// `behalf tenant create`.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// What people will call it
    #[arg(value_name = "NAME")]
    name: String,
    /// A domain that names it; you vouch that it is yours. May be repeated
    #[arg(long = "domain", value_name = "DOMAIN", required = true)]
    domains: Vec<String>,
    /// Its id; a new one unless given
    #[arg(long, value_name = "GUID", value_parser = tenant_id)]
    id: Option<behalf_core::id::TenantId>,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// `behalf tenant add-domain` and `remove-domain`.
#[derive(Debug, clap::Args)]
pub(crate) struct DomainArgs {
    /// The tenant, by domain or id
    #[arg(value_name = "TENANT")]
    pub(crate) tenant: String,
    /// The domain
    #[arg(value_name = "DOMAIN")]
    pub(crate) domain: String,
    /// Which server, and how to print its answer.
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

fn tenant_id(text: &str) -> Result<behalf_core::id::TenantId, behalf_core::id::NotAGuid> {
    text.parse()
}

impl CreateArgs {
    /// What to ask for.
    pub(crate) fn request(&self) -> NewTenant {
        NewTenant { name: self.name.clone(), domains: self.domains.clone(), id: self.id }
    }
}

/// What was made and what comes next.
pub(crate) fn created(tenant: &TenantInfo) -> String {
    let domain = tenant.domains.first().map_or("-", String::as_str);
    format!(
        "Created {} ({domain})\n  Tenant id   {}\nNext: behalf apply -f FILE with `tenant: {domain}`\n",
        tenant.name, tenant.id
    )
}

/// The tenants as a table.
pub(crate) fn table(tenants: &[TenantInfo]) -> String {
    let line = |tenant: &TenantInfo| {
        let disabled = if tenant.disabled { "  disabled" } else { "" };
        format!("{}  {:<20} {}{disabled}\n", tenant.id, tenant.name, tenant.domains.join(", "))
    };
    tenants.iter().map(line).collect()
}
