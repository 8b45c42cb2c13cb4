//! Keys, JWK(S), JWS, JWE, JWT and X.509 thumbprints on aws-lc-rs: bytes in, types out
