use std::time::Duration;

use user_api::{ListRevoked, Revoked};

use super::shop::{PASSWORD, Shop, shop};
use crate::account::AccountStatus;
use crate::permission::Permissions;
use crate::role::RoleName;
use crate::staff::MemberChange;

async fn revoked(shop: &Shop, since: Option<kernel::Moment>) -> Revoked {
    shop.module.revocations.list(ListRevoked { since }).await.unwrap()
}

fn change(role: Option<&str>, status: Option<AccountStatus>) -> MemberChange {
    MemberChange { name: None, role: role.map(|name| RoleName::try_from(name.to_owned()).unwrap()), status }
}

#[tokio::test]
async fn a_session_that_was_signed_out_is_told_for_as_long_as_its_tokens_are_good() {
    let shop = shop().await;
    shop.register("ada@example.com").await;
    let tokens = shop.sign_in("ada@example.com", PASSWORD).await.unwrap();
    assert_eq!(revoked(&shop, None).await.sessions, []);

    shop.module.sessions.sign_out(&tokens.refresh).await.unwrap();

    let told = revoked(&shop, None).await;
    assert_eq!((told.sessions[0].id, told.sessions[0].at), (tokens.refresh.session(), shop.now()));
    assert!(!told.more && Duration::from_secs(told.remember_seconds.into()) > Duration::from_mins(10));
    shop.wait(30);
    let later = revoked(&shop, Some(told.next)).await;
    assert_eq!(later.sessions.len(), 1, "it stands at the edge, and may be told twice");
    assert_eq!(revoked(&shop, Some(later.next)).await.sessions, []);
    shop.wait(11 * 60);
    assert_eq!(revoked(&shop, None).await.sessions, []);
}

#[tokio::test]
async fn every_change_of_what_an_account_may_do_is_told_and_no_other() {
    let shop = shop().await;
    let (kim, owner) = (shop.hire("kim@example.com", "viewer").await, Permissions::all());
    let version = async || {
        let told = revoked(&shop, None).await.accounts;
        told.iter().find(|account| account.id == kim.id).map_or(1, |account| account.access_version)
    };
    let staff = &shop.module.staff;
    staff.update(kim.id, &change(Some("viewer"), Some(AccountStatus::Active)), &owner).await.unwrap();
    assert_eq!(version().await, 1, "nothing has changed");

    staff.update(kim.id, &change(Some("finance"), None), &owner).await.unwrap();
    assert_eq!(version().await, 2);
    let finance = shop.module.roles.find("finance").await.unwrap();
    shop.module.roles.grant(finance, &["orders:read".to_owned()], &owner).await.unwrap();
    assert_eq!(version().await, 3);
    let viewer = shop.module.roles.find("viewer").await.unwrap();
    shop.module.roles.grant(viewer, &["orders:read".to_owned()], &owner).await.unwrap();
    assert_eq!(version().await, 3, "it is another's role by now");
    staff.update(kim.id, &change(None, Some(AccountStatus::Disabled)), &owner).await.unwrap();
    assert_eq!(version().await, 4);
}
