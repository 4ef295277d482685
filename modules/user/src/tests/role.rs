use super::shop::{role as name, shop};
use crate::permission::{KEYS, Permissions};
use crate::role::service::RoleError;

fn keys(keys: &[&str]) -> Vec<String> {
    keys.iter().map(|&key| key.to_owned()).collect()
}

#[tokio::test]
async fn a_new_shop_has_roles_to_begin_with() {
    let shop = shop().await;

    let roles = shop.module.roles.list().await.unwrap().data;
    let names: Vec<_> = roles.iter().map(|role| role.name.as_str()).collect();
    assert_eq!(names, ["catalog-manager", "finance", "order-clerk", "owner", "viewer"]);
    for role in roles {
        let known = role.permissions.keys().iter().all(|key| KEYS.contains(&key.as_str()));
        assert_eq!(known, !role.built_in, "{role:?}");
        assert_eq!(role.built_in, role.name.as_str() == crate::role::OWNER);
    }
}

#[tokio::test]
async fn a_role_is_the_shops_own_to_change() {
    let shop = shop().await;
    let (roles, all) = (&shop.module.roles, Permissions::all());

    let made = roles.create(name("night-shift"), &keys(&["orders:read"]), &all).await.unwrap();
    assert!(matches!(roles.create(name("night-shift"), &[], &all).await, Err(RoleError::NameTaken)));

    let changed = roles.grant(made.clone(), &keys(&["tax:read"]), &all).await.unwrap();
    assert_eq!(roles.find("night-shift").await.unwrap(), changed);
    assert!(
        matches!(roles.grant(made, &[], &all).await, Err(RoleError::Contended)),
        "a stale change is lost"
    );

    roles.delete("night-shift", &all).await.unwrap();
    assert!(matches!(roles.delete("night-shift", &all).await, Err(RoleError::NotFound)));
}

#[tokio::test]
async fn a_role_that_somebody_has_stays() {
    let shop = shop().await;
    shop.hire("ada@example.com", "viewer").await;

    assert!(matches!(shop.module.roles.delete("viewer", &Permissions::all()).await, Err(RoleError::InUse)));
    assert!(shop.module.roles.delete("finance", &Permissions::all()).await.is_ok());
}
