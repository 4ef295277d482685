//! What a purchase costs in statements and commits.

use std::time::Duration;

use platform::db::Counts;

use crate::world::World;

/// Statements of all modules together, without those that begin and end transactions.
const STATEMENTS: u64 = 36;
/// Purchases that are measured, one after another at this pace: each is heard of alone.
const PURCHASES: u32 = 5;
const PACE: Duration = Duration::from_millis(500);
const COMMITS: u64 = 7;

fn counts(world: &World) -> Counts {
    world.databases().map(|db| db.stats().counts()).fold(Counts::default(), |all, one| Counts {
        statements: all.statements + one.statements,
        commits: all.commits + one.commits,
        batches: all.batches + one.batches,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_costs_at_most_thirty_six_statements_and_seven_commits() {
    let world = World::open().await;
    let variant = world.on_sale("CUP", 1000, 100).await;
    let sqlite = world.database("order").is_sqlite();
    world.buy(&variant, 1).await;
    world.eventually("the first sale", async || world.stock(&variant).await["onHand"] == 99).await;
    tokio::time::sleep(Duration::from_millis(700)).await;

    // What runs beside the requests all the time is measured first, over the same time, and taken off. Several purchases
    // are measured, so that what runs but now and then counts for little.
    let before = counts(&world);
    tokio::time::sleep(PURCHASES * PACE).await;
    let idle = counts(&world).statements - before.statements;
    let before = counts(&world);
    let began = tokio::time::Instant::now();
    for number in 1..=PURCHASES {
        world.buy(&variant, 2).await;
        tokio::time::sleep_until(began + number * PACE).await;
    }
    let after = counts(&world);

    let each = |all: u64| all.div_ceil(u64::from(PURCHASES));
    let commits = each(after.commits - before.commits);
    let statements = each((after.statements - before.statements).saturating_sub(idle));
    println!(
        "one purchase: {statements} statements, {commits} commits ({} statements of background taken off)",
        each(idle)
    );
    // On PostgreSQL the sequencers work, too: two statements and a commit for all events of a module that wait.
    let sequenced = if sqlite { 0 } else { 4 };
    assert!(statements <= STATEMENTS + 2 * sequenced, "{statements} statements");
    assert!(commits <= COMMITS + sequenced, "{commits} commits");
    world.close().await;
}
