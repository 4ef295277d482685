//! What a running shop says of itself: every operation it has, so that a table over all of them can forget none.

mod sample;

use reqwest::Method;
use serde_json::{Map, Value};

use crate::Failure;
use crate::api::Api;

pub use sample::Samples;
pub(crate) use sample::{kind, nobodys};

/// Deeper than any body is described; a description that goes round in a circle ends here.
const DEEPEST: usize = 16;

/// One method on one path.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: String,
    /// The query parameters it knows.
    pub query: Vec<Parameter>,
    /// What its body looks like, with everything it refers to in place; `x-name` says what that was called.
    pub body: Option<Value>,
}

/// A query parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Whether it may not be left out.
    pub required: bool,
    /// What its value looks like.
    pub schema: Value,
}

impl Operation {
    /// Method and path, as in `GET /v1/products`.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// Every operation of the two documents of a shop.
///
/// # Errors
/// The shop does not show them, or they are no description.
pub async fn operations(shop: &Api) -> Result<Vec<Operation>, Failure> {
    let mut operations = Vec::new();
    for name in ["store", "admin"] {
        let document = shop.get(&format!("/openapi/{name}.json")).await?;
        let paths = document["paths"].as_object().ok_or("the shop describes no paths")?;
        for (path, methods) in paths {
            for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                if let Some(operation) = methods.get(method.as_str().to_lowercase()) {
                    operations.push(read(&document, method, path, operation));
                }
            }
        }
    }
    Ok(operations)
}

fn read(document: &Value, method: Method, path: &str, operation: &Value) -> Operation {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query = parameters
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| Parameter {
            name: parameter["name"].as_str().unwrap_or_default().to_owned(),
            required: parameter["required"] == true,
            schema: in_place(document, &parameter["schema"], 0),
        })
        .collect();
    let body = operation.pointer("/requestBody/content/application~1json/schema");
    let body = body.map(|schema| in_place(document, schema, 0));
    Operation { method, path: path.to_owned(), query, body }
}

/// The same description with what it refers to in place of the references.
fn in_place(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    match schema {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let name = reference.rsplit('/').next().unwrap_or_default();
                let mut found = in_place(document, &document["components"]["schemas"][name], depth + 1);
                found["x-name"] = Value::from(name);
                return found;
            }
            let replaced =
                members.iter().map(|(key, value)| (key.clone(), in_place(document, value, depth + 1)));
            Value::Object(replaced.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| in_place(document, item, depth + 1)).collect(),
        other => other.clone(),
    }
}
