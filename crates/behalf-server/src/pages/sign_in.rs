//! Signing in, choosing an account, the second factor, signing out.

use askama::Template;

use super::Hidden;

/// User name and password on one page: two pages would tell who exists.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub(crate) struct SignInPage<'a> {
    /// The tenant's name, or what stands for it while it is not known.
    pub tenant: &'a str,
    /// What the user signs in to.
    pub app: &'a str,
    /// What was typed before, or `login_hint`.
    pub user_name: &'a str,
    /// Why the last try failed; the same text whoever it was.
    pub problem: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// The sealed flow and the like.
    pub hidden: &'a [Hidden<'a>],
}

/// The code of an authenticator app.
#[derive(Debug, Template)]
#[template(path = "second_factor.html")]
pub(crate) struct SecondFactorPage<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// Who signs in.
    pub user: &'a str,
    /// Why the last try failed.
    pub problem: Option<&'a str>,
    /// Where the form goes.
    pub action: &'a str,
    /// The sealed flow and the like.
    pub hidden: &'a [Hidden<'a>],
}

/// Several accounts are signed in, or the application asked for a choice.
#[derive(Debug, Template)]
#[template(path = "account_picker.html")]
pub(crate) struct AccountPickerPage<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// What the user signs in to.
    pub app: &'a str,
    /// Who is signed in.
    pub accounts: &'a [Account<'a>],
    /// Where the form goes.
    pub action: &'a str,
    /// The sealed flow and the like.
    pub hidden: &'a [Hidden<'a>],
}

/// An account that is signed in.
#[derive(Debug)]
pub(crate) struct Account<'a> {
    /// Its session's id.
    pub session: &'a str,
    /// The user's name.
    pub user: &'a str,
}

/// Whether to sign out: asked where nothing proves that the user wants it (OIDC RP-Initiated
/// Logout 2).
#[derive(Debug, Template)]
#[template(path = "confirm_sign_out.html")]
pub(crate) struct ConfirmSignOutPage<'a> {
    /// Who is signed in.
    pub users: &'a [&'a str],
    /// Where the form goes.
    pub action: &'a str,
    /// The sealed request and the like.
    pub hidden: &'a [Hidden<'a>],
}
