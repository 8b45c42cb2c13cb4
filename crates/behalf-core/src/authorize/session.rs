//! What a user has to do before his client gets a code.

use std::time::Duration;

use behalf_protocol::authorize::Prompt;

use super::{Refusal, Wishes};
use crate::{
    application::Require,
    id::SessionId,
    ticket::{AuthenticationMethod, SignIn},
    time::Timestamp,
    user::User,
};

/// A user whose session stands: his ticket is whole, neither over nor ended, and counters, user and
/// tenant are as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user, as he is now.
    pub user: User,
    /// How he signed in.
    pub sign_in: SignIn,
    /// When his session ends.
    pub expires: Timestamp,
}

/// How far one authorization request has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// The session that the user chose or made.
    pub session: Option<SessionId>,
    /// He signed in for this very request.
    pub fresh: bool,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next<'a> {
    /// The user signs in; as whom, if that is known.
    SignIn(Option<&'a str>),
    /// He chooses an account.
    Choose,
    /// He gives the code of his second factor.
    SecondFactor(&'a Account),
    /// Nothing: this account.
    Go(&'a Account),
}

/// What comes next for a request with these wishes, whose resources demand `demand` of the sign-in.
pub fn next<'a>(
    (wishes, demand): (Wishes<'a>, &Require),
    accounts: &'a [Account],
    progress: Progress,
    now: Timestamp,
) -> Result<Next<'a>, Refusal> {
    let chosen = |id| accounts.iter().find(|account| account.sign_in.session == id);
    let account = match progress.session.and_then(chosen) {
        Some(account) => account,
        None => match choose(wishes, accounts)? {
            Next::Go(account) => account,
            other => return Ok(other),
        },
    };
    let age = now.since(account.sign_in.time);
    let too_old = wishes.max_age.is_some_and(|max| max == 0 || age > seconds(max))
        || demand.max_age().is_some_and(|max| age > max);
    if !progress.fresh && (wishes.prompts.contains(Prompt::Login) || too_old) {
        return sign_in(wishes, Some(account.user.name.as_str()));
    }
    let weak = !account.sign_in.methods.contains(&AuthenticationMethod::MultiFactor);
    if weak && (demand.mfa || !demand.acrs.is_empty()) {
        return match account.user.totp {
            None => Err(Refusal::SecondFactorNotEnrolled),
            Some(_) if wishes.silent() => Err(Refusal::SecondFactorSilently),
            Some(_) => Ok(Next::SecondFactor(account)),
        };
    }
    Ok(Next::Go(account))
}

fn choose<'a>(wishes: Wishes<'a>, accounts: &'a [Account]) -> Result<Next<'a>, Refusal> {
    if wishes.prompts.contains(Prompt::SelectAccount) && !accounts.is_empty() {
        return Ok(Next::Choose);
    }
    if let Some(hint) = wishes.login_hint {
        let named = |account: &&Account| account.user.name.as_str().eq_ignore_ascii_case(hint);
        return match accounts.iter().find(named) {
            Some(account) => Ok(Next::Go(account)),
            None => sign_in(wishes, Some(hint)),
        };
    }
    match accounts {
        [] => sign_in(wishes, None),
        [only] => Ok(Next::Go(only)),
        _ if wishes.silent() => Err(Refusal::SessionAmbiguous),
        _ => Ok(Next::Choose),
    }
}

fn sign_in<'a>(wishes: Wishes<'_>, hint: Option<&'a str>) -> Result<Next<'a>, Refusal> {
    if wishes.silent() { Err(Refusal::SessionMissing) } else { Ok(Next::SignIn(hint)) }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use behalf_protocol::authorize::Prompts;
    use uuid::Uuid;

    use super::*;
    use crate::{
        id::{ObjectId, TenantId},
        user::{Totp, UserPrincipalName},
    };

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_348_800);

    fn account(number: u128, name: &str) -> Account {
        let name = UserPrincipalName::parse(name).unwrap();
        Account {
            user: User::new(ObjectId(Uuid::from_u128(number)), TenantId::NIL, name, NOW),
            sign_in: SignIn {
                methods: vec![AuthenticationMethod::Password],
                acr: "1".into(),
                time: NOW.minus(Duration::from_mins(5)),
                address: None,
                session: SessionId(Uuid::from_u128(number)),
            },
            expires: NOW.plus(Duration::from_hours(1)),
        }
    }

    /// What comes next, as a word.
    fn asked(wishes: Wishes<'_>, accounts: &[Account], progress: Progress) -> String {
        match next((wishes, &Require::default()), accounts, progress, NOW) {
            Ok(Next::SignIn(hint)) => format!("sign in {}", hint.unwrap_or("anybody")),
            Ok(Next::Choose) => "choose".into(),
            Ok(Next::SecondFactor(account)) => format!("second factor {}", account.user.name),
            Ok(Next::Go(account)) => account.user.name.to_string(),
            Err(refusal) => refusal.aadsts().code().to_string(),
        }
    }

    fn wish(prompt: Option<Prompt>, max_age: Option<u32>) -> Wishes<'static> {
        Wishes { prompts: prompt.into_iter().collect::<Prompts>(), max_age, login_hint: None }
    }

    #[test]
    fn az_18_prompt_and_max_age() {
        let (bob, ada) = (account(1, "bob@acme.test"), account(2, "ada@acme.test"));
        let (none, one, two) = (vec![], vec![bob.clone()], vec![bob, ada]);
        let fresh = Progress { session: Some(SessionId(Uuid::from_u128(1))), fresh: true };
        let old = Progress { fresh: false, ..fresh };
        let start = Progress::default();
        for (prompt, max_age, accounts, progress, expected) in [
            (None, None, &none, start, "sign in anybody"),
            (None, None, &one, start, "bob@acme.test"),
            (None, None, &two, start, "choose"),
            (None, None, &two, old, "bob@acme.test"),
            (Some(Prompt::None), None, &none, start, "50058"),
            (Some(Prompt::None), None, &one, start, "bob@acme.test"),
            (Some(Prompt::None), None, &two, start, "16000"),
            (Some(Prompt::None), Some(60), &one, start, "50058"),
            (Some(Prompt::Login), None, &one, start, "sign in bob@acme.test"),
            (Some(Prompt::Login), None, &one, old, "sign in bob@acme.test"),
            (Some(Prompt::Login), None, &one, fresh, "bob@acme.test"),
            (Some(Prompt::SelectAccount), None, &one, start, "choose"),
            (Some(Prompt::SelectAccount), None, &none, start, "sign in anybody"),
            (None, Some(0), &one, start, "sign in bob@acme.test"),
            (None, Some(1), &one, start, "sign in bob@acme.test"),
            (None, Some(299), &one, old, "sign in bob@acme.test"),
            (None, Some(300), &one, old, "bob@acme.test"),
            (None, Some(0), &one, fresh, "bob@acme.test"),
        ] {
            let found = asked(wish(prompt, max_age), accounts, progress);
            assert_eq!(found, expected, "{prompt:?} {max_age:?} {progress:?}");
        }
    }

    #[test]
    fn a_hint_chooses_among_sessions_and_never_switches_one() {
        let accounts = [account(1, "bob@acme.test"), account(2, "ada@acme.test")];
        let hint = |login_hint| Wishes { login_hint: Some(login_hint), ..Wishes::default() };
        let start = Progress::default();
        assert_eq!(asked(hint("Ada@acme.test"), &accounts, start), "ada@acme.test");
        assert_eq!(asked(hint("gus@acme.test"), &accounts, start), "sign in gus@acme.test");
        let chosen = Progress { session: Some(SessionId(Uuid::from_u128(1))), fresh: false };
        assert_eq!(asked(hint("ada@acme.test"), &accounts, chosen), "bob@acme.test");
        // A session that is not the browser's any more is none.
        let gone = Progress { session: Some(SessionId(Uuid::from_u128(9))), fresh: true };
        assert_eq!(asked(Wishes::default(), &accounts[..0], gone), "sign in anybody");
    }

    #[test]
    fn what_the_api_demands_is_asked_for() {
        let mfa = Require { mfa: true, ..Require::default() };
        let go = |accounts: &[Account], wishes| {
            next((wishes, &mfa), accounts, Progress::default(), NOW).map(|next| match next {
                Next::SecondFactor(_) => "second factor",
                Next::Go(_) => "go",
                Next::SignIn(_) | Next::Choose => "other",
            })
        };
        let mut bob = account(1, "bob@acme.test");
        assert_eq!(go(&[bob.clone()], Wishes::default()), Err(Refusal::SecondFactorNotEnrolled));
        bob.user.totp = Some(Totp { sealed_secret: String::new(), last_step: 0 });
        assert_eq!(go(&[bob.clone()], Wishes::default()), Ok("second factor"));
        let silent = wish(Some(Prompt::None), None);
        assert_eq!(go(&[bob.clone()], silent), Err(Refusal::SecondFactorSilently));
        bob.sign_in.methods.push(AuthenticationMethod::MultiFactor);
        assert_eq!(go(&[bob], Wishes::default()), Ok("go"));
    }
}
