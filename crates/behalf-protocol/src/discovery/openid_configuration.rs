use serde::Serialize;
use uuid::Uuid;

use crate::EndpointVersion;
use crate::token::GrantType;

use super::Authority;

/// Whose metadata is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetadataTenant {
    /// One tenant, whether asked by id or domain: addresses hold the id, for MSAL Python takes its
    /// cache key from the first segment of `token_endpoint`.
    Id(Uuid),
    /// `common`: the issuer is the template.
    Common,
    /// `organizations`: the issuer is the template.
    Organizations,
    /// The reserved name `adfs`: addresses keep it, the issuer is the default tenant's.
    Adfs {
        /// The default tenant.
        tenant: Uuid,
    },
}

impl MetadataTenant {
    fn segment(self) -> String {
        match self {
            Self::Id(tenant) => tenant.to_string(),
            Self::Common => "common".to_owned(),
            Self::Organizations => "organizations".to_owned(),
            Self::Adfs { .. } => "adfs".to_owned(),
        }
    }

    fn id(self) -> Option<Uuid> {
        match self {
            Self::Id(tenant) | Self::Adfs { tenant } => Some(tenant),
            Self::Common | Self::Organizations => None,
        }
    }
}

/// The `OpenID` Connect discovery document, members as Entra's, in its order; also the body of RFC
/// 8414's form.
///
/// The fixed endpoints are there from the start, because clients demand some of them when they
/// start. `kerberos_endpoint`, `rbac_url` and every optional feature's members are absent until
/// served. `grant_types_supported`, which Entra does not publish, says what is, and
/// `response_types_supported` has `code` alone, for no token goes through an address (RFC 9700
/// 2.1.2).
#[derive(Debug, Clone, Serialize)]
pub struct OpenIdConfiguration {
    token_endpoint: String,
    token_endpoint_auth_methods_supported: &'static [&'static str],
    token_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    jwks_uri: String,
    response_modes_supported: &'static [&'static str],
    subject_types_supported: &'static [&'static str],
    id_token_signing_alg_values_supported: &'static [&'static str],
    response_types_supported: &'static [&'static str],
    scopes_supported: &'static [&'static str],
    issuer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    microsoft_multi_refresh_token: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_uri_parameter_supported: Option<bool>,
    userinfo_endpoint: String,
    authorization_endpoint: String,
    device_authorization_endpoint: String,
    http_logout_supported: bool,
    frontchannel_logout_supported: bool,
    end_session_endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_session_iframe: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    given: Option<GivenTokens>,
    claims_supported: &'static [&'static str],
    grant_types_supported: &'static [&'static str],
    code_challenge_methods_supported: &'static [&'static str],
    authorization_response_iss_parameter_supported: bool,
    tenant_region_scope: Option<&'static str>,
    cloud_instance_name: String,
    cloud_graph_host_name: String,
    msgraph_host: String,
}

/// Where clients and APIs go with tokens they have (RFC 8414 2): at a tenant's own address, because
/// the client is looked up there.
#[derive(Debug, Clone, Serialize)]
struct GivenTokens {
    revocation_endpoint: String,
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
    revocation_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
    introspection_endpoint: String,
    introspection_endpoint_auth_methods_supported: &'static [&'static str],
    introspection_endpoint_auth_signing_alg_values_supported: &'static [&'static str],
}

/// How clients authenticate.
const CLIENT_AUTHENTICATION: &[&str] =
    &["client_secret_post", "private_key_jwt", "client_secret_basic"];
/// The same where public clients are taken too: they name themselves.
const CLIENT_AUTHENTICATION_OR_NONE: &[&str] =
    &["client_secret_post", "private_key_jwt", "client_secret_basic", "none"];

const GRANTS: &[&str] = &[
    GrantType::AuthorizationCode.as_str(),
    GrantType::ClientCredentials.as_str(),
    GrantType::RefreshToken.as_str(),
    GrantType::OnBehalfOf.as_str(),
    GrantType::DeviceCode.as_str(),
    GrantType::TokenExchange.as_str(),
];
const CLAIMS_V1: &[&str] = &[
    "sub",
    "iss",
    "cloud_instance_name",
    "cloud_instance_host_name",
    "cloud_graph_host_name",
    "msgraph_host",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "acr",
    "amr",
    "nonce",
    "email",
    "given_name",
    "family_name",
    "nickname",
];

const CLAIMS_V2: &[&str] = &[
    "sub",
    "iss",
    "cloud_instance_name",
    "cloud_instance_host_name",
    "cloud_graph_host_name",
    "msgraph_host",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "acr",
    "nonce",
    "preferred_username",
    "name",
    "tid",
    "ver",
    "at_hash",
    "c_hash",
    "email",
];

