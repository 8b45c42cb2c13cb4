//! What is asked for: whose permission goes through which application to which API.

use askama::Template;

use super::Hidden;

/// The consent dialog, of a user or of an administrator.
#[derive(Debug, Template)]
#[template(path = "consent.html")]
pub(crate) struct ConsentPage<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// Who is asked.
    pub user: &'a str,
    /// The application that asks.
    pub app: &'a str,
    /// Whose it is: "this directory" or the name of another.
    pub owner: &'a str,
    /// It belongs to another directory.
    pub foreign: bool,
    /// What is asked for, by who asks and of what.
    pub chains: &'a [Chain<'a>],
    /// What acceptance adds to the directory.
    pub adds: &'a [&'a str],
    /// The tick box of an administrator.
    pub may_grant_for_everyone: bool,
    /// An administrator consents for everyone, and the page says so.
    pub for_everyone: bool,
    /// Where the form goes.
    pub action: &'a str,
    /// Where another account can be chosen.
    pub switch: &'a str,
    /// The sealed list and the like.
    pub hidden: &'a [Hidden<'a>],
}

/// One application's wishes of one API.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    /// Who will call.
    pub client: &'a str,
    /// What is called.
    pub api: &'a str,
    /// Whoever calls is called himself by the application that asks.
    pub further: bool,
    /// Application roles: without a user.
    pub as_itself: bool,
    /// The permissions.
    pub permissions: &'a [Permission<'a>],
}

/// One permission.
#[derive(Debug)]
pub(crate) struct Permission<'a> {
    /// What its API says that it allows.
    pub text: &'a str,
    /// What appears in the token.
    pub value: &'a str,
    /// Only administrators may grant it.
    pub admin: bool,
}

/// The user may not grant this (90094).
#[derive(Debug, Template)]
#[template(path = "needs_admin.html")]
pub(crate) struct NeedsAdminPage<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// Who is asked.
    pub user: &'a str,
    /// The application that asks.
    pub app: &'a str,
    /// What he may not grant.
    pub wanted: &'a [Wanted<'a>],
    /// The request to the administrators was sent.
    pub sent: bool,
    /// The request's id.
    pub request: &'a str,
    /// Where the form goes.
    pub action: &'a str,
    /// Where an administrator can sign in instead.
    pub switch: &'a str,
    /// The sealed list and the like.
    pub hidden: &'a [Hidden<'a>],
}

/// One permission that only an administrator grants.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// Who would call.
    pub client: &'a str,
    /// What would be called.
    pub api: &'a str,
    /// What its API says that it allows.
    pub text: &'a str,
    /// What appears in the token.
    pub value: &'a str,
}
