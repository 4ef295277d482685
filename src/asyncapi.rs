//! Everything that is said, as an AsyncAPI 3.0 document: made of the types themselves, so that it cannot lie.

use kernel::Event;
use kernel::contract::Schemas;
use serde_json::{Map, Value, json};

use crate::declared::MODULES;

/// A document whose channels are the broker's subjects under `prefix`. The same messages stand in the feed.
pub fn document(prefix: &str) -> Value {
    let mut schemas = Schemas::default();
    let envelope = schemas.add::<Event>();
    let (mut channels, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for module in MODULES {
        for said in module.events {
            let name = said.name;
            let data = (said.describe)(&mut schemas);
            channels.insert(
                name.to_owned(),
                json!({
                    "address": format!("{prefix}.{}.{name}", module.name),
                    "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
                }),
            );
            operations.insert(
                name.to_owned(),
                json!({ "action": "send", "channel": { "$ref": format!("#/channels/{name}") } }),
            );
            messages.insert(name.to_owned(), message(module.name, name, &envelope, &data));
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Cleave events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the modules say, as CloudEvents. Events of one source come in the order of their \
                            position, which has no gaps; one that comes twice has the same id.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas.into_value() },
    })
}

/// An event of this type: the envelope of all, with what is particular to it.
fn message(module: &str, name: &str, envelope: &str, data: &str) -> Value {
    json!({
        "name": name,
        "contentType": "application/cloudevents+json",
        "payload": {
            "allOf": [
                { "$ref": format!("#/components/schemas/{envelope}") },
                {
                    "type": "object",
                    "properties": {
                        "type": { "const": name },
                        "source": { "const": format!("/{module}") },
                        "data": { "$ref": format!("#/components/schemas/{data}") },
                    },
                },
            ],
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The types as they stand in the sources of the modules' api crates: `"order.created"`, and not `"orders.v1"`.
    fn said() -> BTreeSet<String> {
        let mut said = BTreeSet::new();
        for module in MODULES {
            let path = format!("{}/modules/{}/api/src/lib.rs", env!("CARGO_MANIFEST_DIR"), module.name);
            let source = std::fs::read_to_string(path).unwrap();
            let types = source.split('"').skip(1).step_by(2).filter(|text| {
                text.split_once('.').is_some_and(|(thing, what)| {
                    let is_word = |word: &str| word.chars().all(char::is_alphabetic) && !word.is_empty();
                    is_word(thing) && is_word(what)
                })
            });
            said.extend(types.map(str::to_owned));
        }
        said
    }

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(target) if name == "$ref" => found.push(target.clone()),
                        _ => references(member, found),
                    }
                }
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_type_of_event_is_described() {
        let document = document("cleave.shop");
        let described: BTreeSet<String> =
            document["components"]["messages"].as_object().unwrap().keys().cloned().collect();
        assert!(described.len() > 15, "{described:?}");
        assert_eq!(described, said());
        let page = include_str!("../docs/events.md");
        for name in described {
            assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/events.md");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document("cleave.shop");
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 40);
        for target in found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target}");
        }
    }

    #[test]
    fn a_message_is_an_envelope_with_data_of_its_type() {
        let document = document("tea");
        assert_eq!(document["channels"]["order.placed"]["address"], "tea.order.order.placed");
        let payload = &document["components"]["messages"]["order.placed"]["payload"]["allOf"];
        assert_eq!(payload[0]["$ref"], "#/components/schemas/Event");
        assert_eq!(payload[1]["properties"]["data"]["$ref"], "#/components/schemas/OrderPlaced");
        let envelope = &document["components"]["schemas"]["Event"]["properties"];
        for attribute in ["specversion", "id", "source", "type", "subject", "time", "data", "position"] {
            assert!(envelope.get(attribute).is_some(), "{attribute} is missing in {envelope}");
        }
    }
}
