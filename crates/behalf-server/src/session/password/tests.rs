use std::sync::Arc;

use behalf_core::{
    id::{ObjectId, TenantId},
    time::Timestamp,
    user::{NewPassword, PasswordHash, PresentedPassword, User, UserPrincipalName},
};

use futures_util::FutureExt;

use super::{hash::Phc, *};
use crate::entropy::SeededEntropy;

/// Cheap, so that the tests are about order and not about cost.
const CHEAP: Parameters = Parameters { memory: 16, passes: 1 };

fn new(text: &str) -> NewPassword {
    let name = UserPrincipalName::parse("bob@acme.test").unwrap();
    NewPassword::chosen(text.to_owned(), &name).unwrap()
}

fn presented(text: &str) -> PresentedPassword {
    PresentedPassword::new(text.to_owned()).unwrap()
}

fn bob(password: Option<PasswordHash>) -> User {
    let name = UserPrincipalName::parse("bob@acme.test").unwrap();
    User { password, ..User::new(ObjectId::NIL, TenantId::NIL, name, Timestamp(0)) }
}

fn passwords(options: Options) -> Passwords {
    Passwords::start(options, &SeededEntropy::new(1)).unwrap()
}

fn cheap() -> Options {
    Options { parameters: CHEAP, ..Options::default() }
}

#[test]
fn the_hash_is_argon2id_as_others_compute_it() {
    // As the reference implementation makes it: argon2 SALT -id -t 2 -k 19456 -p 1.
    let salt = *b"somesaltsomesalt";
    let made = hash(&new("correct horse"), salt, Parameters::default()).unwrap();
    assert_eq!(made.0, REFERENCE);
}

const REFERENCE: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$k9ohroejZy1PN5E1SbHNPug6vB8eQAahb5SOAp6iGF4";

#[test]
fn only_what_we_could_have_written_is_read() {
    let good = hash(&new("correct horse"), [7; 16], CHEAP).unwrap().0;
    assert!(Phc::parse(&good).is_some());
    for bad in [
        good.replace("argon2id", "argon2i"),
        good.replace("v=19", "v=16"),
        good.replace("m=16", "m=4194304"),
        good.replace("t=1", "t=1000"),
        good.replace("p=1", "p=2"),
        good.replace("m=16,", ""),
        good.replace("m=16", "m=-16"),
        format!("{good}$"),
        good[..good.len() - 1].to_owned(),
        String::new(),
    ] {
        assert!(Phc::parse(&bad).is_none(), "{bad}");
    }
}

#[tokio::test]
async fn the_right_password_proves_the_user_and_nothing_else_does() {
    let passwords = passwords(cheap());
    let user = bob(hash(&new("correct horse"), [7; 16], CHEAP));
    let check = async |user: Option<&User>, text: &str| {
        passwords.check(user, &presented(text)).await.unwrap()
    };
    let proof = check(Some(&user), "correct horse").await.unwrap();
    assert_eq!((proof.user(), proof.is_outdated()), (user.id, false));
    assert_eq!(Some(proof.hash()), user.password.as_ref());
    for wrong in ["Correct horse", "correct horse ", "correct hors", "x"] {
        assert_eq!(check(Some(&user), wrong).await.unwrap_err(), WrongPassword, "{wrong}");
    }
    assert_eq!(check(Some(&bob(None)), "correct horse").await.unwrap_err(), WrongPassword);
    assert_eq!(check(None, "correct horse").await.unwrap_err(), WrongPassword);
    let damaged = bob(Some(PasswordHash("$argon2id$".into())));
    assert_eq!(check(Some(&damaged), "correct horse").await.unwrap_err(), WrongPassword);
    // Disabled is another question, which only who knows the password is answered.
    let disabled = User { disabled: true, ..user };
    assert!(check(Some(&disabled), "correct horse").await.is_ok());
}

#[tokio::test]
async fn a_hash_of_other_parameters_counts_and_says_so() {
    let passwords = passwords(cheap());
    let other = Parameters { memory: 32, passes: 1 };
    let user = bob(hash(&new("correct horse"), [7; 16], other));
    let proof = passwords.check(Some(&user), &presented("correct horse")).await.unwrap().unwrap();
    assert!(proof.is_outdated());
}

/// Without a thread nobody is done before the last has asked.
fn asked_at_once(queue: usize, callers: usize) -> (Passwords, Vec<Option<Result<bool, Busy>>>) {
    let passwords = passwords(Options { threads: 0, queue, ..cheap() });
    let mut asked: Vec<_> = (0..callers)
        .map(|_| Box::pin(passwords.ask(presented("wrong"), passwords.nobody.clone())))
        .collect();
    let answers = asked.iter_mut().map(FutureExt::now_or_never).collect();
    drop(asked);
    (passwords, answers)
}

#[test]
fn a_flood_is_sent_away_and_those_inside_wait() {
    let (_, answers) = asked_at_once(4, 200);
    assert_eq!(answers.iter().filter(|answer| answer.is_none()).count(), 4);
    assert_eq!(answers.iter().filter(|answer| **answer == Some(Err(Busy))).count(), 196);
}

#[test]
fn callers_that_have_gone_take_no_place() {
    let (passwords, _) = asked_at_once(4, 4);
    let next = passwords.ask(presented("wrong"), passwords.nobody.clone());
    assert_eq!(next.now_or_never(), None, "it waits for a thread");
}

#[tokio::test]
async fn many_at_once_are_each_answered() {
    let passwords = Arc::new(passwords(Options { threads: 2, queue: 200, ..cheap() }));
    let user = Arc::new(bob(hash(&new("correct horse"), [7; 16], CHEAP)));
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (passwords, user) = (Arc::clone(&passwords), Arc::clone(&user));
        let text = if n % 2 == 0 { "correct horse" } else { "wrong" };
        callers.spawn(async move {
            let answer = passwords.check(Some(&user), &presented(text)).await.unwrap();
            answer.is_ok() == (n % 2 == 0)
        });
    }
    assert!(callers.join_all().await.into_iter().all(|as_expected| as_expected));
}