impl OpenIdConfiguration {
    /// The document of one tenant, or of all.
    ///
    /// `assertion_algorithms` are the `alg` values accepted in client assertions.
    pub fn new(
        authority: &Authority,
        version: EndpointVersion,
        tenant: MetadataTenant,
        assertion_algorithms: &'static [&'static str],
    ) -> Self {
        let v1 = version == EndpointVersion::V1;
        let base = format!("{authority}/{}", tenant.segment());
        let oauth2 = if v1 { format!("{base}/oauth2") } else { format!("{base}/oauth2/v2.0") };
        let host = authority.host_and_port();
        Self {
            token_endpoint: format!("{oauth2}/token"),
            token_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
            token_endpoint_auth_signing_alg_values_supported: assertion_algorithms,
            jwks_uri: format!("{base}/discovery/{}", if v1 { "keys" } else { "v2.0/keys" }),
            response_modes_supported: &["query", "fragment", "form_post"],
            subject_types_supported: &["pairwise"],
            id_token_signing_alg_values_supported: &["RS256"],
            response_types_supported: &["code"],
            scopes_supported: if v1 {
                &["openid"]
            } else {
                &["openid", "profile", "email", "offline_access"]
            },
            issuer: tenant.id().map_or_else(
                || authority.issuer_template(version),
                |tenant| authority.issuer(version, tenant),
            ),
            microsoft_multi_refresh_token: v1.then_some(true),
            request_uri_parameter_supported: (!v1).then_some(false),
            userinfo_endpoint: if v1 {
                format!("{base}/openid/userinfo")
            } else {
                format!("{authority}/oidc/userinfo")
            },
            authorization_endpoint: format!("{oauth2}/authorize"),
            device_authorization_endpoint: format!("{oauth2}/devicecode"),
            http_logout_supported: true,
            frontchannel_logout_supported: true,
            end_session_endpoint: format!("{oauth2}/logout"),
            check_session_iframe: v1.then(|| format!("{oauth2}/checksession")),
            given: tenant.id().map(|_| GivenTokens {
                revocation_endpoint: format!("{oauth2}/revoke"),
                revocation_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION_OR_NONE,
                revocation_endpoint_auth_signing_alg_values_supported: assertion_algorithms,
                introspection_endpoint: format!("{oauth2}/introspect"),
                introspection_endpoint_auth_methods_supported: CLIENT_AUTHENTICATION,
                introspection_endpoint_auth_signing_alg_values_supported: assertion_algorithms,
            }),
            claims_supported: if v1 { CLAIMS_V1 } else { CLAIMS_V2 },
            grant_types_supported: GRANTS,
            code_challenge_methods_supported: &["S256", "plain"],
            authorization_response_iss_parameter_supported: true,
            tenant_region_scope: tenant.id().map(|_| "WW"),
            cloud_instance_name: host.to_owned(),
            cloud_graph_host_name: host.to_owned(),
            msgraph_host: host.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use uuid::uuid;

    use super::*;

    const TENANT: Uuid = uuid!("AC3E0000-0000-4000-8000-000000000001");

    fn document(version: EndpointVersion, tenant: MetadataTenant) -> Value {
        let authority = Authority::parse("https://login.example.test:8443").unwrap();
        serde_json::to_value(OpenIdConfiguration::new(&authority, version, tenant, &["PS256"]))
            .unwrap()
    }

    #[test]
    fn v1_of_a_tenant() {
        let read = document(EndpointVersion::V1, MetadataTenant::Id(TENANT));
        let base = "https://login.example.test:8443/ac3e0000-0000-4000-8000-000000000001";
        for (member, path) in [
            ("token_endpoint", "/oauth2/token"),
            ("jwks_uri", "/discovery/keys"),
            ("issuer", "/"),
            ("authorization_endpoint", "/oauth2/authorize"),
            ("device_authorization_endpoint", "/oauth2/devicecode"),
            ("end_session_endpoint", "/oauth2/logout"),
            ("check_session_iframe", "/oauth2/checksession"),
            ("userinfo_endpoint", "/openid/userinfo"),
        ] {
            assert_eq!(read[member], format!("{base}{path}"), "{member}");
        }
        assert_eq!(read["microsoft_multi_refresh_token"], true);
        assert!(read.get("request_uri_parameter_supported").is_none());
        assert_eq!(read["tenant_region_scope"], "WW");
    }

    #[test]
    fn v2_of_a_tenant() {
        let read = document(EndpointVersion::V2, MetadataTenant::Id(TENANT));
        let base = "https://login.example.test:8443/ac3e0000-0000-4000-8000-000000000001";
        for (member, path) in [
            ("token_endpoint", "/oauth2/v2.0/token"),
            ("jwks_uri", "/discovery/v2.0/keys"),
            ("issuer", "/v2.0"),
            ("authorization_endpoint", "/oauth2/v2.0/authorize"),
        ] {
            assert_eq!(read[member], format!("{base}{path}"), "{member}");
        }
        assert_eq!(read["userinfo_endpoint"], "https://login.example.test:8443/oidc/userinfo");
        assert_eq!(read["request_uri_parameter_supported"], false);
        for absent in ["microsoft_multi_refresh_token", "check_session_iframe"] {
            assert!(read.get(absent).is_none(), "{absent}");
        }
    }

    #[test]
    fn common_and_organizations_hold_the_template() {
        for (tenant, segment) in
            [(MetadataTenant::Common, "common"), (MetadataTenant::Organizations, "organizations")]
        {
            let v1 = document(EndpointVersion::V1, tenant);
            assert_eq!(v1["issuer"], "https://login.example.test:8443/{tenantid}/");
            let v2 = document(EndpointVersion::V2, tenant);
            assert_eq!(v2["issuer"], "https://login.example.test:8443/{tenantid}/v2.0");
            assert_eq!(
                v2["token_endpoint"],
                format!("https://login.example.test:8443/{segment}/oauth2/v2.0/token")
            );
            assert_eq!(v2["tenant_region_scope"], Value::Null);
            assert!(v2.as_object().unwrap().contains_key("tenant_region_scope"));
        }
    }

    #[test]
    fn adfs_stays_in_addresses_and_out_of_the_issuer() {
        let read = document(EndpointVersion::V1, MetadataTenant::Adfs { tenant: TENANT });
        assert_eq!(read["token_endpoint"], "https://login.example.test:8443/adfs/oauth2/token");
        assert_eq!(
            read["issuer"],
            "https://login.example.test:8443/ac3e0000-0000-4000-8000-000000000001/"
        );
    }

    #[test]
    fn no_other_host_is_named() {
        for version in [EndpointVersion::V1, EndpointVersion::V2] {
            for tenant in [MetadataTenant::Common, MetadataTenant::Id(TENANT)] {
                let text = document(version, tenant).to_string().to_lowercase();
                for foreign in ["microsoftonline", "windows.net", "microsoft.com"] {
                    assert!(!text.contains(foreign), "{foreign}");
                }
                let own = text.matches("https://login.example.test:8443/").count();
                assert_eq!(text.matches("://").count(), own);
            }
        }
    }

    #[test]
    fn only_what_is_served_or_fixed_is_published() {
        let read = document(EndpointVersion::V2, MetadataTenant::Common);
        assert_eq!(read["grant_types_supported"], serde_json::json!(GRANTS));
        for absent in [
            "kerberos_endpoint",
            "rbac_url",
            "mtls_endpoint_aliases",
            "revocation_endpoint",
            "introspection_endpoint",
            "introspection_endpoint_auth_methods_supported",
            "pushed_authorization_request_endpoint",
            "dpop_signing_alg_values_supported",
        ] {
            assert!(read.get(absent).is_none(), "{absent}");
        }
        let text = read.to_string();
        assert!(!text.contains("none") && !text.contains("HS256"), "{text}");
        assert_eq!(read["response_types_supported"], serde_json::json!(["code"]));
        assert_eq!(read["code_challenge_methods_supported"], serde_json::json!(["S256", "plain"]));
        assert_eq!(read["authorization_response_iss_parameter_supported"], true);
    }

    #[test]
    fn tokens_are_revoked_and_asked_about_at_their_tenants_address() {
        let base = format!("https://login.example.test:8443/{TENANT}");
        for tenant in [MetadataTenant::Id(TENANT), MetadataTenant::Adfs { tenant: TENANT }] {
            let base = match tenant {
                MetadataTenant::Id(_) => base.as_str(),
                _ => "https://login.example.test:8443/adfs",
            };
            for (version, path) in [(EndpointVersion::V1, ""), (EndpointVersion::V2, "/v2.0")] {
                let read = document(version, tenant);
                assert_eq!(read["revocation_endpoint"], format!("{base}/oauth2{path}/revoke"));
                let introspection = format!("{base}/oauth2{path}/introspect");
                assert_eq!(read["introspection_endpoint"], introspection);
                let methods = &read["introspection_endpoint_auth_methods_supported"];
                assert_eq!(*methods, read["token_endpoint_auth_methods_supported"]);
            }
        }
    }
}
