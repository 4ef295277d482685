//! Whatever the shop describes is given what nobody means. The lab makes it of the description and does all of it in
//! `cargo xtask prove input`; here is one in a few.

use lab::api::Api;
use lab::prove::input::Attack;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn no_body_takes_a_name_it_does_not_have_and_no_field_what_nobody_means() {
    let world = World::open().await;
    let owner = Api::new(format!("http://{}", world.public())).unwrap().with_token(world.owner());
    let attack = Attack::on(&owner, 25).await.unwrap();

    let (injected, confused) = (attack.inject().await.unwrap(), attack.confuse().await.unwrap());
    println!("{} names, {} values, {} fair", injected.sent, confused.sent, confused.accepted);

    assert!(injected.failures.is_empty(), "{}", injected.failures.join("\n"));
    assert!(confused.failures.is_empty(), "{}", confused.failures.join("\n"));
    // Had all of them been refused for another reason, nothing would have been tried.
    assert!(
        injected.sent > 1_500 && confused.sent > 800 && confused.accepted > 30,
        "{injected:?} {confused:?}"
    );
    world.close().await;
}
