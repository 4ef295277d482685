//! The places in a body: each of its fields, and each object that could be given another one.

use serde_json::Value;

use crate::described::kind;

/// A field of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// Where it is.
    pub(super) pointer: String,
    /// What it is, such as `string`; what it can be as well comes after that.
    pub(super) kinds: Vec<String>,
}

impl Field {
    /// What it is.
    pub(super) fn kind(&self) -> &str {
        self.kinds.first().map_or("", String::as_str)
    }

    /// Whether a piece of JSON is of another kind than this, so that it must never be taken for one.
    pub(super) fn is_not(&self, raw: &str) -> bool {
        let is = |kind: &String| match kind.as_str() {
            "string" => raw.starts_with('"'),
            "integer" => raw.parse::<i64>().is_ok(),
            "boolean" => matches!(raw, "true" | "false"),
            "array" => raw.starts_with('['),
            "object" => raw.starts_with('{'),
            _ => true,
        };
        // Nothing at all in a list is an empty list.
        !self.kinds.iter().any(is) && !matches!(raw, "null" | "")
    }
}

/// What a body is made of.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// Its fields, those of what is in it as well.
    pub(super) fields: Vec<Field>,
    /// Its objects, with the names they know.
    pub(super) objects: Vec<(String, Vec<String>)>,
}

impl Places {
    /// The places of a body that has everything its description knows.
    pub(super) fn of(schema: &Value) -> Self {
        let mut places = Self::default();
        places.walk(schema, "", &[]);
        places
    }

    /// `others` is what else may stand there.
    fn walk(&mut self, schema: &Value, pointer: &str, others: &[Value]) {
        if let Some((either, others)) = schema["oneOf"].as_array().and_then(|either| either.split_first()) {
            return self.walk(either, pointer, others);
        }
        if !pointer.is_empty() {
            // `null` alone is of no kind.
            let others = others.iter().map(kind).filter(|kind| !kind.is_empty());
            let kinds = std::iter::once(kind(schema)).chain(others).map(str::to_owned).collect();
            self.fields.push(Field { pointer: pointer.to_owned(), kinds });
        }
        match (kind(schema), schema["properties"].as_object()) {
            ("object", Some(properties)) => {
                self.objects.push((pointer.to_owned(), properties.keys().cloned().collect()));
                for (name, schema) in properties {
                    self.walk(schema, &format!("{pointer}/{name}"), &[]);
                }
            }
            ("array", _) => self.walk(&schema["items"], &format!("{pointer}/0"), &[]),
            _ => {}
        }
    }
}

/// The least that can be read, with that member of the whole besides which holds this place. So nothing else in it is at
/// fault, and a value is looked at by whoever looks last.
pub(super) fn least_with(least: &Value, whole: &Value, pointer: &str) -> Value {
    let mut body = least.clone();
    let member = pointer.split('/').nth(1).unwrap_or_default();
    if let (Some(members), Some(value)) = (body.as_object_mut(), whole.get(member)) {
        members.insert(member.to_owned(), value.clone());
    }
    body
}

/// The same body with something else at this place, as it goes over the wire.
pub(super) fn with(body: &Value, pointer: &str, raw: &str) -> Option<String> {
    const HERE: &str = "\u{1}here";
    let mut body = body.clone();
    *body.pointer_mut(pointer)? = Value::from(HERE);
    Some(body.to_string().replacen(&Value::from(HERE).to_string(), raw, 1))
}

/// The same body with one member more in this object.
pub(super) fn with_member(body: &Value, pointer: &str, name: &str) -> Option<String> {
    let mut body = body.clone();
    body.pointer_mut(pointer)?.as_object_mut()?.insert(name.to_owned(), Value::from("injected"));
    Some(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_field_has_a_place_and_can_be_replaced() {
        let money = json!({ "type": "object", "properties": { "amount": { "type": "integer" } } });
        let schema = json!({ "type": "object", "properties": {
            "name": { "type": ["string", "null"] },
            "prices": { "type": "array", "items": { "oneOf": [money, { "type": "null" }] } },
        }});
        let places = Places::of(&schema);

        let pointers: Vec<_> =
            places.fields.iter().map(|field| (field.pointer.as_str(), field.kind())).collect();
        assert_eq!(
            pointers,
            [
                ("/name", "string"),
                ("/prices", "array"),
                ("/prices/0", "object"),
                ("/prices/0/amount", "integer")
            ]
        );
        assert_eq!(places.objects.len(), 2);
        let either = json!({ "properties": { "options": { "oneOf": [
            { "type": "object" }, { "type": "array", "items": { "type": "string" } },
        ]}}, "type": "object" });
        assert!(places.fields[2].is_not("[]"), "what may be null is no list for that");
        let options = &Places::of(&either).fields[0];
        assert!(!options.is_not("[]") && !options.is_not("{}") && options.is_not("1"));
        let body = json!({ "name": "Cup", "prices": [{ "amount": 1 }] });
        let replaced = with(&body, "/prices/0/amount", "1e999").unwrap_or_default();
        assert_eq!(replaced, r#"{"name":"Cup","prices":[{"amount":1e999}]}"#);
        assert_eq!(with(&body, "/nowhere", "1"), None);
        let least = least_with(&json!({ "slug": "cup" }), &body, "/prices/0/amount");
        assert_eq!(least, json!({ "slug": "cup", "prices": [{ "amount": 1 }] }));
        let more = with_member(&body, "/prices/0", "total").unwrap_or_default();
        assert_eq!(more, r#"{"name":"Cup","prices":[{"amount":1,"total":"injected"}]}"#);
    }
}
