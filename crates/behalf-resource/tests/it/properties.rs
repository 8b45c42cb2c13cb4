//! No text and no claims make the validator panic, and a changed claim that matters is refused.

use behalf_resource::{Refusal, ResourceServer};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{app_v2, first, token, with, world};

fn verdict(server: &ResourceServer, text: &str) -> Result<(), Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(server.validate(text)).map(drop)
}

fn server() -> ResourceServer {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(world().server())
}

fn json_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({ "a": 1 })),
    ]
}

#[test]
fn no_text_is_accepted_and_none_panics() {
    let server = server();
    proptest!(|(text in "\\PC{0,200}|[A-Za-z0-9_.-]{0,200}")| {
        prop_assert!(verdict(&server, &text).is_err());
    });
}

#[test]
fn a_claim_that_matters_cannot_be_anything_else() {
    let server = server();
    let names = ["aud", "iss", "exp", "iat", "tid", "ver", "azp", "oid", "sub"];
    proptest!(ProptestConfig::with_cases(64), |(
        name in prop::sample::select(names.to_vec()), value in json_value(),
    )| {
        // Any later `exp` and any `iat` will do.
        let free = value.is_u64() && (name == "exp" || name == "iat");
        let claims = with(app_v2(), &json!({ name: value }));
        let verdict = verdict(&server, &token(&claims, "k1", &first()));
        prop_assert!(free || verdict.is_err(), "{}", claims);
    });
}
