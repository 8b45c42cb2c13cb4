use crate::EndpointVersion;

/// What the user is to be asked (OIDC Core 3.1.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// Nothing: answer from the session or fail.
    None,
    /// The password, whatever the session.
    Login,
    /// Consent, even when it was given.
    Consent,
    /// Which account.
    SelectAccount,
    /// Consent for the whole tenant; v1 only.
    AdminConsent,
    /// To sign up, which nobody can here: read and treated as no wish. v2.0 only.
    Create,
}

/// A set of [`Prompt`]s. Empty when the request has no wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Prompts(u8);

impl Prompts {
    /// Reads the list, separated by spaces; `none` stands alone. `None` when a value is unknown to
    /// the endpoint or `none` has company.
    pub(super) fn parse(version: EndpointVersion, text: &str) -> Option<Self> {
        let mut prompts = Self::default();
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            let prompt = match (value, version) {
                ("none", _) => Prompt::None,
                ("login", _) => Prompt::Login,
                ("consent", _) => Prompt::Consent,
                ("select_account", _) => Prompt::SelectAccount,
                ("admin_consent", EndpointVersion::V1) => Prompt::AdminConsent,
                ("create", EndpointVersion::V2) => Prompt::Create,
                _ => return None,
            };
            prompts.0 |= Self::bit(prompt);
        }
        let none = Self::bit(Prompt::None);
        (prompts.0 & none == 0 || prompts.0 == none).then_some(prompts)
    }

    /// Whether it was asked for.
    pub const fn contains(self, prompt: Prompt) -> bool {
        self.0 & Self::bit(prompt) != 0
    }

    const fn bit(prompt: Prompt) -> u8 {
        1 << prompt as u8
    }
}

impl FromIterator<Prompt> for Prompts {
    fn from_iter<I: IntoIterator<Item = Prompt>>(prompts: I) -> Self {
        Self(prompts.into_iter().fold(0, |set, prompt| set | Self::bit(prompt)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_endpoint_knows_its_own() {
        use EndpointVersion::{V1, V2};
        for (version, text, expected) in [
            (V2, "login", Some([Prompt::Login].as_slice())),
            (V2, "none", Some(&[Prompt::None])),
            (V2, "login consent", Some(&[Prompt::Login, Prompt::Consent])),
            (V2, " select_account ", Some(&[Prompt::SelectAccount])),
            (V2, "create", Some(&[Prompt::Create])),
            (V1, "admin_consent", Some(&[Prompt::AdminConsent])),
            (V1, "consent", Some(&[Prompt::Consent])),
            (V2, "admin_consent", None),
            (V1, "create", None),
            (V2, "none login", None),
            (V2, "Login", None),
            (V2, "login,consent", None),
            (V2, "refresh_session", None),
        ] {
            let expected = expected.map(|prompts| prompts.iter().copied().collect::<Prompts>());
            assert_eq!(Prompts::parse(version, text), expected, "{text}");
        }
        let prompts = Prompts::from_iter([Prompt::Login]);
        assert!(prompts.contains(Prompt::Login) && !prompts.contains(Prompt::None));
    }
}
