use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kernel::{Id, Principal};
use tokio::sync::Barrier;
use user_api::AccountId;

use super::shop::{PASSWORD, Shop, email, new_member, password, settings, shop};
use crate::Module;
use crate::account::AccountStatus;
use crate::password::hashing::HashCost;
use crate::permission::Permissions;
use crate::session::service::{SessionError, SignIn, Tokens};
use crate::session::{RefreshToken, Session, SessionRefusal, store};
use crate::tokens::Verifier;

const EMAIL: &str = "ada@example.com";

async fn principal(shop: &Shop, tokens: &Tokens) -> Principal {
    let verifier = Verifier::new(shop.module.keyring.public().await.unwrap());
    verifier.verify(&tokens.access.token, shop.now()).unwrap().principal()
}

async fn signed_in() -> (Shop, AccountId, RefreshToken) {
    let shop = shop().await;
    let account = shop.register(EMAIL).await;
    let tokens = shop.sign_in(EMAIL, PASSWORD).await.unwrap();
    (shop, account.id, tokens.refresh)
}

fn refused(result: Result<Tokens, SessionError>) -> SessionRefusal {
    match result {
        Err(SessionError::Refused(refusal)) => refusal,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the token was taken"),
    }
}

/// Shows all these tokens at the same moment.
async fn at_once(shop: &Shop, tokens: Vec<RefreshToken>) -> Vec<Result<Tokens, SessionError>> {
    let barrier = Arc::new(Barrier::new(tokens.len()));
    let tasks = tokens.into_iter().map(|token| {
        let (sessions, barrier) = (shop.module.sessions.clone(), Arc::clone(&barrier));
        shop.db.tasks().spawn(async move {
            barrier.wait().await;
            sessions.refresh(&token).await
        })
    });
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

async fn live_sessions(shop: &Shop) -> i64 {
    shop.count("SELECT COUNT(*) FROM sessions WHERE revoked_at IS NULL").await
}

#[tokio::test]
async fn customers_and_staff_sign_in_alike() {
    let shop = shop().await;
    let customer = shop.register(EMAIL).await;
    let clerk = shop.hire("clerk@example.com", "catalog-manager").await;

    let tokens = shop.sign_in(" ADA@Example.com", PASSWORD).await.unwrap();
    assert_eq!(principal(&shop, &tokens).await, Principal::Customer { account: customer.id.uuid() });
    let tokens = shop.sign_in("clerk@example.com", PASSWORD).await.unwrap();
    let Principal::Staff { account, permissions } = principal(&shop, &tokens).await else {
        panic!("a clerk is staff")
    };
    assert_eq!(account, clerk.id.uuid());
    assert!(permissions.contains(&"products:write".to_owned()) && !permissions.contains(&"*".to_owned()));
}

#[tokio::test]
async fn an_unknown_address_costs_what_a_wrong_password_costs() {
    let shop = shop().await;
    shop.register(EMAIL).await;
    for (address, typed) in [(EMAIL, "wrong horse"), ("nobody@example.com", PASSWORD)] {
        let before = shop.module.password_checks();
        assert!(matches!(shop.sign_in(address, typed).await, Err(SessionError::InvalidCredentials)));
        assert_eq!(shop.module.password_checks(), before + 1, "{address}");
    }
}

#[tokio::test]
async fn a_member_of_staff_without_a_password_cannot_sign_in() {
    let shop = shop().await;
    let new = new_member(EMAIL, "viewer", None);
    shop.module.staff.create(new, &Permissions::all()).await.unwrap();

    assert!(matches!(shop.sign_in(EMAIL, PASSWORD).await, Err(SessionError::InvalidCredentials)));
}

#[tokio::test]
async fn a_disabled_account_is_told_so_by_whoever_knows_its_password_only() {
    let (shop, account, refresh) = signed_in().await;
    shop.module.accounts.set_customer_status(account, AccountStatus::Disabled).await.unwrap();

    assert!(matches!(shop.sign_in(EMAIL, PASSWORD).await, Err(SessionError::Disabled)));
    assert!(matches!(shop.sign_in(EMAIL, "wrong horse").await, Err(SessionError::InvalidCredentials)));
    assert_eq!(refused(shop.refresh(&refresh).await), SessionRefusal::Invalid);

    shop.module.accounts.set_customer_status(account, AccountStatus::Active).await.unwrap();
    assert_eq!(refused(shop.refresh(&refresh).await), SessionRefusal::Invalid, "old sessions stay ended");
    assert!(shop.sign_in(EMAIL, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn who_is_disabled_while_their_password_is_checked_does_not_get_in() {
    let (shop, account, _) = signed_in().await;
    let now = shop.now();
    let (session, _) =
        Session::begin(Id::from_uuid(shop.db.clock().uuid()), account, 1, None, now, Duration::from_hours(1));

    shop.module.accounts.set_customer_status(account, AccountStatus::Disabled).await.unwrap();
    let mut tx = shop.db.begin().await.unwrap();
    assert!(!store::insert(&mut tx, &session).await.unwrap());
    tx.commit().await.unwrap();
    shop.module.accounts.set_customer_status(account, AccountStatus::Active).await.unwrap();
    let mut tx = shop.db.begin().await.unwrap();
    assert!(!store::insert(&mut tx, &session).await.unwrap(), "the account was another one in between");
}

#[tokio::test]
async fn an_old_hash_is_made_anew_at_the_next_sign_in() {
    let shop = shop().await;
    shop.register(EMAIL).await;
    let hash =
        async || shop.db.query("SELECT password_hash FROM accounts").one::<(String,)>().await.unwrap().0;
    let old = hash().await;

    let dearer = settings(HashCost { memory_kib: 16, iterations: 2, parallelism: 1 });
    let module = Module::new(shop.db.clone(), shop.db.tasks(), &dearer).unwrap();
    let request = |typed| SignIn { email: email(EMAIL), password: password(typed), user_agent: None };
    assert!(module.sessions.sign_in(request("wrong horse")).await.is_err());
    assert_eq!(hash().await, old);

    module.sessions.sign_in(request(PASSWORD)).await.unwrap();
    assert!(hash().await.contains("m=16,t=2,p=1"));
    let upgraded = hash().await;
    module.sessions.sign_in(request(PASSWORD)).await.unwrap();
    assert_eq!(hash().await, upgraded, "once is enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_tabs_and_more_that_ask_at_once_stay_signed_in() {
    let (shop, _, mut token) = signed_in().await;
    for _ in 0..3 {
        shop.wait(600);
        let pairs = at_once(&shop, vec![token.clone(); 64]).await;

        let next: Vec<_> = pairs.into_iter().map(|pair| pair.unwrap().refresh).collect();
        assert!(next.iter().all(|other| *other == next[0]), "all hold the one live token");
        assert!(next[0] != token);
        token = next[0].clone();
    }
    assert_eq!(live_sessions(&shop).await, 1);
    assert_eq!(shop.count("SELECT position FROM sessions").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_never_lives_twice() {
    let (shop, _, stolen) = signed_in().await;
    let owners = shop.refresh(&stolen).await.unwrap().refresh;
    shop.wait(60);
    let thiefs = shop.refresh(&stolen).await.unwrap().refresh;

    let mixed = (0..64).map(|turn| if turn % 2 == 0 { owners.clone() } else { thiefs.clone() }).collect();
    at_once(&shop, mixed).await;
    assert_eq!(live_sessions(&shop).await, 0, "the token that was passed over came back");
    for token in [stolen, owners, thiefs] {
        assert_eq!(refused(shop.refresh(&token).await), SessionRefusal::Reused);
    }
}

#[tokio::test]
async fn a_token_shown_after_its_successor_was_used_ends_the_session() {
    let (shop, _, first) = signed_in().await;
    let second = shop.refresh(&first).await.unwrap().refresh;
    let third = shop.refresh(&second).await.unwrap().refresh;

    assert_eq!(refused(shop.refresh(&first).await), SessionRefusal::Reused);
    assert_eq!(refused(shop.refresh(&third).await), SessionRefusal::Reused);
    assert!(shop.sign_in(EMAIL, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_lost_answer_signs_nobody_out_however_late_it_is_asked_for_again() {
    let (shop, _, first) = signed_in().await;
    shop.refresh(&first).await.unwrap();
    shop.wait(3 * 3600);
    let second = shop.refresh(&first).await.unwrap().refresh;
    shop.wait(600);

    assert!(shop.refresh(&second).await.is_ok());
}

#[tokio::test]
async fn a_session_lives_as_long_as_it_is_used() {
    let (shop, _, mut token) = signed_in().await;
    let day = 24 * 3600;
    for _ in 0..3 {
        shop.wait(29 * day);
        token = shop.refresh(&token).await.unwrap().refresh;
    }
    shop.wait(30 * day);
    assert_eq!(refused(shop.refresh(&token).await), SessionRefusal::Invalid);

    assert_eq!(shop.count("SELECT COUNT(*) FROM sessions").await, 1);
    shop.wait(8 * day);
    while crate::forget(&shop.db).await.unwrap() {}
    assert_eq!(shop.count("SELECT COUNT(*) FROM sessions").await, 0);
}

#[tokio::test]
async fn signing_out_ends_the_session_for_every_token_of_it() {
    let (shop, _, first) = signed_in().await;
    let other = shop.sign_in(EMAIL, PASSWORD).await.unwrap().refresh;
    let second = shop.refresh(&first).await.unwrap().refresh;

    shop.module.sessions.sign_out(&first).await.unwrap();
    shop.module.sessions.sign_out(&first).await.unwrap();
    for token in [&first, &second] {
        assert_eq!(refused(shop.refresh(token).await), SessionRefusal::Invalid);
    }
    let forged = RefreshToken::first(other.session());
    shop.module.sessions.sign_out(&forged).await.unwrap();
    assert!(shop.refresh(&other).await.is_ok(), "only a token of the session ends it");
}

#[tokio::test]
async fn what_a_role_grants_counts_from_the_next_token_on() {
    let shop = shop().await;
    shop.hire(EMAIL, "viewer").await;
    let refresh = shop.sign_in(EMAIL, PASSWORD).await.unwrap().refresh;
    let viewer = shop.module.roles.find("viewer").await.unwrap();

    shop.module.roles.grant(viewer, &["jobs:read".to_owned()], &Permissions::all()).await.unwrap();
    let tokens = shop.refresh(&refresh).await.unwrap();
    assert!(principal(&shop, &tokens).await.may("jobs:read"));
    assert!(!principal(&shop, &tokens).await.may("orders:read"));
}

#[tokio::test]
async fn signing_in_and_staying_so_take_few_statements() {
    let (shop, account, token) = signed_in().await;
    let counted = |before: platform::db::Counts| {
        let after = shop.db.stats().counts();
        (after.statements - before.statements, after.commits - before.commits)
    };

    let before = shop.db.stats().counts();
    shop.sign_in(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(counted(before), (2, 1), "sign in");
    let before = shop.db.stats().counts();
    shop.refresh(&token).await.unwrap();
    assert_eq!(counted(before), (2, 1), "refresh");
    let before = shop.db.stats().counts();
    crate::account::store::find(&shop.db, account).await.unwrap();
    assert_eq!(counted(before), (1, 0), "read the account");
    let before = shop.db.stats().counts();
    shop.register("grace@example.com").await;
    assert_eq!(counted(before), (2, 1), "register");
}
