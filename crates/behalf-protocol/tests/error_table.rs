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
    (InvalidParameter, 90100, "invalid_request", 400),
    (RequestObjectNotSupported, 90100, "request_not_supported", 400),
    (RequestUriNotSupported, 90100, "request_uri_not_supported", 400),
    (UnsupportedTokenType, 90100, "unsupported_token_type", 400),
    (QueryTooLong, 90015, "invalid_request", 400),
    (GrantNeedsTenant, 9001023, "invalid_request", 400),
    (SingleTenantApplication, 50194, "invalid_request", 400),
    (GrantNotAllowed, 70001, "unauthorized_client", 400),
    (RedirectUriMismatch, 50011, "invalid_request", 400),
    (RedirectUriMismatchAtRedemption, 500112, "invalid_grant", 400),
    (ResponseTypeUnknown, 70005, "unsupported_response_type", 400),
    (ResponseTypeNotEnabled, 700054, "unsupported_response_type", 400),
    (ResponseModeInvalid, 70007, "invalid_request", 400),
    (CodeChallengeMissing, 50147, "invalid_request", 400),
    (CodeChallengeInvalid, 501491, "invalid_request", 400),
    (CodeVerifierMismatch, 501481, "invalid_grant", 400),
    (ProofKeyRequired, 9002325, "invalid_request", 400),
    (CrossOriginNotAllowed, 9002326, "invalid_request", 400),
    (CrossOriginRequired, 9002327, "invalid_request", 400),
    (GrantMalformed, 70000, "invalid_grant", 400),
    (RefreshTokenReused, 70000, "invalid_grant", 400),
    (CodeExpired, 70008, "invalid_grant", 400),
    (CodeRedeemed, 54005, "invalid_grant", 400),
    (CodeOfOtherTenant, 700005, "invalid_grant", 400),
    (RefreshTokenTooOld, 700081, "invalid_grant", 400),
    (RefreshTokenUnused, 700082, "invalid_grant", 400),
    (RefreshTokenOfBrowserTooOld, 700084, "invalid_grant", 400),
    (GrantRevoked, 50173, "invalid_grant", 400),
    (SignInTooOld, 70043, "invalid_grant", 400),
    (UserNotFound, 50034, "invalid_grant", 400),
    (UserOfOtherTenant, 50020, "invalid_grant", 400),
    (UserDisabled, 50057, "invalid_grant", 400),
    (WrongPassword, 50126, "invalid_grant", 400),
    (UserLocked, 50053, "invalid_grant", 400),
    (SecondFactorRequired, 50076, "invalid_grant", 400),
    (SecondFactorRequiredSilently, 50076, "interaction_required", 400),
    (SecondFactorNotEnrolled, 50079, "invalid_grant", 400),
    (UserNotAssigned, 50105, "invalid_grant", 400),
    (UserNotAssignedSilently, 50105, "interaction_required", 400),
    (SessionMissing, 50058, "login_required", 400),
    (SessionAmbiguous, 16000, "interaction_required", 400),
    (AssertionUnreadable, 50027, "invalid_request", 400),
    (AssertionInvalid, 50013, "invalid_grant", 400),
    (AssertionForOtherResource, 500131, "invalid_grant", 400),
    (AssertionExpired, 500133, "invalid_grant", 400),
    (AssertionIsIdToken, 240002, "invalid_request", 400),
    (AssertionAppOnly, 7000114, "unauthorized_client", 400),
    (UserConsentMissing, 65001, "invalid_grant", 400),
    (UserConsentMissingSilently, 65001, "consent_required", 400),
    (ConsentDeclined, 65004, "access_denied", 400),
    (AdminConsentDeclined, 65004, "consent_required", 400),
    (AdminConsentCancelled, 65004, "permission_denied", 400),
    (DeviceDeclined, 65004, "authorization_declined", 400),
    (AdminConsentRequired, 90094, "access_denied", 400),
    (AdminConsentRequested, 90095, "access_denied", 400),
    (ResourceNotProvisioned, 650052, "invalid_client", 400),
    (GraphScopeUnknown, 650053, "invalid_client", 400),
    (ResourceNotRequired, 650057, "invalid_resource", 400),
    (SelfTokenByUri, 90009, "invalid_request", 400),
    (SeveralTargets, 28000, "invalid_target", 400),
    (DevicePending, 70016, "authorization_pending", 400),
    (DevicePollingTooFast, 70016, "slow_down", 400),
    (DeviceCodeUnknown, 70018, "bad_verification_code", 400),
    (DeviceCodeExpiredV1, 70019, "code_expired", 400),
    (DeviceCodeExpired, 70020, "expired_token", 400),
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

/// By these clients decide that a user must act, or that a refresh token is worthless; all other
/// rows have none.
const SUBERRORS: &[(AadSts, &str)] = &[
    (RefreshTokenReused, "bad_token"),
    (RefreshTokenTooOld, "bad_token"),
    (RefreshTokenUnused, "bad_token"),
    (RefreshTokenOfBrowserTooOld, "bad_token"),
    (GrantRevoked, "bad_token"),
    (SignInTooOld, "basic_action"),
    (SecondFactorRequired, "basic_action"),
    (SecondFactorNotEnrolled, "basic_action"),
    (UserConsentMissing, "consent_required"),
];

#[test]
fn every_suberror_is_as_designed() {
    let with: Vec<_> =
        AadSts::ALL.iter().filter_map(|kind| Some((*kind, kind.suberror()?))).collect();
    assert_eq!(with, SUBERRORS);
}
