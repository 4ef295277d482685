use std::collections::BTreeSet;

use super::*;
use crate::gateway::routes;

/// Whether a description, or what it refers to, names this member.
fn mentions(part: &Value, whole: &Value, member: &str, seen: &mut BTreeSet<String>) -> bool {
    match part {
        Value::Object(members) => members.iter().any(|(name, part)| match part.as_str() {
            Some(target) if name == "$ref" => {
                let pointer = target.trim_start_matches('#');
                seen.insert(pointer.to_owned())
                    && whole.pointer(pointer).is_some_and(|part| mentions(part, whole, member, seen))
            }
            _ => name == member || mentions(part, whole, member, seen),
        }),
        Value::Array(parts) => parts.iter().any(|part| mentions(part, whole, member, seen)),
        _ => false,
    }
}

#[test]
fn a_change_lists_every_route_that_has_what_it_changes() {
    let api = serde_json::to_value(routes::openapi()).unwrap();
    let paths = api["paths"].as_object().unwrap();
    let changed: BTreeSet<&str> = paths
        .iter()
        .filter(|(_, item)| mentions(item, &api, "postalCode", &mut BTreeSet::new()))
        .map(|(path, _)| &**path)
        .collect();
    let listed: BTreeSet<&str> =
        VERSIONS[0].changes.iter().flat_map(|change| change.routes).copied().collect();
    assert_eq!(listed, changed);
}

#[test]
fn versions_are_in_the_order_of_their_days_and_the_newest_changes_nothing() {
    assert!(VERSIONS.is_sorted_by(|one, next| one.date < next.date));
    assert!(VERSIONS.last().unwrap().changes.is_empty());
}

#[test]
fn a_request_is_brought_up_to_date_and_the_answer_back() {
    let mut headers = HeaderMap::new();
    headers.insert(API_VERSION, HeaderValue::from_static("2026-09-01"));
    headers.insert(IF_MATCH, HeaderValue::from_static("\"v3;2026-09-01\", \"v4\""));
    let old = Asked::of(&headers, Some("/v1/carts/{id}")).unwrap().unwrap();

    let mut body = json!({ "shippingAddress": { "zip": "97201" }, "metadata": { "zip": "bag" } });
    old.renew(&mut body);
    assert_eq!(body, json!({ "shippingAddress": { "postalCode": "97201" }, "metadata": { "zip": "bag" } }));
    old.age(&mut body);
    assert_eq!(body, json!({ "shippingAddress": { "zip": "97201" }, "metadata": { "zip": "bag" } }));
    old.unmark(&mut headers);
    assert_eq!(headers.get(IF_MATCH).unwrap(), "\"v3\", \"\"");

    let mut both = json!({ "billingAddress": { "zip": "1", "postalCode": "2" } });
    old.renew(&mut both);
    assert_eq!(both["billingAddress"]["zip"], "1", "the module refuses it");
}

#[test]
fn a_version_that_nobody_knows_is_refused_with_those_there_are() {
    for (first, second) in [("2026-09-02", None), ("", None), ("2026-09-01", Some("2026-11-01"))] {
        let mut headers = HeaderMap::new();
        headers.append(API_VERSION, HeaderValue::from_static(first));
        if let Some(second) = second {
            headers.append(API_VERSION, HeaderValue::from_static(second));
        }
        let problem = Asked::of(&headers, None).err().unwrap();
        assert_eq!((problem.status().as_u16(), problem.code()), (400, "unknown_version"), "{first}");
    }
    assert!(Asked::of(&HeaderMap::new(), None).unwrap().is_none());
}
