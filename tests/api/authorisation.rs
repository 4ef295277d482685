//! Everybody at every door: each operation of the shop, asked for by everybody there could be, for what is theirs, what is
//! another's, and what has never been. The table of who may what is the lab's, `lab/src/prove/access/table.rs`.

use std::time::{Duration, Instant};

use lab::api::Api;
use lab::prove::access::{Matrix, Needs, TABLE};
use user::AccountKind;
use user::tokens::Bearer;
use user::tokens::keys::Keyring;

use crate::world::World;

/// How far two clocks may be apart before a token whose time is over is refused.
const LEEWAY: Duration = Duration::from_secs(6);

/// A genuine token of an owner, whose time is over as soon as it is made.
async fn expired(world: &World) -> String {
    let keys = Keyring::new(world.database("user").clone(), "cleave", Duration::ZERO);
    let bearer = Bearer {
        account: kernel::Id::from_uuid(uuid::Uuid::nil()),
        kind: AccountKind::Staff,
        session: kernel::Id::from_uuid(uuid::Uuid::nil()),
        access_version: 1,
        permissions: vec!["*".into()],
    };
    keys.sign(bearer).await.unwrap().token
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_come_in_stays_out_at_every_door() {
    let world = World::open().await;
    let (token, made) = (expired(&world).await, Instant::now());
    let owner = Api::new(format!("http://{}", world.public())).unwrap().with_token(world.owner());
    let late = [("an owner who comes too late".to_owned(), token)];
    let matrix = Matrix::of(&owner, &late).await.unwrap();
    tokio::time::sleep(LEEWAY.saturating_sub(made.elapsed())).await;

    let found = matrix.go_through().await.unwrap();
    println!("{} cells, {} served, nothing there for {:?}", found.cells, found.served, found.without_object);

    assert!(found.unexpected.is_empty(), "{}:\n{}", found.unexpected.len(), found.unexpected.join("\n"));
    assert!(found.cells > 1_500 && found.served > 200, "{} cells, {} served", found.cells, found.served);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_is_wrong_or_missing_is_found() {
    let world = World::open().await;
    let owner = Api::new(format!("http://{}", world.public())).unwrap().with_token(world.owner());
    let matrix = Matrix::of(&owner, &[]).await.unwrap();

    for (operation, needs) in [
        ("GET /v1/admin/orders", Needs::Permission("products:read")),
        ("GET /v1/admin/orders", Needs::Nothing),
        ("GET /v1/products", Needs::Permission("products:read")),
        ("GET /v1/addresses/{id}", Needs::Account),
        ("GET /v1/orders/{id}", Needs::Nothing),
        ("GET /v1/account", Needs::Customer),
    ] {
        let found = matrix.ask(&[(operation, needs)]).await.unwrap();
        assert!(!found.unexpected.is_empty(), "{operation} may be {needs:?} as well");
    }
    assert_eq!(matrix.forgotten(&TABLE[1..]), [format!("{} has no row", TABLE[0].0)]);
    let besides: Vec<_> = TABLE.iter().copied().chain([("GET /v1/secrets", Needs::Nothing)]).collect();
    assert_eq!(matrix.forgotten(&besides), ["GET /v1/secrets is no operation"]);
    world.close().await;
}
