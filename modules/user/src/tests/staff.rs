use std::time::Duration;

use kernel::PageRequest;

use super::shop::{PASSWORD, name, new_member, role, shop};
use crate::account::AccountStatus::{self, Active, Disabled};
use crate::permission::Permissions;
use crate::staff::service::StaffError;
use crate::staff::{MemberChange, store};

fn holding(keys: &[&str]) -> Permissions {
    Permissions::parse(&keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>()).unwrap()
}

fn to_role(title: &str) -> MemberChange {
    MemberChange { role: Some(role(title)), ..MemberChange::default() }
}

fn to_status(status: AccountStatus) -> MemberChange {
    MemberChange { status: Some(status), ..MemberChange::default() }
}

#[tokio::test]
async fn nobody_takes_on_whom_they_could_not_be() {
    let shop = shop().await;
    let (staff, clerk) = (&shop.module.staff, holding(&["staff:write", "products:read", "stock:read"]));
    let create =
        async |title| staff.create(new_member("kim@example.com", title, Some(PASSWORD)), &clerk).await.err();

    assert!(matches!(create("owner").await, Some(StaffError::NotHeld)));
    assert!(matches!(create("viewer").await, Some(StaffError::NotHeld)));
    assert!(matches!(create("no-such-role").await, Some(StaffError::UnknownRole)));
    shop.module.roles.create(role("shelves"), &["stock:read".to_owned()], &Permissions::all()).await.unwrap();
    assert!(create("shelves").await.is_none());
    assert!(matches!(create("shelves").await, Some(StaffError::EmailTaken)));
}

#[tokio::test]
async fn nobody_touches_those_who_may_do_more() {
    let shop = shop().await;
    let owner = shop.hire("grace@example.com", "owner").await;
    shop.hire("second@example.com", "owner").await;
    let (staff, clerk) = (&shop.module.staff, holding(&["staff:write"]));

    assert!(matches!(staff.update(owner.id, &to_status(Disabled), &clerk).await, Err(StaffError::NotHeld)));
    assert!(matches!(staff.update(owner.id, &to_role("viewer"), &clerk).await, Err(StaffError::NotHeld)));
    assert!(matches!(staff.issue_setup_token(owner.id, &clerk).await, Err(StaffError::NotHeld)));
}

#[tokio::test]
async fn nobody_raises_anybody_above_themselves() {
    let shop = shop().await;
    let (staff, all) = (&shop.module.staff, Permissions::all());
    shop.module.roles.create(role("shelves"), &["stock:read".to_owned()], &all).await.unwrap();
    let kim = shop.hire("kim@example.com", "shelves").await;
    let clerk = holding(&["staff:write", "stock:read"]);

    assert!(matches!(staff.update(kim.id, &to_role("owner"), &clerk).await, Err(StaffError::NotHeld)));
    let change = MemberChange { name: Some(name("Kim")), ..MemberChange::default() };
    assert_eq!(staff.update(kim.id, &change, &clerk).await.unwrap().name, "Kim");
    assert_eq!(staff.update(kim.id, &to_role("viewer"), &all).await.unwrap().role.as_deref(), Some("viewer"));
}

#[tokio::test]
async fn who_is_dismissed_is_out() {
    let shop = shop().await;
    let kim = shop.hire("kim@example.com", "viewer").await;
    let refresh = shop.sign_in("kim@example.com", PASSWORD).await.unwrap().refresh;

    let gone = shop.module.staff.update(kim.id, &to_status(Disabled), &Permissions::all()).await.unwrap();
    assert_eq!(gone.status, Disabled);
    assert!(shop.refresh(&refresh).await.is_err());
    assert!(shop.sign_in("kim@example.com", PASSWORD).await.is_err());
    shop.module.staff.update(kim.id, &to_status(Active), &Permissions::all()).await.unwrap();
    assert!(shop.sign_in("kim@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_shop_keeps_an_owner_who_can_sign_in() {
    let shop = shop().await;
    let (staff, all) = (&shop.module.staff, Permissions::all());
    let owner = shop.hire("grace@example.com", "owner").await;
    // Somebody who has yet to choose a password cannot sign in.
    staff.create(new_member("invited@example.com", "owner", None), &all).await.unwrap();

    for change in [to_status(Disabled), to_role("viewer")] {
        assert!(matches!(staff.update(owner.id, &change, &all).await, Err(StaffError::LastOwner)));
    }
    assert!(staff.update(owner.id, &to_role("owner"), &all).await.is_ok());
    shop.hire("second@example.com", "owner").await;
    assert!(staff.update(owner.id, &to_role("viewer"), &all).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_who_dismiss_each_other_one_stays() {
    let shop = shop().await;
    let (ada, grace) =
        (shop.hire("ada@example.com", "owner").await, shop.hire("grace@example.com", "owner").await);
    let member = store::find(&shop.db, ada.id).await.unwrap().unwrap();

    let mut tx = shop.db.begin().await.unwrap();
    assert_eq!(store::count_other_owners(&mut tx, ada.id).await.unwrap(), 1);
    let staff = shop.module.staff.clone();
    let other = shop
        .db
        .tasks()
        .spawn(async move { staff.update(grace.id, &to_status(Disabled), &Permissions::all()).await });
    // Long enough for the other to look, if it were let.
    tokio::time::sleep(Duration::from_millis(200)).await;
    store::update(&mut tx, &member, &to_status(Disabled), shop.now()).await.unwrap();
    tx.commit().await.unwrap();

    assert!(matches!(other.await.unwrap(), Err(StaffError::LastOwner)));
    assert_eq!(shop.count("SELECT COUNT(*) FROM accounts WHERE status = 'active'").await, 1);
}

#[tokio::test]
async fn staff_are_listed_without_customers() {
    let shop = shop().await;
    let customer = shop.register("ada@example.com").await;
    let kim = shop.hire("kim@example.com", "viewer").await;

    let page = shop.module.staff.list(&PageRequest { after: None, limit: 10 }).await.unwrap();
    assert_eq!((page.data, page.has_more), (vec![kim.clone()], false));
    assert_eq!(shop.module.staff.find(kim.id).await.unwrap(), kim);
    assert!(matches!(shop.module.staff.find(customer.id).await, Err(StaffError::NotFound)));
}
