/// What comes back from the authorization endpoint (OAuth 2.0 Multiple Response Types). Only `code`
/// needs no permission of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseType {
    /// `code`.
    Code,
    /// `id_token`.
    IdToken,
    /// `code id_token`.
    CodeIdToken,
    /// `token`, and any set with it: an access token in the address.
    Token,
}

impl ResponseType {
    /// Reads the set, in any order; `None` when a value is unknown.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (mut code, mut id_token, mut token) = (false, false, false);
        for value in text.split(' ').filter(|value| !value.is_empty()) {
            match value {
                "code" => code = true,
                "id_token" => id_token = true,
                "token" => token = true,
                _ => return None,
            }
        }
        match (token, code, id_token) {
            (true, _, _) => Some(Self::Token),
            (_, true, true) => Some(Self::CodeIdToken),
            (_, true, false) => Some(Self::Code),
            (_, false, true) => Some(Self::IdToken),
            (_, false, false) => None,
        }
    }

    /// Whether tokens themselves come back, which must never stand in a query.
    pub const fn has_token(self) -> bool {
        !matches!(self, Self::Code)
    }

    /// Whether a code comes back.
    pub const fn has_code(self) -> bool {
        matches!(self, Self::Code | Self::CodeIdToken)
    }

    /// Whether an ID token comes back, which needs a `nonce`.
    pub const fn has_id_token(self) -> bool {
        matches!(self, Self::IdToken | Self::CodeIdToken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_in_any_order() {
        for (text, expected) in [
            ("code", Some(ResponseType::Code)),
            ("id_token code", Some(ResponseType::CodeIdToken)),
            ("code id_token", Some(ResponseType::CodeIdToken)),
            ("id_token", Some(ResponseType::IdToken)),
            ("id_token token", Some(ResponseType::Token)),
            ("token", Some(ResponseType::Token)),
            ("", None),
            (" ", None),
            ("none", None),
            ("Code", None),
            ("code,id_token", None),
            ("code foo", None),
        ] {
            assert_eq!(ResponseType::parse(text), expected, "{text:?}");
        }
        assert!(!ResponseType::Code.has_token() && ResponseType::Code.has_code());
        assert!(ResponseType::IdToken.has_id_token() && !ResponseType::IdToken.has_code());
    }
}
