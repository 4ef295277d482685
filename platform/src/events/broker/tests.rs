//! The broker breaks in every way it can, and every event has its effect once and in order.

mod shop;

use std::time::Duration;

use super::{BrokerError, Version};
use shop::{Shop, someone_elses};

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_brings_what_happens_while_nobody_can_read_the_log() {
    let Some(shop) = Shop::open().await else { return };
    shop.hears_through_the_broker().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_heals() {
    let Some(shop) = Shop::open().await else { return };
    shop.hears_through_the_broker().await;

    shop.delete_stream().await;
    shop.say(50).await;

    shop.hears_all().await;
    shop.hears_through_the_broker().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_done_without() {
    let Some(mut shop) = Shop::open().await else { return };
    shop.hears_through_the_broker().await;

    shop.server.stop();
    shop.say(50).await;
    shop.hears_all().await;

    shop.server.go_on();
    shop.hears_through_the_broker().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_has_forgotten_everything_is_told_again() {
    let Some(mut shop) = Shop::open().await else { return };
    shop.say(50).await;
    shop.hears_all().await;

    shop.server.stop();
    shop.server.wipe();
    shop.say(5).await;
    shop.server.go_on();

    shop.hears_all().await;
    shop.hears_through_the_broker().await;
    shop.has_published_all().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_twice_late_or_out_of_order_has_its_effect_once() {
    let Some(shop) = Shop::open().await else { return };
    // A second replica publishes the same log.
    let second = shop.connect().await;
    drop(shop.tasks.spawn(second.publish((*shop.said).clone(), shop.tasks.clone())));
    shop.hears_through_the_broker().await;
    shop.say(40).await;
    shop.hears_all().await;

    let mut events = shop.log().await;
    shop.publish_anew(&events).await;
    events.reverse();
    shop.publish_anew(&events).await;
    shop.say(10).await;

    shop.hears_all().await;
    // Whatever came late may bring nothing else after it.
    tokio::time::sleep(Duration::from_millis(500)).await;
    shop.hears_all().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_write_to_the_broker_cannot_speak_for_the_shop() {
    let Some(shop) = Shop::open().await else { return };
    shop.hears_through_the_broker().await;
    let mut forged = shop.log().await.pop().unwrap();
    forged.position += 1;
    forged.data["number"] = 1_000_000.into();

    let stranger = someone_elses(&shop.server).await;
    shop.publish_as(&stranger, &[forged]).await;
    shop.say(10).await;

    shop.hears_all().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_an_earlier_time_takes_back_what_the_broker_knows() {
    let Some(shop) = Shop::open().await else { return };
    shop.say(5).await;
    shop.has_published_all().await;
    let mut later = shop.log().await.pop().unwrap();
    (later.id, later.position) = (shop.said.clock().uuid(), later.position + 100);
    shop.publish_anew(&[later]).await;

    // The publisher looks when the log was silent for a while.
    shop.has_published_all().await;
    shop.say(5).await;
    shop.hears_all().await;
    shop.has_published_all().await;
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_may_lose_what_it_acknowledged_is_refused() {
    let Some(shop) = Shop::open().await else { return };
    let version = shop.broker.greet(Duration::from_secs(5)).await.unwrap();
    let careful = shop.connect_with(false).await;

    let greeted = careful.greet(Duration::from_secs(5)).await;

    if Version::parse(&version).unwrap() < super::OLDEST {
        let refusal = greeted.unwrap_err().to_string();
        assert!(refusal.contains(&version) && refusal.contains("2.10.23"), "{refusal}");
    } else {
        assert_eq!(greeted.unwrap(), version);
    }
    shop.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_broker_that_is_not_there() {
    let Some(mut shop) = Shop::open().await else { return };
    shop.server.stop();
    let broker = shop.connect().await;
    let greeted = broker.greet(Duration::from_millis(50)).await;
    assert!(matches!(greeted, Err(BrokerError::Away)), "{greeted:?}");
    shop.close().await;
}

#[test]
fn versions_are_compared_as_numbers() {
    let version = |text| Version::parse(text).unwrap();
    assert!(version("2.9.10") < version("2.10.23"));
    assert!(version("2.10.22") < super::OLDEST);
    assert!(version("2.10.23") >= super::OLDEST);
    assert!(version("2.11.0-preview.2") > super::OLDEST);
    assert_eq!(Version::parse("dev"), None);
}
