//! The catalogue against the design's table of errors, written out a second time: number, `error`
//! and status are the contract with clients.

use AadSts::*;
use behalf_protocol::error::AadSts;

#[expect(clippy::unreadable_literal, reason = "written as people search for them")]
const TABLE: &[(AadSts, u32, &str, u16)] = &[
    (BodyTooLarge, 9002313, "invalid_request", 413),
    (MalformedRequest, 9002313, "invalid_request", 400),
    (RepeatedParameter, 9000411, "invalid_request", 400),
    (ConflictingClientAuthentication, 90023, "invalid_request", 400),
    (NotInThisVersion, 90023, "invalid_request", 404),
    (WrongMethod, 900561, "invalid_request", 405),
    (MissingParameter, 900144, "invalid_request", 400),
    (UnsupportedGrantType, 70003, "unsupported_grant_type", 400),
    (MalformedTenant, 900023, "invalid_request", 400),
    (MalformedTenantInMetadata, 900023, "invalid_tenant", 400),
    (TenantNotFound, 90002, "invalid_request", 400),
    (TenantNotFoundInMetadata, 90002, "invalid_tenant", 400),
    (TenantRequired, 50059, "invalid_request", 400),
    (UnknownInstance, 50049, "invalid_instance", 400),
    (ResourceParameterNotSupported, 901002, "invalid_request", 400),
    (ScopeWithoutDefault, 1002012, "invalid_scope", 400),
    (SeveralResources, 28000, "invalid_scope", 400),
    (InvalidScope, 70011, "invalid_scope", 400),
    (NilClientId, 700038, "unauthorized_client", 400),
    (ApplicationNotFound, 700016, "unauthorized_client", 400),
    (ApplicationDisabled, 7000112, "unauthorized_client", 400),
    (ServicePrincipalMissing, 7000229, "invalid_client", 401),
    (NoCredentialForClientCredentials, 7000216, "invalid_client", 401),
    (NoCredential, 7000218, "invalid_client", 401),
    (CredentialFromPublicClient, 700025, "invalid_client", 401),
    (InvalidSecret, 7000215, "invalid_client", 401),
    (ExpiredSecret, 7000222, "invalid_client", 401),
    (InvalidAssertion, 700027, "invalid_client", 401),
    (AssertionIssuerUnknown, 700_021, "invalid_client", 401),
    (AssertionSubjectMismatch, 50048, "invalid_client", 401),
    (AssertionAudience, 700023, "invalid_client", 401),
    (AssertionTime, 700024, "invalid_client", 401),
    (CertificateOutsideValidity, 1000502, "invalid_client", 401),
    (ResourceNotFound, 500011, "invalid_resource", 400),
    (ResourceDisabled, 500014, "invalid_resource", 400),
    (AssignmentRequired, 501051, "invalid_grant", 400),
    (Throttled, 90055, "temporarily_unavailable", 429),
    (Unavailable, 90006, "temporarily_unavailable", 503),
    (InternalError, 50000, "server_error", 500),
];

#[test]
fn every_row_is_as_designed() {
    let kinds: Vec<_> = TABLE.iter().map(|row| row.0).collect();
    assert_eq!(kinds, AadSts::ALL);
    for &(kind, code, error, status) in TABLE {
        assert_eq!(
            (kind.code(), kind.oauth().as_str(), kind.status()),
            (code, error, status),
            "{kind:?}"
        );
    }
}
