use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use kernel::{Call, Clock, PageRequest};
use tokio::sync::Barrier;
use user_api::{FindAccounts, ListKeys, UsersError};

use super::shop::{PASSWORD, Shop, email, name, password, shop};
use crate::account::AccountStatus;
use crate::account::service::{AccountError, NewCustomer};

async fn events(shop: &Shop) -> Vec<(String, String)> {
    shop.db.query("SELECT type, subject FROM events ORDER BY id").all().await.unwrap()
}

fn new(address: &str) -> NewCustomer {
    NewCustomer { email: email(address), password: password(PASSWORD), name: name("Ada") }
}

#[tokio::test]
async fn who_registers_is_a_customer_and_others_hear_of_it() {
    let shop = shop().await;
    let account = shop.register(" Ada@Example.com ").await;

    assert_eq!(shop.module.accounts.own(account.id).await.unwrap(), account);
    assert_eq!(account.email, "Ada@Example.com");
    assert_eq!(events(&shop).await, [("customer.created".to_owned(), account.id.to_string())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_is_one_account_however_it_is_written() {
    let shop = shop().await;
    let spellings =
        ["zo\u{e9}@example.com", "ZO\u{c9}@EXAMPLE.COM", "Zoe\u{301}@Example.Com", " zo\u{e9}@eXample.com\n"];
    let barrier = Arc::new(Barrier::new(20));
    let tasks = (0..20).map(|turn| {
        let (accounts, barrier) = (shop.module.accounts.clone(), Arc::clone(&barrier));
        shop.db.tasks().spawn(async move {
            barrier.wait().await;
            accounts.register(new(spellings[turn % spellings.len()])).await
        })
    });
    let outcomes: Vec<_> = join_all(tasks).await.into_iter().map(Result::unwrap).collect();

    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let taken = |outcome: &&Result<_, _>| matches!(outcome, Err(AccountError::EmailTaken));
    assert_eq!(outcomes.iter().filter(taken).count(), 19);
    assert_eq!(shop.count("SELECT COUNT(*) FROM accounts").await, 1);
    assert_eq!(events(&shop).await.len(), 1);
}

#[tokio::test]
async fn a_taken_address_costs_what_a_free_one_costs() {
    let shop = shop().await;
    shop.register("ada@example.com").await;
    shop.hire("grace@example.com", "viewer").await;

    for taken in ["ADA@example.com", "grace@EXAMPLE.com"] {
        let refused = shop.module.accounts.register(new(taken)).await;
        assert!(matches!(refused, Err(AccountError::EmailTaken)), "{taken}");
    }
}

#[tokio::test]
async fn a_short_password_is_not_taken() {
    let shop = shop().await;
    let short = NewCustomer { password: password("1234567"), ..new("ada@example.com") };
    assert!(matches!(shop.module.accounts.register(short).await, Err(AccountError::Password(_))));
    assert_eq!(shop.count("SELECT COUNT(*) FROM accounts").await, 0);
}

#[tokio::test]
async fn a_new_name_is_told_of_customers_only() {
    let shop = shop().await;
    let customer = shop.register("ada@example.com").await;
    let clerk = shop.hire("grace@example.com", "viewer").await;

    let renamed = shop.module.accounts.rename(customer.id, &name("Ada King")).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.version), ("Ada King", 2));
    shop.module.accounts.rename(clerk.id, &name("Grace H.")).await.unwrap();
    let kinds: Vec<_> = events(&shop).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["customer.created", "customer.updated"]);
}

#[tokio::test]
async fn a_disabled_account_is_nobodys_own() {
    let shop = shop().await;
    let id = shop.register("ada@example.com").await.id;
    let accounts = &shop.module.accounts;
    accounts.set_customer_status(id, AccountStatus::Disabled).await.unwrap();

    assert!(matches!(accounts.own(id).await, Err(AccountError::Disabled)));
    assert!(matches!(accounts.rename(id, &name("Ada King")).await, Err(AccountError::Disabled)));
    assert!(
        matches!(accounts.own(shop.db.clock().id()).await, Err(AccountError::Disabled)),
        "nor is none at all"
    );
}

#[tokio::test]
async fn customers_are_listed_newest_first_and_without_staff() {
    let shop = shop().await;
    let mut made = Vec::new();
    for number in 0..5 {
        made.insert(0, shop.register(&format!("c{number}@example.com")).await);
    }
    let clerk = shop.hire("clerk@example.com", "viewer").await;
    let list = async |after, limit| {
        shop.module.accounts.customers(None, &PageRequest { after, limit }).await.unwrap()
    };

    let first = list(None, 3).await;
    let rest = list(Some(first.data[2].id.uuid()), 3).await;
    assert_eq!((first.has_more, rest.has_more), (true, false));
    assert_eq!([first.data, rest.data].concat(), made);

    let (address, page) = (email("C2@EXAMPLE.com"), PageRequest { after: None, limit: 3 });
    let one = shop.module.accounts.customers(Some(&address), &page).await.unwrap();
    assert_eq!(one.data, [made[2].clone()]);
    assert!(matches!(shop.module.accounts.customer(clerk.id).await, Err(AccountError::NotFound)));
    let refused = shop.module.accounts.set_customer_status(clerk.id, AccountStatus::Disabled).await;
    assert!(matches!(refused, Err(AccountError::NotFound)), "staff is not dismissed as a customer");
}

#[tokio::test]
async fn other_modules_ask_for_accounts_in_batches_and_for_keys() {
    let shop = shop().await;
    let (ada, grace) =
        (shop.register("ada@example.com").await, shop.hire("grace@example.com", "viewer").await);
    let (users, call) = (shop.module.contract(), Call::by_module("order", Duration::from_secs(5)));
    let clock = Clock::system();

    let ids = vec![ada.id, clock.id(), grace.id];
    let mut found = users.accounts(&call, FindAccounts { ids }).await.unwrap().accounts;
    found.sort_by_key(|account| account.id);
    let found: Vec<_> = found.into_iter().map(|account| (account.id, account.email)).collect();
    assert_eq!(found, [(ada.id, ada.email), (grace.id, grace.email)]);
    assert!(users.accounts(&call, FindAccounts { ids: Vec::new() }).await.unwrap().accounts.is_empty());

    let ids = (0..101).map(|_| clock.id()).collect();
    assert_eq!(users.accounts(&call, FindAccounts { ids }).await, Err(UsersError::TooMany { limit: 100 }));
    assert_eq!(users.keys(&call, ListKeys {}).await.unwrap().keys.len(), 1);
}
