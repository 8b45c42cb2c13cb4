use super::ResponseType;

/// How the answer reaches the client (OAuth 2.0 Multiple Response Types, Form Post Response Mode).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResponseMode {
    /// In the query of the redirect URI: the default of `code`.
    Query,
    /// In its fragment: the default as soon as tokens come back.
    Fragment,
    /// In a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// The mode a request asks for, or the default of its type. `None` when it is unknown, or would
    /// put tokens into a query.
    pub(super) fn parse(text: Option<&str>, response_type: ResponseType) -> Option<Self> {
        match text {
            None if response_type.has_token() => Some(Self::Fragment),
            None => Some(Self::Query),
            Some("query") => (!response_type.has_token()).then_some(Self::Query),
            Some("fragment") => Some(Self::Fragment),
            Some("form_post") => Some(Self::FormPost),
            Some(_) => None,
        }
    }

    /// The value as written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_never_stand_in_a_query() {
        use ResponseMode::{FormPost, Fragment, Query};
        for (text, response_type, expected) in [
            (None, ResponseType::Code, Some(Query)),
            (Some("query"), ResponseType::Code, Some(Query)),
            (Some("fragment"), ResponseType::Code, Some(Fragment)),
            (Some("form_post"), ResponseType::CodeIdToken, Some(FormPost)),
            (None, ResponseType::IdToken, Some(Fragment)),
            (None, ResponseType::Token, Some(Fragment)),
            (Some("query"), ResponseType::IdToken, None),
            (Some("query"), ResponseType::CodeIdToken, None),
            (Some("jwt"), ResponseType::Code, None),
            (Some("query.jwt"), ResponseType::Code, None),
            (Some("Query"), ResponseType::Code, None),
            (Some("web_message"), ResponseType::Code, None),
        ] {
            assert_eq!(ResponseMode::parse(text, response_type), expected, "{text:?}");
        }
    }
}
