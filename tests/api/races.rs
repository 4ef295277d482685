//! Everybody at once: what may happen once happens once. The races are the lab's, which runs them longer, on replicas, and
//! with the guards taken out.

use lab::api::Api;
use lab::prove::races::{self, Heat, Track};

use crate::world::World;

/// Runs a race in a shop of its own, as the environment asks for.
async fn run<F>(race: F)
where
    F: AsyncFnOnce(&Track) -> Result<Heat, lab::Failure>,
{
    let world = World::open().await;
    let address = format!("http://{}", world.public());
    let staff = Api::new(address.clone()).unwrap().with_token(world.owner());
    let track = Track::at(&[address], &staff).unwrap();

    let heat = race(&track).await.unwrap();

    assert!(heat.is_sound(), "{:#?} {:#?}", heat.broken, heat.odd);
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_buyers_of_fifty_units_place_fifty_orders() {
    run(async |track| races::buyers(track, 200, 50).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_completions_of_one_cart_place_one_order() {
    run(async |track| races::completions(track, "approve").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_refunds_of_sixty_percent_give_money_back_once() {
    run(async |track| races::refunds(track).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_is_captured_and_canceled_at_once_is_one_of_both() {
    run(async |track| races::capture_or_cancel(track).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_times_the_same_key_have_one_effect_and_identical_answers() {
    run(async |track| races::duplicates(track).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_is_adjusted_by_many_adds_up() {
    run(async |track| races::adjustments(track).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_with_twenty_tabs_stays_signed_in_and_a_thief_signs_everybody_out() {
    run(async |track| races::tabs(track).await).await;
    run(async |track| races::thief(track).await).await;
}
