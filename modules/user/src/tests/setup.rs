use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::Barrier;

use super::shop::{PASSWORD, Shop, email, name, new_member, password, shop};
use crate::permission::Permissions;
use crate::setup::service::{Chosen, FirstOwner, SetupError};
use crate::setup::{LIFETIME, SetupToken};

fn owner(address: &str) -> Chosen {
    Chosen { password: password(PASSWORD), owner: Some((email(address), name("Grace"))) }
}

fn member() -> Chosen {
    Chosen { password: password("another good one"), owner: None }
}

async fn token(shop: &Shop) -> SetupToken {
    match shop.module.first_owner().await.unwrap() {
        Some(FirstOwner::With(token)) => token,
        Some(FirstOwner::Shown { until }) => panic!("there is one until {until}"),
        None => panic!("there is staff"),
    }
}

#[tokio::test]
async fn a_new_shop_has_no_way_in_but_its_set_up_token() {
    let shop = shop().await;
    assert_eq!(shop.count("SELECT COUNT(*) FROM accounts").await, 0);

    let made = shop.module.setup.complete(&token(&shop).await, owner("grace@example.com")).await.unwrap();
    assert_eq!(made.role.as_deref(), Some("owner"));
    assert!(shop.sign_in("grace@example.com", PASSWORD).await.is_ok());
    assert!(shop.module.first_owner().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_with_one_token_one_becomes_the_owner() {
    let shop = shop().await;
    let token = token(&shop).await;
    let barrier = Arc::new(Barrier::new(20));
    let tasks = (0..20).map(|number| {
        let (setup, token, barrier) = (shop.module.setup.clone(), token.clone(), Arc::clone(&barrier));
        shop.db.tasks().spawn(async move {
            barrier.wait().await;
            setup.complete(&token, owner(&format!("grace{number}@example.com"))).await
        })
    });
    let outcomes: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let late = |outcome: &&Result<_, _>| matches!(outcome, Err(SetupError::InvalidToken));
    assert_eq!(outcomes.iter().filter(late).count(), 19);
    assert_eq!(shop.count("SELECT COUNT(*) FROM accounts WHERE kind = 'staff'").await, 1);
}

#[tokio::test]
async fn a_token_is_made_once_and_good_once_for_a_day() {
    let shop = shop().await;
    let refused = async |token: &SetupToken| {
        matches!(
            shop.module.setup.complete(token, owner("grace@example.com")).await,
            Err(SetupError::InvalidToken)
        )
    };
    let expired = token(&shop).await;
    let second = shop.module.first_owner().await.unwrap();
    assert!(matches!(second, Some(FirstOwner::Shown { .. })), "another start does not take its place");
    shop.wait(24 * 3600);
    assert!(refused(&expired).await);
    for unknown in ["", "a", &"a".repeat(255)] {
        assert!(refused(&SetupToken::shown(unknown.to_owned())).await);
    }

    let good = token(&shop).await;
    assert!(!refused(&good).await);
    assert!(refused(&good).await, "it was used");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_eight_with_a_token_each_one_becomes_the_owner() {
    let shop = shop().await;
    // As replicas may leave it that start in the same moment.
    let tokens: Vec<SetupToken> = (0..8).map(|_| SetupToken::new()).collect();
    let now = shop.db.clock().now();
    for token in &tokens {
        let mut tx = shop.db.begin().await.unwrap();
        tx.query("INSERT INTO setup_tokens (token_hash, created_at, expires_at) VALUES ($1, $2, $3)")
            .bind(token.hash())
            .bind(now)
            .bind(now.plus(LIFETIME))
            .run()
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let complete = |at: usize| {
        let address = format!("grace{at}@example.com");
        let (setup, token) = (&shop.module.setup, &tokens[at]);
        async move { setup.complete(token, owner(&address)).await }
    };

    let outcomes = join_all((0..8).map(complete)).await;

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(shop.count("SELECT COUNT(*) FROM accounts WHERE kind = 'staff'").await, 1);
}

#[tokio::test]
async fn a_token_for_the_first_owner_is_worth_nothing_beside_staff() {
    let shop = shop().await;
    let token = token(&shop).await;
    shop.hire("grace@example.com", "owner").await;

    let refused = shop.module.setup.complete(&token, owner("mallory@example.com")).await;
    assert!(matches!(refused, Err(SetupError::InvalidToken)));
}

#[tokio::test]
async fn what_goes_wrong_does_not_use_the_token_up() {
    let shop = shop().await;
    shop.register("ada@example.com").await;
    let token = token(&shop).await;
    let complete = async |chosen| shop.module.setup.complete(&token, chosen).await;

    assert!(matches!(complete(owner("ADA@example.com")).await, Err(SetupError::EmailTaken)));
    assert!(matches!(complete(member()).await, Err(SetupError::OwnerUnknown)));
    let short = Chosen { password: password("short"), ..owner("grace@example.com") };
    assert!(matches!(complete(short).await, Err(SetupError::Password(_))));
    assert!(complete(owner("grace@example.com")).await.is_ok());
}

#[tokio::test]
async fn who_joins_without_a_password_chooses_one() {
    let shop = shop().await;
    let all = Permissions::all();
    let (account, token) =
        shop.module.staff.create(new_member("kim@example.com", "viewer", None), &all).await.unwrap();
    let token = token.unwrap();
    let complete = async |token: &SetupToken, chosen| shop.module.setup.complete(token, chosen).await;

    assert!(matches!(complete(&token, owner("kim@example.com")).await, Err(SetupError::OwnerKnown)));
    assert_eq!(complete(&token, member()).await.unwrap().id, account.id);
    assert!(matches!(complete(&token, member()).await, Err(SetupError::InvalidToken)));
    let refresh = shop.sign_in("kim@example.com", "another good one").await.unwrap().refresh;

    let (lost, _) = shop.module.staff.issue_setup_token(account.id, &all).await.unwrap();
    let (token, _) = shop.module.staff.issue_setup_token(account.id, &all).await.unwrap();
    assert!(shop.refresh(&refresh).await.is_ok(), "nothing changes before it is used");
    assert!(matches!(complete(&lost, member()).await, Err(SetupError::InvalidToken)));
    complete(&token, member()).await.unwrap();
    assert!(shop.refresh(&refresh).await.is_err(), "a new password ends the sessions of the old one");
}
