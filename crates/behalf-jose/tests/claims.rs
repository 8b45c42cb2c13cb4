//! Claims sets: dates, audiences, and objects that two parsers could read differently.

use behalf_jose::jwt::{Audience, LenientNumericDate, NumericDate, parse_claims};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Dates {
    exp: NumericDate,
}

#[derive(Debug, Deserialize)]
struct ClientDates {
    exp: LenientNumericDate,
}

#[derive(Debug, Deserialize)]
struct To {
    aud: Audience,
}

fn strict(exp: &str) -> Option<i64> {
    let claims = format!(r#"{{"exp":{exp}}}"#);
    parse_claims::<Dates>(claims.as_bytes(), 1024).ok().map(|c| c.exp.0)
}

fn lenient(exp: &str) -> Option<i64> {
    let claims = format!(r#"{{"exp":{exp}}}"#);
    parse_claims::<ClientDates>(claims.as_bytes(), 1024).ok().map(|c| c.exp.0)
}

#[test]
fn dates_are_numbers_and_from_clients_also_digits() {
    let numbers = [
        ("0", 0),
        ("1795351948", 1_795_351_948),
        ("1795351948.2458389", 1_795_351_948),
        ("1.795351948e9", 1_795_351_948),
        ("999999999999", 999_999_999_999),
    ];
    for (text, seconds) in numbers {
        assert_eq!(strict(text), Some(seconds), "{text}");
        assert_eq!(lenient(text), Some(seconds), "{text}");
    }
    for (text, seconds) in [(r#""1700000000""#, 1_700_000_000), (r#""7""#, 7)] {
        assert_eq!(lenient(text), Some(seconds), "{text}");
        assert_eq!(strict(text), None, "{text}");
    }
}

#[test]
fn ca_33_everything_else_is_no_date() {
    let bad = [
        "-1",
        "-0.5",
        "1e400",
        "NaN",
        "Infinity",
        "true",
        "null",
        "[]",
        "{}",
        "9223372036854775808",
        "18446744073709551616",
        "1000000000000",
        "1e13",
        r#""""#,
        r#""1e9""#,
        r#"" 7""#,
        r#""-7""#,
        r#""+7""#,
        r#""1700000000.5""#,
        r#""1234567890123""#,
        r#""soon""#,
        r#""١٢""#,
    ];
    for text in bad {
        assert_eq!(strict(text), None, "{text}");
        assert_eq!(lenient(text), None, "{text}");
    }
}

#[test]
fn audiences_are_a_string_or_an_array_of_strings() {
    let aud = |text: &str| {
        parse_claims::<To>(format!(r#"{{"aud":{text}}}"#).as_bytes(), 1024).ok().map(|c| c.aud)
    };
    assert_eq!(aud(r#""a""#).unwrap().sole(), Some("a"));
    assert_eq!(aud(r#"["a"]"#).unwrap().sole(), Some("a"));
    assert_eq!(aud(r#"["a","b"]"#).unwrap().sole(), None);
    assert_eq!(aud(r#"["a","b"]"#).unwrap().values(), ["a", "b"]);
    assert_eq!(aud("[]").unwrap().sole(), None);
    for text in ["null", "7", "{}", "[1]", r#"["a",null]"#] {
        assert!(aud(text).is_none(), "{text}");
    }
}

#[test]
fn ca_34_a_name_that_occurs_twice_is_refused_in_both_orders() {
    let bad = [
        r#"{"exp":1,"exp":2}"#,
        r#"{"exp":1,"other":1,"other":1}"#,
        r#"{"exp":1,"e\u0078p":2}"#,
        r#"{"exp":1,"cnf":{"a":1,"a":1}}"#,
        r#"{"exp":1,"list":[{"a":1,"a":1}]}"#,
    ];
    for claims in bad {
        assert!(parse_claims::<Dates>(claims.as_bytes(), 1024).is_err(), "{claims}");
    }
    assert!(parse_claims::<Dates>(br#"{"exp":1,"a":{"exp":1},"b":[1,1]}"#, 1024).is_ok());
}

#[test]
fn claims_are_one_object_within_the_bound() {
    for claims in ["", "null", "[]", "7", r#"{"exp":1}{}"#, "\u{feff}{\"exp\":1}"] {
        assert!(parse_claims::<Dates>(claims.as_bytes(), 1024).is_err(), "{claims}");
    }
    assert!(parse_claims::<Dates>(br#"{"exp":1}"#, 9).is_ok());
    assert!(parse_claims::<Dates>(br#"{"exp":1}"#, 8).is_err());
}
