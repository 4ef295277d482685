//! What there is to ask for at an operation, and what there has never been.

use super::table::Needs;
use crate::described::{Operation, nobodys};
use crate::prove::stocked::Stocked;

/// What a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::prove) enum Whose {
    /// Nothing: the path has no parameter.
    Nobodys,
    /// What everybody may see who may come here at all.
    Shops,
    /// What belongs to the customer.
    Adas,
    /// What belongs to the guest.
    Guests,
    /// Something that is there and not for sale.
    Hidden,
    /// What has never been.
    Unknown,
}

/// What there is to ask for, each with the path that names it.
pub(in crate::prove) fn objects(shop: &Stocked, operation: &Operation, needs: Needs) -> Vec<(Whose, String)> {
    let path = operation.path.as_str();
    if !path.contains('{') {
        return vec![(Whose::Nobodys, path.to_owned())];
    }
    let (ada, guest) = (&shop.ada.goods, &shop.guest);
    let named = |id: &str, item: &str| {
        let path = path.replace("{itemId}", item);
        ["{id}", "{name}", "{provider}", "{charge}"].iter().fold(path, |path, name| path.replace(name, id))
    };
    let collection = path.trim_start_matches("/v1/").trim_start_matches("admin/");
    let collection = collection.split('/').next().unwrap_or_default();
    let known = shop.seen.get(collection);
    let mut objects = match (needs, collection) {
        (Needs::Owner, "orders") => {
            vec![(Whose::Adas, named(&ada.order, "")), (Whose::Guests, named(&guest.order, ""))]
        }
        (Needs::Owner, _) => {
            vec![(Whose::Adas, named(&ada.cart, &ada.item)), (Whose::Guests, named(&guest.cart, &guest.item))]
        }
        (Needs::Customer, _) => vec![(Whose::Adas, named(&ada.address, ""))],
        (_, "webhooks") if path.contains("{charge}") => return vec![(Whose::Shops, named("none", ""))],
        (_, "webhooks") => vec![(Whose::Shops, named("test", ""))],
        _ => known.map(|id| (Whose::Shops, named(id, ""))).into_iter().collect(),
    };
    if needs == Needs::Nothing && collection == "products" {
        objects.push((Whose::Hidden, named(&shop.draft, "")));
    }
    let like = objects.first().map_or("whe", |(_, path)| prefix(path));
    let unknown = if path.contains("{id}") { nobodys(like) } else { "no-such-thing".to_owned() };
    objects.push((Whose::Unknown, named(&unknown, &nobodys("item"))));
    objects
}

/// What the ids of the first thing that a path names begin with.
fn prefix(path: &str) -> &str {
    let segments = path.split('/');
    segments
        .filter_map(|segment| segment.split_once('_'))
        .map(|(prefix, _)| prefix)
        .next()
        .unwrap_or_default()
}
