//! Ways of shipping and tax rates.

use kernel::Money;

use super::shop::{Shop, shop, usd};
use crate::shipping::{self, ShippingOption};
use crate::tax::{self, TaxRegion};

async fn ships(shop: &Shop, name: &str, price: Money) -> ShippingOption {
    let option =
        ShippingOption { id: shop.clock().id(), name: name.into(), price, created_at: shop.clock().now() };
    shop.write(async |tx| shipping::store::insert(tx, &option).await).await.unwrap();
    option
}

fn rate(shop: &Shop, country: &str, region: Option<&str>) -> TaxRegion {
    TaxRegion {
        id: shop.clock().id(),
        country: country.into(),
        region: region.map(str::to_owned),
        basis_points: 725,
        created_at: shop.clock().now(),
    }
}

async fn taxes(shop: &Shop, tax: &TaxRegion) -> bool {
    shop.write(async |tx| tax::store::insert(tx, tax).await).await.unwrap()
}

#[tokio::test]
async fn ways_of_shipping_are_listed_cheapest_first_within_a_currency() {
    let shop = shop().await;
    let dear = ships(&shop, "Express", Money::new(1500, usd())).await;
    let cheap = ships(&shop, "Standard", Money::new(500, usd())).await;
    let euro = ships(&shop, "Standard", Money::new(900, "EUR".parse().unwrap())).await;

    assert_eq!(shipping::store::list(&shop).await.unwrap(), [euro, cheap, dear]);
}

#[tokio::test]
async fn the_same_way_of_shipping_again_changes_nothing() {
    let shop = shop().await;
    let option = ships(&shop, "Standard", Money::new(500, usd())).await;

    let other = ShippingOption { name: "Other".into(), ..option.clone() };
    shop.write(async |tx| shipping::store::insert(tx, &other).await).await.unwrap();

    assert_eq!(shipping::store::list(&shop).await.unwrap(), [option]);
}

#[tokio::test]
async fn a_way_of_shipping_is_taken_away_once() {
    let shop = shop().await;
    let (kept, gone) =
        (ships(&shop, "Kept", Money::new(1, usd())).await, ships(&shop, "Gone", Money::new(2, usd())).await);
    let delete = async || shop.write(async |tx| shipping::store::delete(tx, gone.id).await).await.unwrap();

    assert!(delete().await);
    assert!(!delete().await);
    assert_eq!(shipping::store::list(&shop).await.unwrap(), [kept]);
}

#[tokio::test]
async fn a_region_has_one_rate() {
    let shop = shop().await;
    let (country, region) = (rate(&shop, "US", None), rate(&shop, "US", Some("CA")));
    let germany = rate(&shop, "DE", None);
    for tax in [&region, &country, &germany] {
        assert!(taxes(&shop, tax).await);
        assert!(!taxes(&shop, tax).await, "the same again");
    }

    assert!(!taxes(&shop, &rate(&shop, "US", None)).await);
    assert!(!taxes(&shop, &rate(&shop, "US", Some("CA"))).await);
    assert_eq!(tax::store::list(&shop).await.unwrap(), [germany, country, region]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_rates_for_a_region_one_is_kept() {
    let shop = shop().await;
    let clock = shop.clock().clone();

    let won = shop
        .race(16, move |mut tx| {
            let new = TaxRegion {
                id: clock.id(),
                country: "US".into(),
                region: None,
                basis_points: 725,
                created_at: clock.now(),
            };
            async move {
                let stored = tax::store::insert(&mut tx, &new).await?;
                Ok((tx, stored))
            }
        })
        .await;

    assert_eq!((won, tax::store::list(&shop).await.unwrap().len()), (1, 1));
}

#[tokio::test]
async fn a_rate_that_is_taken_away_makes_room_for_another() {
    let shop = shop().await;
    let old = rate(&shop, "US", None);
    taxes(&shop, &old).await;
    let delete = async || shop.write(async |tx| tax::store::delete(tx, old.id).await).await.unwrap();

    assert!(delete().await);
    assert!(!delete().await);
    assert!(taxes(&shop, &rate(&shop, "US", None)).await);
}
