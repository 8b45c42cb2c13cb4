//! `behalf inspect`: finds out what the API of `--for` accepts, and lets `inspect` judge.

use std::{io::IsTerminal as _, process::ExitCode};

use anyhow::Context as _;
use behalf_jose::JwkSet;
use behalf_server::clock::{Clock as _, SystemClock};

use crate::{
    environment::Environment,
    http_client,
    inspect::{self, ApiFacts, InspectArgs},
    known_app::Catalogue,
    output,
    target::{ServerArgs, Target},
};

/// Explains a token. Exit code 1 when the API would refuse it.
pub(crate) fn run(args: &InspectArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let facts = args.api.as_deref().map(|name| facts(name, environment)).transpose()?;
    let now = u64::try_from(SystemClock::new().now().unix_seconds()).unwrap_or(0);
    let mut stdin = std::io::stdin();
    if args.file.as_os_str() == "-" && stdin.is_terminal() {
        output::note("Paste a token, then Ctrl-D on a line of its own:");
    }
    let found = inspect::run(args, facts.as_ref(), now, &mut stdin)?;
    output::result(&found.text)?;
    Ok(match found.accepted {
        Some(false) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// What the API called `name` of the running dev instance accepts.
fn facts(name: &str, environment: &Environment) -> anyhow::Result<ApiFacts> {
    let target = Target::resolve(&ServerArgs::default(), environment)?;
    let all = Catalogue::of(&target, environment)?;
    let api = all.find(name)?;
    let client = http_client::client(target.ca_file())?;
    let url = format!("{}/common/discovery/v2.0/keys", target.base_url);
    let keys = http_client::block_on(async { Ok(http_client::get(&client, &url).await?) })?;
    let home = (!api.is_multi_tenant()).then(|| api.tenant.id.to_string());
    Ok(ApiFacts {
        name: api.info.name.clone(),
        issuer_base: target.instance()?.base_url.clone(),
        audiences: std::iter::once(api.app_id()).chain(api.info.uris.iter().cloned()).collect(),
        scopes: api.info.scopes.clone(),
        roles: api.info.roles.clone(),
        tenants: home.into_iter().collect(),
        keys: JwkSet::parse(keys.body.as_bytes()).with_context(|| format!("the keys of {url}"))?,
        names: all.names().collect(),
    })
}
