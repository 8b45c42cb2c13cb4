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
    ($($name:ident: $code:literal $oauth:ident $status:literal $uri:ident, $cause:literal, $fix:literal;)+) => {
        /// One way to be refused. A number may belong to several variants, which then differ in
        /// `error` or status (a tenant unknown at the token endpoint and in metadata).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AadSts {
            $(#[doc = concat!($cause)] $name,)+
        }

        impl AadSts {
            /// Every variant, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        code: $code,
                        oauth: OAuthError::$oauth,
                        status: $status,
                        suberror: None,
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
    (@uri) => { true };
    (@no_uri) => { false };
}

catalogue! {
    BodyTooLarge: 9_002_313 InvalidRequest 413 uri,
        "The body of the request is larger than the server reads.",
        "Send at most 64 KiB. A token request is a few hundred bytes; a certificate assertion a few thousand.";
    MalformedRequest: 9_002_313 InvalidRequest 400 uri,
        "The request cannot be read: wrong content type, broken percent-encoding, text that is not UTF-8, a NUL, or too many fields.",
        "Send a POST with Content-Type application/x-www-form-urlencoded and each name and value percent-encoded once.";
    RepeatedParameter: 9_000_411 InvalidRequest 400 uri,
        "A parameter appears more than once.",
        "Send each OAuth parameter once (RFC 6749 section 3.2), even when the values are equal.";
    ConflictingClientAuthentication: 90_023 InvalidRequest 400 uri,
        "The request identifies or authenticates its client in two ways at once.",
        "Use one of: an Authorization header, client_secret in the body, or client_assertion. A client_id in the body must equal the one in the header.";
    NotInThisVersion: 90_023 InvalidRequest 404 uri,
        "The address belongs to a feature that this version of the server does not have.",
        "See the release notes for what is served. The addresses are published already because clients ask for them when they start.";
    WrongMethod: 900_561 InvalidRequest 405 uri,
        "The address does not take this HTTP method.",
        "Use the method named in the Allow header. Token requests are POST with the parameters in the body; a query string is never read.";
    MissingParameter: 900_144 InvalidRequest 400 uri,
        "A required parameter is missing or empty.",
        "Add the parameter that the description names to the body of the request.";
    UnsupportedGrantType: 70_003 UnsupportedGrantType 400 no_uri,
        "The grant_type is not one that this server knows.",
        "Use client_credentials.";
    MalformedTenant: 900_023 InvalidRequest 400 uri,
        "The tenant in the address is neither a GUID nor a domain name.",
        "Put the tenant id or one of its domains into the address: /{tenant}/oauth2/v2.0/token.";
    MalformedTenantInMetadata: 900_023 InvalidTenant 400 uri,
        "The tenant in the address of the metadata is neither a GUID nor a domain name.",
        "Put the tenant id or one of its domains into the authority of the client.";
    TenantNotFound: 90_002 InvalidRequest 400 uri,
        "There is no such tenant on this server.",
        "Check the tenant id or domain in the address, and that the client points at the right server.";
    TenantNotFoundInMetadata: 90_002 InvalidTenant 400 uri,
        "There is no such tenant on this server, so there is no metadata for it.",
        "Check the tenant id or domain in the authority of the client, and that it points at the right server.";
    TenantRequired: 50_059 InvalidRequest 400 uri,
        "The address names no particular tenant, but the grant needs one.",
        "Replace common or organizations in the address by the tenant's id or domain. A daemon has no user whose tenant could be taken.";
    UnknownInstance: 50_049 InvalidInstance 400 uri,
        "Instance discovery was asked about a host that is not this server.",
        "Configure the client with this server's own address, or switch instance discovery off in the client.";
    ResourceParameterNotSupported: 901_002 InvalidRequest 400 uri,
        "The v2.0 endpoint does not take the parameter resource.",
        "Send scope=<App ID URI>/.default, or use the v1 endpoint /{tenant}/oauth2/token.";
    ScopeWithoutDefault: 1_002_012 InvalidScope 400 uri,
        "With client_credentials a scope must be a resource followed by /.default.",
        "Send scope=<App ID URI>/.default. The roles in the token are those assigned to the application; single ones cannot be asked for.";
    SeveralResources: 28_000 InvalidScope 400 uri,
        "The scope names more than one resource; a token is for exactly one.",
        "Ask for one token per resource.";
    InvalidScope: 70_011 InvalidScope 400 uri,
        "The scope cannot be understood: /.default beside other scopes, a character that scopes cannot hold, too long, or too many values.",
        "Send a single scope, the resource's App ID URI followed by /.default.";
    NilClientId: 700_038 UnauthorizedClient 400 no_uri,
        "The client_id is the all-zero GUID.",
        "Send the application id of the registered application. A placeholder was probably left in the configuration.";
    ApplicationNotFound: 700_016 UnauthorizedClient 400 uri,
        "The application is not known in this tenant, or its id is not a GUID.",
        "Check the application id and the tenant. A single-tenant application exists only in the tenant it was registered in.";
    ApplicationDisabled: 7_000_112 UnauthorizedClient 400 uri,
        "The application, or its service principal in this tenant, is disabled.",
        "Enable it, or ask the administrator who disabled it.";
    ServicePrincipalMissing: 7_000_229 InvalidClient 401 uri,
        "The application has no service principal in this tenant.",
        "Add the application to the tenant: grant admin consent, or create the service principal.";
    NoCredentialForClientCredentials: 7_000_216 InvalidClient 401 uri,
        "The client_credentials grant needs a credential and the request has none.",
        "Send client_secret, or client_assertion with client_assertion_type. An empty value counts as none.";
    NoCredential: 7_000_218 InvalidClient 401 uri,
        "The application is confidential and the request has no credential.",
        "Send client_secret, or client_assertion with client_assertion_type.";
    CredentialFromPublicClient: 700_025 InvalidClient 401 uri,
        "The application is registered as public and must not send a credential.",
        "Leave client_secret and client_assertion out, or register the application as a confidential client.";
    InvalidSecret: 7_000_215 InvalidClient 401 uri,
        "The client secret is not one of this application's.",
        "Send the secret's value, not its id. The value is shown only when the secret is made; make a new one if it is lost.";
    ExpiredSecret: 7_000_222 InvalidClient 401 uri,
        "The client secret was right but has expired.",
        "Make a new secret for the application and remove the old one.";
    InvalidAssertion: 700_027 InvalidClient 401 uri,
        "The client assertion is malformed, signed with an algorithm or key that is not accepted, or its signature is wrong.",
        "Register the certificate on the application, sign with RS256 or PS256, and name the certificate by x5t#S256, x5t or kid.";
    AssertionIssuerUnknown: 700_021 InvalidClient 401 uri,
        "The client assertion comes from an issuer that this application does not trust.",
        "An assertion signed with the application's own certificate has iss = sub = client_id.";
    AssertionSubjectMismatch: 50_048 InvalidClient 401 uri,
        "In the client assertion iss and sub differ, or differ from client_id.",
        "Set iss and sub to the application id, the same as client_id.";
    AssertionAudience: 700_023 InvalidClient 401 uri,
        "The client assertion is addressed to another server or tenant.",
        "Set aud to the token endpoint that is asked, or to the tenant's issuer, as a single value.";
    AssertionTime: 700_024 InvalidClient 401 uri,
        "The client assertion is expired, not valid yet, has no exp, or lives too long.",
        "Check the clock of the client and set exp to about ten minutes from now.";
    CertificateOutsideValidity: 1_000_502 InvalidClient 401 uri,
        "The certificate that signed the client assertion has expired or is not valid yet.",
        "Register a current certificate and sign with its key.";
    ResourceNotFound: 500_011 InvalidResource 400 uri,
        "No service principal in this tenant has the requested name.",
        "Check the App ID URI character by character, and that the API has been added to this tenant.";
    ResourceDisabled: 500_014 InvalidResource 400 uri,
        "The service principal of the requested resource is disabled.",
        "Enable the resource's service principal in this tenant.";
    AssignmentRequired: 501_051 InvalidGrant 400 uri,
        "The resource requires assignment and the client has no role on it.",
        "Assign one of the resource's application roles to the client's service principal.";
    Throttled: 90_055 TemporarilyUnavailable 429 uri,
        "Too many requests.",
        "Wait for the seconds in Retry-After. Keep tokens until shortly before they expire instead of asking for each call.";
    Unavailable: 90_006 TemporarilyUnavailable 503 uri,
        "The server cannot answer now: it is busier than it can sign, or it cannot write its log or reach its store.",
        "Repeat the request after the seconds in Retry-After. Operators find the reason in the metrics and the log.";
    InternalError: 50_000 ServerError 500 uri,
        "The server failed while it answered. This is a bug.",
        "Report it with the trace id.";
}

impl AadSts {
    /// The number after `AADSTS`, the element of `error_codes`.
    pub const fn code(self) -> u32 {
        self.row().code
    }

    /// The value of `error`.
    pub const fn oauth(self) -> OAuthError {
        self.row().oauth
    }

    /// The HTTP status: 401 with `invalid_client` only.
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// The value of `suberror`, by which clients decide whether a user must act; none of the errors
    /// of userless grants and metadata has one.
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
mod tests {
    use super::*;

    /// MSAL Node takes an error whose description contains one of these for a demand that a user
    /// act (`InteractionRequiredAuthError`), whatever `error` says.
    const INTERACTION_WORDS: [&str; 13] = [
        "interaction_required",
        "consent_required",
        "login_required",
        "bad_token",
        "ui_not_allowed",
        "ux_not_allowed",
        "interrupted_user",
        "message_only",
        "additional_action",
        "basic_action",
        "user_password_expired",
        "no_tokens_found",
        "native_account_unavailable",
    ];

    #[test]
    fn no_text_reads_as_a_demand_for_interaction() {
        for kind in AadSts::ALL {
            for word in INTERACTION_WORDS {
                assert!(!kind.cause().contains(word), "{kind:?}: {word}");
                assert!(!kind.fix().contains(word), "{kind:?}: {word}");
            }
        }
    }

    #[test]
    fn unauthorized_means_invalid_client_and_nothing_else() {
        for kind in AadSts::ALL {
            let unauthorized = kind.status() == 401;
            assert_eq!(unauthorized, kind.oauth() == OAuthError::InvalidClient, "{kind:?}");
        }
    }

    #[test]
    fn waiting_helps_only_where_the_status_says_so() {
        for kind in AadSts::ALL {
            let wait = matches!(kind.status(), 429 | 503);
            assert_eq!(wait, kind.oauth() == OAuthError::TemporarilyUnavailable, "{kind:?}");
        }
    }

    #[test]
    fn variants_that_share_a_number_differ_in_what_clients_see() {
        for (index, kind) in AadSts::ALL.iter().enumerate() {
            for other in AadSts::ALL.iter().skip(index + 1).filter(|o| o.code() == kind.code()) {
                assert_ne!(
                    (kind.oauth(), kind.status()),
                    (other.oauth(), other.status()),
                    "{kind:?} and {other:?}"
                );
            }
        }
    }

    #[test]
    fn a_number_finds_its_variants() {
        let found: Vec<_> = AadSts::by_code(90_002).collect();
        assert_eq!(found, [AadSts::TenantNotFound, AadSts::TenantNotFoundInMetadata]);
        assert_eq!(AadSts::by_code(65_001).count(), 0, "consent is not served");
    }

    #[test]
    fn only_the_two_captured_codes_lack_an_error_uri() {
        let without: Vec<_> = AadSts::ALL.iter().filter(|kind| !kind.has_error_uri()).collect();
        assert_eq!(without, [&AadSts::UnsupportedGrantType, &AadSts::NilClientId]);
    }

    #[test]
    fn texts_are_whole_sentences() {
        for kind in AadSts::ALL {
            for text in [kind.cause(), kind.fix()] {
                assert!(text.ends_with('.') && !text.contains('\n'), "{kind:?}: {text}");
            }
        }
    }
}
