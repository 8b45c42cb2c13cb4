use super::{OAuthError, Row};

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
        "Send <App ID URI>/.default alone, or names of scopes, each after its resource.";
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
    InvalidParameter: 90_100 InvalidRequest 400 uri,
        "A parameter has a value that this server does not take.",
        "Correct or leave out the parameter that the description names.";
    RequestObjectNotSupported: 90_100 RequestNotSupported 400 uri,
        "The authorization request carries a request object, which this server does not read.",
        "Send the parameters themselves instead of the parameter request.";
    RequestUriNotSupported: 90_100 RequestUriNotSupported 400 uri,
        "The authorization request refers to a request object elsewhere, which this server never fetches.",
        "Send the parameters themselves instead of the parameter request_uri.";
    UnsupportedTokenType: 90_100 UnsupportedTokenType 400 uri,
        "The token is of a kind that cannot be revoked: an access token is valid until it expires.",
        "Revoke the refresh token, or the user's sessions. Give access tokens a short life.";
    QueryTooLong: 90_015 InvalidRequest 400 uri,
        "A parameter of the authorization request, or the whole of it, is longer than the server reads.",
        "Keep state and nonce short: store what they stand for in the client and send a reference.";
    GrantNeedsTenant: 9_001_023 InvalidRequest 400 uri,
        "The grant is not available at common or consumers.",
        "Replace the first segment of the address by the tenant's id or domain.";
    SingleTenantApplication: 50_194 InvalidRequest 400 uri,
        "The application is registered for one tenant and was used at common or organizations.",
        "Use the address of the application's own tenant, or make the application multi-tenant.";
    GrantNotAllowed: 70_001 UnauthorizedClient 400 uri,
        "The application, or its tenant, does not allow this grant.",
        "Use another grant. The password grant is off unless both tenant and application allow it.";
    RedirectUriMismatch: 50_011 InvalidRequest 400 uri,
        "The redirect_uri is not one that is registered for the application.",
        "Register the redirect URI exactly as it is sent: letter case, path, query and trailing slash count.";
    RedirectUriMismatchAtRedemption: 500_112 InvalidGrant 400 uri,
        "The redirect_uri is not the one that the authorization code was sent to.",
        "Send the same redirect_uri in the token request as in the authorization request.";
    ResponseTypeUnknown: 70_005 UnsupportedResponseType 400 uri,
        "The response_type is not one that this server knows.",
        "Use response_type=code.";
    ResponseTypeNotEnabled: 700_054 UnsupportedResponseType 400 uri,
        "The response_type is not enabled for the application.",
        "Use response_type=code with PKCE. Answers with tokens in the address are off unless the application enables them.";
    ResponseModeInvalid: 70_007 InvalidRequest 400 uri,
        "The response_mode is unknown, or does not go with the response_type.",
        "Use query, fragment or form_post; tokens are never sent in a query.";
    CodeChallengeMissing: 50_147 InvalidRequest 400 uri,
        "The request names a code_challenge_method but has no code_challenge.",
        "Send both: code_challenge=BASE64URL(SHA-256(code_verifier)) and code_challenge_method=S256.";
    CodeChallengeInvalid: 501_491 InvalidRequest 400 uri,
        "The code_challenge has the wrong size or characters, or its method is unknown.",
        "Use S256, whose challenge is 43 characters of base64url, made from a verifier of 43 to 128 characters.";
    CodeVerifierMismatch: 501_481 InvalidGrant 400 uri,
        "The code_verifier is missing, malformed, not expected, or does not answer the code_challenge.",
        "Send the verifier whose challenge was in the authorization request: 43 to 128 letters, digits, or any of - . _ ~.";
    ProofKeyRequired: 9_002_325 InvalidRequest 400 uri,
        "A single-page application redeems a code that was asked for without a code_challenge.",
        "Use PKCE: send code_challenge when asking for the code and code_verifier when redeeming it.";
    CrossOriginNotAllowed: 9_002_326 InvalidRequest 400 uri,
        "The request comes from a browser, but the redirect URI is not registered for a single-page application.",
        "Register the redirect URI under the platform spa, or redeem the code on the server.";
    CrossOriginRequired: 9_002_327 InvalidRequest 400 uri,
        "A code sent to a single-page application is redeemed without the header Origin.",
        "Redeem it in the browser, or register the redirect URI under the platform web.";
    GrantMalformed: 70_000 InvalidGrant 400 uri,
        "The code or refresh token cannot be read, or belongs to another client, tenant or server.",
        "Send it unchanged, as the client it was issued to and at the same address. Otherwise ask the user to sign in again.";
    RefreshTokenReused: 70_000 InvalidGrant 400 uri "bad_token",
        "The refresh token was used before and has been replaced, so all that came of the same sign-in is revoked.",
        "Ask the user to sign in again. Keep only the newest refresh token of each answer.";
    CodeExpired: 70_008 InvalidGrant 400 uri,
        "The authorization code has expired.",
        "Redeem a code at once; ask for a new one.";
    CodeRedeemed: 54_005 InvalidGrant 400 uri,
        "The authorization code was redeemed before.",
        "Redeem a code once and keep the answer. Ask for a new code.";
    CodeOfOtherTenant: 700_005 InvalidGrant 400 uri,
        "The authorization code was issued at another address than the one it is redeemed at.",
        "Redeem the code with the same tenant and endpoint version that it was asked for at.";
    RefreshTokenTooOld: 700_081 InvalidGrant 400 uri "bad_token",
        "The refresh token has reached the greatest age that the tenant allows.",
        "Ask the user to sign in again.";
    RefreshTokenUnused: 700_082 InvalidGrant 400 uri "bad_token",
        "The refresh token was not used for too long and has expired.",
        "Ask the user to sign in again.";
    RefreshTokenOfBrowserTooOld: 700_084 InvalidGrant 400 uri "bad_token",
        "The refresh token belongs to a single-page application and has ended with its fixed life.",
        "Send the user through the authorization endpoint again; a living session answers without a dialog.";
    GrantRevoked: 50_173 InvalidGrant 400 uri "bad_token",
        "What was presented has been revoked: a new password, sign-out everywhere, or an administrator.",
        "Ask the user to sign in again.";
    SignInTooOld: 70_043 InvalidGrant 400 uri "basic_action",
        "The user signed in longer ago than the resource or the tenant allows.",
        "Ask the user to sign in again.";
    UserNotFound: 50_034 InvalidGrant 400 uri,
        "The user does not exist in this tenant any more.",
        "Ask the user to sign in again, and check the tenant.";
    UserOfOtherTenant: 50_020 InvalidGrant 400 uri,
        "The user belongs to another tenant than the one in the address.",
        "Use the user's own tenant. Guests are not supported.";
    UserDisabled: 50_057 InvalidGrant 400 uri,
        "The user's account is disabled.",
        "Enable the account, or ask the administrator who disabled it.";
    WrongPassword: 50_126 InvalidGrant 400 uri,
        "The user name or the password is wrong.",
        "Check both. Blanks at either end of a password count.";
    UserLocked: 50_053 InvalidGrant 400 uri,
        "Too many wrong passwords were tried for this account from this network.",
        "Wait some minutes, or sign in from a device that signed in before.";
    SecondFactorRequired: 50_076 InvalidGrant 400 uri "basic_action",
        "The resource or the tenant requires a second factor, which this sign-in did not have.",
        "Send the user through the authorization endpoint, with the claims of this answer when there are any.";
    SecondFactorRequiredSilently: 50_076 InteractionRequired 400 uri,
        "A second factor is required, and the request forbids to ask for it.",
        "Repeat the request without prompt=none.";
    SecondFactorNotEnrolled: 50_079 InvalidGrant 400 uri "basic_action",
        "A second factor is required and the user has not set one up.",
        "Send the user through the authorization endpoint to set it up.";
    UserNotAssigned: 50_105 InvalidGrant 400 uri,
        "The application requires assignment and the user is not assigned to it.",
        "Assign the user to the application, or switch the requirement off.";
    UserNotAssignedSilently: 50_105 InteractionRequired 400 uri,
        "The application requires assignment, the user is not assigned to it, and the request forbids to show that.",
        "Assign the user to the application.";
    SessionMissing: 50_058 LoginRequired 400 uri,
        "The request forbids to ask the user, and nobody is signed in.",
        "Repeat the request without prompt=none.";
    SessionAmbiguous: 16_000 InteractionRequired 400 uri,
        "The request forbids to ask the user, and more than one account, or none of this tenant, is signed in.",
        "Send login_hint, or repeat the request without prompt=none.";
    AssertionUnreadable: 50_027 InvalidRequest 400 uri,
        "The assertion or subject_token is not a signed compact JWT.",
        "Send the access token that the web API received, without the word Bearer.";
    AssertionInvalid: 50_013 InvalidGrant 400 uri,
        "The assertion was not issued by this server for this tenant, or its signature or chain of delegation does not verify.",
        "Send an access token of this server, unchanged, to the tenant that issued it.";
    AssertionForOtherResource: 500_131 InvalidGrant 400 uri,
        "The assertion is addressed to another application than the one that presents it.",
        "The client must ask for a token for this web API; only that token can be exchanged by it.";
    AssertionExpired: 500_133 InvalidGrant 400 uri,
        "The assertion has expired or is not valid yet.",
        "Answer the client with 401 so that it gets a new token, and exchange that one.";
    AssertionIsIdToken: 240_002 InvalidRequest 400 uri,
        "The assertion is an ID token.",
        "Send the access token. An ID token tells the client who signed in and opens nothing.";
    AssertionAppOnly: 7_000_114 UnauthorizedClient 400 uri,
        "The assertion is an app-only token: there is no user on whose behalf to act.",
        "Use client_credentials to call the next API as the application itself.";
    UserConsentMissing: 65_001 InvalidGrant 400 uri "consent_required",
        "Nobody has consented that the application uses the resource on behalf of this user.",
        "Send the user through the authorization endpoint, or let an administrator consent for everybody.";
    UserConsentMissingSilently: 65_001 ConsentRequired 400 uri,
        "Consent is missing, and the request forbids to ask for it.",
        "Repeat the request without prompt=none, or let an administrator consent for everybody.";
    ConsentDeclined: 65_004 AccessDenied 400 uri,
        "The user declined to consent.",
        "Explain to the user what the access is for, and ask again.";
    AdminConsentDeclined: 65_004 ConsentRequired 400 uri,
        "The administrator declined to consent for the organisation.",
        "Ask the administrator what is in the way.";
    AdminConsentCancelled: 65_004 PermissionDenied 400 uri,
        "The administrator cancelled the request.",
        "Ask the administrator what is in the way.";
    DeviceDeclined: 65_004 AuthorizationDeclined 400 uri,
        "The user declined to sign the device in.",
        "Stop polling. Start again when the user wants to.";
    AdminConsentRequired: 90_094 AccessDenied 400 uri,
        "Only an administrator may consent to what the application asks for.",
        "Ask an administrator to consent; the page offers to send a request.";
    AdminConsentRequested: 90_095 AccessDenied 400 uri,
        "Only an administrator may consent; a request has been sent and is not answered yet.",
        "Wait for the administrator's answer and sign in again.";
    ResourceNotProvisioned: 650_052 InvalidClient 400 uri,
        "The application needs a resource that the organisation does not have, and consent cannot add it.",
        "Let an administrator add the resource's application to the tenant first.";
    GraphScopeUnknown: 650_053 InvalidClient 400 uri,
        "A scope without a resource before it belongs to Microsoft Graph, which has none of that name.",
        "Write the resource before the scope: <App ID URI>/<scope>.";
    ResourceNotRequired: 650_057 InvalidResource 400 uri,
        "The resource is not among the required access of the application.",
        "Add the API to the application's permissions, or use the v2.0 endpoint.";
    SelfTokenByUri: 90_009 InvalidRequest 400 uri,
        "An application asks for a token to itself by its App ID URI.",
        "Name the application by its application id.";
    SeveralTargets: 28_000 InvalidTarget 400 uri,
        "The token exchange names more than one target, or none that can be one.",
        "Name one: resource, audience, or scopes of one resource.";
    DevicePending: 70_016 AuthorizationPending 400 uri,
        "The user has not finished signing in yet.",
        "Ask again after the interval.";
    DevicePollingTooFast: 70_016 SlowDown 400 uri,
        "The user has not finished signing in yet, and the device asks too often.",
        "Wait five seconds longer between requests (RFC 8628 section 3.5).";
    DeviceCodeUnknown: 70_018 BadVerificationCode 400 uri,
        "The device_code is not one that is waiting, or belongs to another client.",
        "Send the device_code unchanged, or start again.";
    DeviceCodeExpiredV1: 70_019 CodeExpired 400 uri,
        "The device_code has expired; the v1 endpoint says it so.",
        "Start again with a new code.";
    DeviceCodeExpired: 70_020 ExpiredToken 400 uri,
        "The device_code has expired; the v2.0 endpoint says it so.",
        "Start again with a new code.";
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
