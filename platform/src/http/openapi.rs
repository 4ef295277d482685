//! The API's description, split into what a storefront needs and what staff need.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem, Paths};
use utoipa::openapi::schema::{Components, Object, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
};

use super::admission::Priority;
use super::problem::{FieldError, Problem};

const BEARER: &str = "bearer";
const KEY: &str = "Idempotency-Key";
/// Of what a key is made, where it is not quoted.
const VISIBLE: &str = r"^[!#-+\-.-~]+$";

/// The two descriptions.
#[derive(Clone)]
pub struct Documents {
    /// What a storefront asks.
    pub store: OpenApi,
    /// What staff ask: everything under `/v1/admin`.
    pub admin: OpenApi,
}

/// Splits what was collected from the handlers, and says once what holds for every operation.
pub fn documents(mut api: OpenApi) -> Documents {
    let mut schemas = api.components.take().unwrap_or_default().schemas;
    schemas.insert(Problem::name().into_owned(), <Problem as utoipa::PartialSchema>::schema());
    schemas.insert(FieldError::name().into_owned(), <FieldError as utoipa::PartialSchema>::schema());

    let (mut store, mut admin) = (Paths::new(), Paths::new());
    for (path, mut item) in api.paths.paths {
        operations(&mut item).for_each(|(changes, operation)| complete(&path, operation, changes));
        let staff = path == "/v1/admin" || path.starts_with("/v1/admin/");
        if staff { &mut admin } else { &mut store }.paths.insert(path, item);
    }
    Documents {
        store: document(
            "Cleave storefront API",
            "What a storefront asks: catalogue, carts, checkout.",
            store,
            &schemas,
        ),
        admin: document("Cleave admin API", "What staff ask: everything the shop keeps.", admin, &schemas),
    }
}

fn document(
    title: &str,
    description: &str,
    paths: Paths,
    schemas: &BTreeMap<String, RefOr<Schema>>,
) -> OpenApi {
    let mut components = Components::new();
    components.schemas = needed(&paths, schemas);
    components.security_schemes.insert(
        BEARER.to_owned(),
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build())
            .into(),
    );
    let info = InfoBuilder::new().title(title).description(Some(description)).version("1").build();
    // The empty requirement says that a token is optional; what a route asks of it stands with the route.
    let security = [SecurityRequirement::default(), SecurityRequirement::new(BEARER, Vec::<String>::new())];
    OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Some(components))
        .security(Some(security))
        .build()
}

/// Each operation of a path, and whether it changes something.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    [
        (false, &mut item.get),
        (true, &mut item.post),
        (true, &mut item.put),
        (true, &mut item.patch),
        (true, &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(changes, operation)| Some((changes, operation.as_mut()?)))
}

fn complete(path: &str, operation: &mut Operation, changes: bool) {
    Priority::of(path, changes, operation).describe(operation);
    operation.responses.responses.entry("default".to_owned()).or_insert_with(|| {
        let mut content = Content::new(Some(Ref::from_schema_name(Problem::name())));
        content.extensions = None;
        ResponseBuilder::new()
            .description("A problem, after RFC 9457")
            .content("application/problem+json", content)
            .build()
            .into()
    });
    for (status, response) in &mut operation.responses.responses {
        // A route says only what a refusal is about; what it comes as is the same everywhere.
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert("application/problem+json".to_owned(), content);
        }
    }
    let parameters = operation.parameters.get_or_insert_default();
    let named = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.name.eq_ignore_ascii_case(KEY),
        RefOr::Ref(_) => false,
    };
    if changes && !parameters.iter().any(named) {
        parameters.push(RefOr::T(idempotency_key()));
    }
}

fn idempotency_key() -> Parameter {
    let schema: Object = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(255))
        .pattern(Some(VISIBLE))
        .build();
    ParameterBuilder::new()
        .name(KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("Makes a repetition of this request safe: it gets the first answer again."))
        .schema(Some(schema))
        .build()
}

/// The schemas that the paths refer to, and those that these refer to.
fn needed(paths: &Paths, schemas: &BTreeMap<String, RefOr<Schema>>) -> BTreeMap<String, RefOr<Schema>> {
    let mut names = BTreeSet::new();
    let mut open = Vec::new();
    collect(&serde_json::to_value(paths).unwrap_or_default(), &mut open);
    while let Some(name) = open.pop() {
        if let Some(schema) = schemas.get(&name)
            && names.insert(name)
        {
            collect(&serde_json::to_value(schema).unwrap_or_default(), &mut open);
        }
    }
    names
        .into_iter()
        .filter_map(|name| schemas.get_key_value(&name))
        .map(|(n, s)| (n.clone(), s.clone()))
        .collect()
}

fn collect(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(target) if key == "$ref" => {
                        names.extend(target.strip_prefix("#/components/schemas/").map(str::to_owned));
                    }
                    _ => collect(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}
