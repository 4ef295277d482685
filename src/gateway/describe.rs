//! What the gateway adds to the API's description: modules describe only what they do themselves.

use serde_json::json;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{OpenApi, RefOr, Required};

use super::versions::VERSIONS;

/// The description as the world sees it.
pub fn described(mut api: OpenApi) -> OpenApi {
    for item in api.paths.paths.values_mut() {
        if let Some(operation) = item.get.as_mut().filter(|operation| answers_with_json(operation)) {
            operation.parameters.get_or_insert_default().push(fields().into());
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
