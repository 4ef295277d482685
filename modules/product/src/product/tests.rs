use kernel::{Clock, Id, Money};

use super::change::{ProductChange, Recount};
use super::*;
use crate::refusal::Refusal;
use crate::variant::VariantChange;

fn axis(name: &str, values: &[&str]) -> Axis {
    Axis { name: name.into(), values: values.iter().map(|value| (*value).to_owned()).collect() }
}

fn shirt() -> NewProduct {
    NewProduct {
        title: "Shirt".into(),
        options: vec![axis("Colour", &["Blue", "Red"]), axis("Size", &["S", "M"])],
        ..NewProduct::default()
    }
}

fn made(new: NewProduct) -> Result<Product, Refusal> {
    let clock = Clock::system();
    let slug = new.slug.clone().unwrap_or_else(|| slug::derive(&new.title));
    Product::new(clock.id(), slug, new, || clock.id(), Moment::from_micros(1))
}

fn of(sku: &str, options: Chosen) -> NewVariant {
    NewVariant { sku: Some(sku.into()), options, ..NewVariant::default() }
}

fn place_of(new: NewProduct) -> String {
    made(new).unwrap_err().place.to_string()
}

#[test]
fn without_variants_there_is_one_for_each_combination() {
    let product = made(shirt()).unwrap();
    let titles: Vec<_> = product.variants.iter().map(|variant| variant.title.as_str()).collect();
    assert_eq!(titles, ["Blue / S", "Blue / M", "Red / S", "Red / M"]);
    assert_eq!(product.variants[3].options, ["Red", "M"]);
    assert_eq!(product.variants[3].place, 3);
}

#[test]
fn a_product_without_options_is_bought_as_it_is() {
    let product = made(NewProduct { title: "Mug".into(), ..NewProduct::default() }).unwrap();
    assert_eq!(product.variants.len(), 1);
    assert_eq!(product.variants[0].title, "Default");
}

#[test]
fn each_combination_is_there_once() {
    let values = || Chosen::Values(vec!["Red".into(), "M".into()]);
    let new = NewProduct { variants: Some(vec![of("a", values()), of("b", values())]), ..shirt() };
    assert_eq!(place_of(new), "/variants/1/options");
}

#[test]
fn variants_without_options_differ_in_their_title() {
    let titled = |title: &str| NewVariant { title: Some(title.into()), ..NewVariant::default() };
    let new = |titles: [&str; 2]| NewProduct {
        title: "Mug".into(),
        variants: Some(titles.map(titled).into()),
        ..NewProduct::default()
    };
    assert_eq!(made(new(["Small", "Large"])).unwrap().variants.len(), 2);
    assert_eq!(place_of(new(["Small", "Small"])), "/variants/1/title");
}

#[test]
fn variants_can_bring_the_axes_themselves() {
    let sized = |size: &str| Chosen::Named(vec![("Size".into(), size.into())]);
    let new = NewProduct {
        title: "Shirt".into(),
        variants: Some(vec![of("a", sized("S")), of("b", sized("M"))]),
        ..NewProduct::default()
    };
    assert_eq!(made(new).unwrap().options, [axis("Size", &["S", "M"])]);
}

#[test]
fn a_code_is_used_once_within_a_product() {
    let values = |size: &str| Chosen::Values(vec!["Red".into(), size.into()]);
    let new = NewProduct { variants: Some(vec![of("a", values("S")), of("a", values("M"))]), ..shirt() };
    assert_eq!(place_of(new), "/variants/1/sku");
}

#[test]
fn a_price_is_never_negative_and_one_in_each_currency() {
    let usd = |amount| Price { price: Money::new(amount, "USD".parse().unwrap()), compare_at: None };
    let with = |prices: Vec<Price>| NewProduct { title: "Mug".into(), prices, ..NewProduct::default() };
    assert_eq!(place_of(with(vec![usd(-1)])), "/prices/0/amount");
    assert_eq!(place_of(with(vec![usd(1), usd(2)])), "/prices/1/currency");
    assert_eq!(made(with(vec![usd(0)])).unwrap().variants[0].prices, [usd(0)]);
}

#[test]
fn what_cannot_be_shown_is_refused() {
    for (title, place) in [("", "/title"), (" ", "/title"), ("a\0b", "/title"), (&*"x".repeat(201), "/title")]
    {
        assert_eq!(place_of(NewProduct { title: title.into(), slug: Some("a".into()), ..shirt() }), place);
    }
    assert_eq!(place_of(NewProduct { tags: vec!["a".into(), "a".into()], ..shirt() }), "/tags/1");
    assert_eq!(place_of(NewProduct { description: Some("\0".into()), ..shirt() }), "/description");
}

#[test]
fn an_image_shows_a_variant_of_its_own_product() {
    let mut product = made(shirt()).unwrap();
    let show = |variant_id| ProductChange {
        images: Some(vec![Image { url: "https://x/y".into(), alt: None, variant_id: Some(variant_id) }]),
        ..ProductChange::default()
    };
    let own = product.variants[0].id;
    assert_eq!(product.change(show(own), Moment::from_micros(2)), Ok(()));
    let foreign = Id::from_uuid(uuid::Uuid::from_u128(1));
    let refused = product.change(show(foreign), Moment::from_micros(2)).unwrap_err();
    assert_eq!(refused.place.to_string(), "/images/0/variantId");
}

#[test]
fn a_variant_keeps_what_a_change_leaves_out() {
    let mut product = made(shirt()).unwrap();
    let id = product.variants[0].id;
    let change = VariantChange { sku: Some(Some("a".into())), ..VariantChange::default() };
    product.change_variant(id, change, Moment::from_micros(2)).unwrap();
    assert_eq!(product.variants[0].sku.as_deref(), Some("a"));
    assert_eq!(product.variants[0].title, "Blue / S");
    let other = product.variants[1].id;
    let change = VariantChange { sku: Some(Some("a".into())), ..VariantChange::default() };
    let refused = product.change_variant(other, change, Moment::from_micros(2)).unwrap_err();
    assert_eq!(refused.place.to_string(), "/sku");
}

#[test]
fn a_product_handed_in_again_keeps_its_variants() {
    let clock = Clock::system();
    let mut product = made(shirt()).unwrap();
    let known = product.variants[3].id;
    let values = |size: &str| Chosen::Values(vec!["Red".into(), size.into()]);
    let again = NewProduct {
        title: "Better shirt".into(),
        variants: Some(vec![
            NewVariant { stock: Some(7), ..of("red-m", values("M")) },
            of("red-l", values("L")),
        ]),
        ..shirt()
    };

    let recounts = product.take_over(again, || clock.id(), Moment::from_micros(2)).unwrap();

    assert_eq!(product.title, "Better shirt");
    assert_eq!(recounts, [Recount { variant_id: known, on_hand: 7 }]);
    assert_eq!(product.variants.len(), 5);
    assert_eq!((product.variants[3].id, product.variants[3].sku.as_deref()), (known, Some("red-m")));
    assert_eq!(product.options[1].values, ["S", "M", "L"]);
}

#[test]
fn a_product_with_other_axes_is_another_product() {
    let clock = Clock::system();
    let mut product = made(shirt()).unwrap();
    let again = NewProduct { options: vec![axis("Size", &[])], ..shirt() };
    let refused = product.take_over(again, || clock.id(), Moment::from_micros(2)).unwrap_err();
    assert_eq!(refused.fault, Fault::OtherOptions);
}
