//! Our own payment module, held to its contract as anybody's is.

use lab::conformance::{Line, payments};

use crate::apart::processes;
use crate::placement::SECRET;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn payment_keeps_its_contract() {
    let world = World::open_as(&processes(&["", "user+product+order", "payment"]), "").await;
    let line = Line::new(&format!("http://{}", world.internal(2)), SECRET).unwrap();

    let report = payments(&line, false).await.unwrap();

    let amiss: Vec<_> = report.checks().iter().filter(|check| check.amiss.is_some()).collect();
    assert!(amiss.is_empty() && report.checks().len() > 30, "{amiss:#?}");
    // It asked for payments of orders that there are not.
    world.leave().await;
}
