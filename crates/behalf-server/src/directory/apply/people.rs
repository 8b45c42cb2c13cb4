//! The users of a manifest: what each will be, and what people read of it.

use std::collections::{BTreeSet, HashSet};

use behalf_core::{
    directory_role::DirectoryRole,
    id::ObjectId,
    user::{NewPassword, User, UserPrincipalName},
};

use super::{
    manifest::{self, PasswordSource},
    plan::{Line, Sign, Step},
    state::State,
};
use crate::directory::{UserRefusal, check};

/// A user to be made or changed; what is absent is not managed.
#[derive(Debug, Clone)]
pub(super) struct WantedUser {
    /// The user that is there.
    pub(super) known: Option<ObjectId>,
    pub(super) name: UserPrincipalName,
    pub(super) display_name: Option<String>,
    pub(super) roles: Option<BTreeSet<DirectoryRole>>,
    pub(super) disabled: Option<bool>,
    pub(super) password: Option<WantedPassword>,
}

/// The password of a user who has none.
#[derive(Debug, Clone)]
pub(super) enum WantedPassword {
    /// It is made when it is set, and shown once.
    Generated,
    /// This one.
    Given(NewPassword),
}

/// The steps and lines for the users of a manifest.
pub(super) fn plan(
    state: &State,
    users: &[manifest::User],
    (lines, steps): (&mut Vec<Line>, &mut Vec<Step>),
    problems: &mut Vec<String>,
) {
    let mut names = HashSet::new();
    for user in users {
        let mut said = Vec::new();
        match wanted(state, user) {
            Ok(wanted) if !names.insert(wanted.name.clone()) => {
                problems.push(format!("users: {:?} is there twice, expected once", user.name));
            }
            Ok(wanted) => {
                let before = state.user(&wanted.name);
                difference(before, &wanted, &mut said);
                if !said.is_empty() {
                    steps.push(Step::User(Box::new(wanted)));
                }
            }
            Err(problem) => problems.push(format!("users: {}: {problem}", shown(&user.name))),
        }
        lines.extend(said);
    }
}

fn shown(name: &str) -> String {
    name.chars().take(80).collect()
}

fn wanted(state: &State, user: &manifest::User) -> Result<WantedUser, String> {
    let name = UserPrincipalName::parse(&user.name)
        .map_err(|_| UserRefusal::NotAUserName(shown(&user.name)).to_string())?;
    let tenant = &state.tenant;
    if !tenant.domains.iter().any(|domain| domain.as_str() == name.domain()) {
        let (name, tenant) = (name.to_string(), tenant.display_name.clone());
        return Err(UserRefusal::ForeignDomain { name, tenant }.to_string());
    }
    if let Some(display) = &user.display {
        check::name("display name", display).map_err(|refusal| refusal.to_string())?;
    }
    let known = state.user(&name);
    // What he has is his own: a manifest gives a first password and no other.
    let needs_one = known.is_none_or(|known| known.password.is_none());
    let password = match user.password.as_ref().filter(|_| needs_one) {
        None => None,
        Some(PasswordSource::Generate) => Some(WantedPassword::Generated),
        Some(PasswordSource::Value(value)) => {
            let chosen = NewPassword::chosen(value.expose().to_owned(), &name);
            Some(WantedPassword::Given(chosen.map_err(|weak| format!("password: {weak}"))?))
        }
        Some(PasswordSource::FromEnv(_) | PasswordSource::FromFile(_)) => {
            return Err(UserRefusal::Unread.to_string());
        }
    };
    Ok(WantedUser {
        known: known.map(|known| known.id),
        name,
        display_name: user.display.clone(),
        roles: user.roles.clone(),
        disabled: user.disabled,
        password,
    })
}

fn difference(before: Option<&User>, wanted: &WantedUser, lines: &mut Vec<Line>) {
    let name = &wanted.name;
    let mut push = |sign, what: String| lines.push(Line::new(sign, what));
    if before.is_none() {
        push(Sign::Add, format!("user {name}"));
    }
    let had = before.map_or(name.local(), |before| &before.display_name);
    if let Some(display) = wanted.display_name.as_deref().filter(|display| *display != had) {
        push(Sign::Change, format!("{name}: display name {had} -> {display}"));
    }
    let state = |disabled: bool| if disabled { "disabled" } else { "enabled" };
    let was = before.is_some_and(|before| before.disabled);
    if let Some(disabled) = wanted.disabled.filter(|disabled| *disabled != was) {
        push(Sign::Change, format!("{name}: state {} -> {}", state(was), state(disabled)));
    }
    if let Some(roles) = &wanted.roles {
        let none = BTreeSet::new();
        let held = before.map_or(&none, |before| &before.roles);
        for role in roles.difference(held) {
            push(Sign::Add, format!("{name}: role {}", role.as_str()));
        }
        for role in held.difference(roles) {
            push(Sign::Remove, format!("{name}: role {}", role.as_str()));
        }
    }
    match &wanted.password {
        Some(WantedPassword::Generated) => push(Sign::Add, format!("{name}: password (generated)")),
        Some(WantedPassword::Given(_)) => push(Sign::Add, format!("{name}: password (given)")),
        None => {}
    }
}
