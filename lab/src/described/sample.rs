//! A body that an operation can read, made of its description and of the things a shop has.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value, json};

use super::Operation;

/// Makes bodies.
#[derive(Debug, Default)]
pub struct Samples {
    /// An id that exists, by what ids of its kind begin with.
    pub ids: BTreeMap<String, String>,
    /// So that no two things have the same name.
    next: AtomicU64,
}

impl Samples {
    /// A body with the members that are required, or with all there are.
    pub fn body(&self, schema: &Value, all: bool) -> Value {
        self.value(schema, "", all)
    }

    /// A path with the query parameters that may not be left out.
    pub fn asked(&self, operation: &Operation, path: &str) -> String {
        let needed = operation.query.iter().filter(|parameter| parameter.required);
        let values = needed.map(|parameter| {
            let value = self.value(&parameter.schema, &parameter.name, false);
            format!("{}={}", parameter.name, value.as_str().unwrap_or_default())
        });
        let query: Vec<String> = values.collect();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
    }

    fn value(&self, schema: &Value, field: &str, all: bool) -> Value {
        let either = schema["oneOf"].as_array().and_then(|either| either.first());
        let name = schema["x-name"].as_str().unwrap_or_default();
        if let Some(either) = either {
            return self.value(either, field, all);
        }
        if let Some(prefix) = name.strip_prefix("Id_") {
            return json!(self.ids.get(prefix).cloned().unwrap_or_else(|| nobodys(prefix)));
        }
        if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
            return first.clone();
        }
        match kind(schema) {
            "object" => self.object(schema, all),
            "array" => json!([self.value(&schema["items"], field, all)]),
            "integer" | "number" => json!(schema["minimum"].as_i64().unwrap_or(1).max(1)),
            "boolean" => json!(true),
            "string" => self.text(name, field),
            _ => Value::Null,
        }
    }

    fn object(&self, schema: &Value, all: bool) -> Value {
        let required = |field: &str| {
            schema["required"].as_array().is_some_and(|required| required.iter().any(|one| one == field))
        };
        let members = schema["properties"].as_object().into_iter().flatten();
        // A checkout can be read without these and not be carried out.
        let wanted = |field: &str| required(field) || matches!(field, "email" | "shippingAddress");
        let kept = members.filter(|(field, _)| all || wanted(field));
        Value::Object(
            kept.map(|(field, schema)| (field.clone(), self.value(schema, field, all)))
                .collect::<Map<_, _>>(),
        )
    }

    fn text(&self, name: &str, field: &str) -> Value {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match (name, field) {
            ("Currency", _) => json!("USD"),
            ("RoleName", "role") => json!("viewer"),
            (_, "email") => json!(format!("sample-{number}@example.com")),
            (_, "password") => json!("correct horse battery staple"),
            (_, "permissions") => json!("orders:read"),
            (_, "country") => json!("US"),
            (_, "phone") => json!("+15035550100"),
            (_, "region") => json!(format!("R{number}")),
            (_, "provider") => json!("test"),
            (_, "token") => json!("approve"),
            ("RoleName", _) | (_, "slug" | "sku" | "barcode") => json!(format!("sample-{number}")),
            (_, "url" | "image" | "trackingUrl") => json!("https://example.com/a.png"),
            (_, "csv") => json!("Handle,Title\n"),
            _ => json!(format!("Sample {number}")),
        }
    }
}

/// What a description is of.
pub(crate) fn kind(schema: &Value) -> &str {
    let named = schema["type"].as_array().into_iter().flatten().chain([&schema["type"]]);
    named.filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default()
}

/// An id of this kind that is nobody's.
pub(crate) fn nobodys(prefix: &str) -> String {
    format!("{prefix}_{}", "0".repeat(26))
}
