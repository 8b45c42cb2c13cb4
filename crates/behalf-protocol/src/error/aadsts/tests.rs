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
        // Consent that cannot be given is Entra's exception: the client is at fault, not unproven.
        let impossible = matches!(kind, AadSts::ResourceNotProvisioned | AadSts::GraphScopeUnknown);
        let unauthorized = kind.status() == 401 || impossible;
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
                (kind.oauth(), kind.status(), kind.suberror()),
                (other.oauth(), other.status(), other.suberror()),
                "{kind:?} and {other:?}"
            );
        }
    }
}

#[test]
fn a_suberror_comes_with_a_grant_that_a_user_can_renew() {
    for kind in AadSts::ALL {
        if let Some(suberror) = kind.suberror() {
            assert_eq!((kind.oauth(), kind.status()), (OAuthError::InvalidGrant, 400), "{kind:?}");
            assert!(INTERACTION_WORDS.contains(&suberror), "{kind:?}: {suberror}");
        }
    }
}

#[test]
fn a_number_finds_its_variants() {
    let found: Vec<_> = AadSts::by_code(90_002).collect();
    assert_eq!(found, [AadSts::TenantNotFound, AadSts::TenantNotFoundInMetadata]);
    assert_eq!(AadSts::by_code(1).count(), 0);
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
