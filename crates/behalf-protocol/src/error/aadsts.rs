//! The catalogue of `AADSTS` codes this version answers with.
//!
//! Numbers are the ones people search for; texts are ours. Every row is a page of `/error?code=`
//! and of the reference documentation.

use super::OAuthError;

struct Row {
    code: u32,
    oauth: OAuthError,
    status: u16,
    suberror: Option<&'static str>,
    error_uri: bool,
    cause: &'static str,
    fix: &'static str,
}

/// Makes the enum, `ALL` and the row of each variant from one table, so that they cannot disagree.
macro_rules! catalogue {
    ($($name:ident: $code:literal $oauth:ident $status:literal $uri:ident $($suberror:literal)?, $cause:literal, $fix:literal;)+) => {
        /// One way to be refused. A number may belong to several variants, which then differ in
        /// `error` or status (a tenant unknown at the token endpoint and in metadata).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AadSts {
            $(#[doc = concat!($cause)] $name,)+
        }

        impl AadSts {
            /// Every variant, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            pub(super) const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        code: $code,
                        oauth: OAuthError::$oauth,
                        status: $status,
                        suberror: catalogue!(@suberror $($suberror)?),
                        error_uri: catalogue!(@$uri),
                        cause: $cause,
                        fix: $fix,
                    },)+
                }
            }

            /// The variant's name in the source, the key of the catalogue.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }
        }
    };
    (@suberror) => { None };
    (@suberror $suberror:literal) => { Some($suberror) };
    (@uri) => { true };
    (@no_uri) => { false };
}

mod table;

pub use table::AadSts;

impl AadSts {
    /// The number after `AADSTS`, the element of `error_codes`.
    pub const fn code(self) -> u32 {
        self.row().code
    }

    /// The value of `error`.
    pub const fn oauth(self) -> OAuthError {
        self.row().oauth
    }

    /// The HTTP status: 401 with `invalid_client` only. An error of the authorize endpoint is sent
    /// to the client's redirect URI instead; the status is that of the page shown when it cannot be.
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// The value of `suberror`, by which clients decide whether a user must act (`consent_required`)
    /// or a refresh token is worthless (`bad_token`); errors of userless grants have none.
    pub const fn suberror(self) -> Option<&'static str> {
        self.row().suberror
    }

    /// Whether the answer carries `error_uri`. Entra leaves it out of a few; all others lead to
    /// `{authority}/error?code=N`.
    pub const fn has_error_uri(self) -> bool {
        self.row().error_uri
    }

    /// What went wrong, one or two sentences without anything of the request.
    pub const fn cause(self) -> &'static str {
        self.row().cause
    }

    /// What to do about it.
    pub const fn fix(self) -> &'static str {
        self.row().fix
    }

    /// The variants with this number; empty when the number is not ours.
    pub fn by_code(code: u32) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |kind| kind.code() == code)
    }
}

#[cfg(test)]
mod tests;
