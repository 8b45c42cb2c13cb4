//! The words on the wire of the Microsoft identity platform and OAuth 2.x: requests, responses, claims, metadata, error codes
