//! What the gateway adds to the API's description: modules describe only what they do themselves.

use serde_json::json;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, RefOr, Required};

use super::expand::OFFERS;
use super::versions::VERSIONS;

/// The description as the world sees it.
pub fn described(mut api: OpenApi) -> OpenApi {
    for (path, item) in &mut api.paths.paths {
        if let Some(operation) = item.get.as_mut().filter(|operation| answers_with_json(operation)) {
            let parameters = operation.parameters.get_or_insert_default();
            parameters.push(fields().into());
            parameters.extend(expand(path).map(Into::into));
        }
        for operation in operations(item) {
            operation.parameters.get_or_insert_default().push(version().into());
        }
    }
    api
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

fn answers_with_json(operation: &Operation) -> bool {
    match operation.responses.responses.get("200") {
        Some(RefOr::T(response)) => response.content.contains_key("application/json"),
        _ => false,
    }
}

fn fields() -> Parameter {
    let description = "The members to keep, with commas between them and dots for members of members; of a list, the \
                       members of each item.";
    let schema = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).build();
    parameter("fields", ParameterIn::Query, description, schema)
}

/// What a route offers to show of other modules, if it does.
fn expand(path: &str) -> Option<Parameter> {
    let offers: Vec<_> = OFFERS.iter().filter(|offer| offer.routes.contains(&path)).collect();
    let first = offers.first()?;
    let names: Vec<_> = offers
        .iter()
        .map(|offer| format!("`{}` (with the permission {})", offer.name, offer.permission))
        .collect();
    let description =
        format!("Things of other modules to show, with commas between them: {}.", names.join(", "));
    let schema = ObjectBuilder::new().schema_type(Type::String).examples([json!(first.name)]).build();
    Some(parameter("expand", ParameterIn::Query, &description, schema))
}

fn version() -> Parameter {
    let dates = VERSIONS.iter().map(|version| json!(version.date));
    let schema: Object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(dates)).build();
    parameter(
        "Api-Version",
        ParameterIn::Header,
        "The version the client was written for; the newest when left out.",
        schema,
    )
}

fn parameter(name: &str, place: ParameterIn, description: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}
