//! The API describes itself, completely and without help from elsewhere.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::World;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Method and path of every operation of a document.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            if let Some(operation) = item.get(method) {
                operations.push((method.to_owned(), path.clone(), operation.clone()));
            }
        }
    }
    operations
}

/// Method and path of every route, as it stands above its handler in the source.
fn routes() -> BTreeSet<(String, String)> {
    let mut routes = BTreeSet::new();
    let mut folders = vec!["modules".into(), "src".into()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir::<std::path::PathBuf>(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(path).unwrap();
                let scope =
                    source.split_once("scope(\"/").and_then(|(_, rest)| Some(rest.split_once('"')?.0));
                let scope = scope.map(|scope| format!("/{scope}")).unwrap_or_default();
                for line in source.lines() {
                    let Some((method, rest)) =
                        line.strip_prefix("#[").and_then(|line| line.split_once("(\""))
                    else {
                        continue;
                    };
                    let Some(path) = rest.strip_suffix("\")]") else { continue };
                    if METHODS.contains(&method) {
                        let path = format!("{scope}{path}");
                        routes.insert((method.to_owned(), path));
                    }
                }
            }
        }
    }
    routes
}

async fn documents(world: &World) -> [Value; 2] {
    let mut documents = [Value::Null, Value::Null];
    for (document, name) in documents.iter_mut().zip(["store", "admin"]) {
        *document = world.get(&format!("/openapi/{name}.json")).send().await.expect(200);
    }
    documents
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_in_exactly_one_of_two_documents() {
    let world = World::open().await;
    let [store, admin] = documents(&world).await;
    let pairs = |document| operations(document).into_iter().map(|(method, path, _)| (method, path));
    let (storefront, staff): (BTreeSet<_>, BTreeSet<_>) = (pairs(&store).collect(), pairs(&admin).collect());

    assert!(storefront.is_disjoint(&staff));
    assert!(staff.iter().all(|(_, path)| path.starts_with("/v1/admin/")));
    assert!(storefront.iter().all(|(_, path)| path.starts_with("/v1/") && !path.starts_with("/v1/admin")));
    let described: BTreeSet<_> = storefront.union(&staff).cloned().collect();
    let served = routes();
    assert_eq!(described.symmetric_difference(&served).collect::<Vec<_>>(), Vec::<&(String, String)>::new());
    for (method, path) in &described {
        let path = path.replace(['{', '}'], "");
        let method = method.to_uppercase().parse().unwrap();
        let status = world.ask(method, &path).send().await.status;
        assert_ne!(status, 405, "{path}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_what_it_does_and_how_it_refuses() {
    let world = World::open().await;
    for document in documents(&world).await {
        assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
        let mut ids = BTreeSet::new();
        for (method, path, operation) in operations(&document) {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty(), "{method} {path} has no summary");
            let refusal = operation["responses"].as_object().unwrap().values().any(|response| {
                response["content"]["application/problem+json"]["schema"]["$ref"]
                    == "#/components/schemas/Problem"
            });
            assert!(refusal, "{method} {path} does not say how it refuses");
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            println!("{method} {path} {id}");
            ids.insert(id);
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(name).is_some(), "{name} is not described");
        }
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_key_is_required_the_description_says_so() {
    let world = World::open().await;
    let [store, admin] = documents(&world).await;
    for path in [
        "/v1/carts/{id}/complete",
        "/v1/checkout",
        "/v1/admin/stock-levels/adjust",
        "/v1/admin/stock-levels/count",
        "/v1/admin/stock-levels/transfer",
        "/v1/admin/imports",
        "/v1/admin/imports/{id}/confirm",
        "/v1/admin/payment-intents/{id}/capture",
        "/v1/admin/payment-intents/{id}/cancel",
        "/v1/admin/refunds",
    ] {
        let document = if path.starts_with("/v1/admin") { &admin } else { &store };
        let parameters = document["paths"][path]["post"]["parameters"].as_array().unwrap();
        let keys: Vec<_> = parameters.iter().filter(|one| one["name"] == "Idempotency-Key").collect();
        assert_eq!(keys.len(), 1, "{path}: {parameters:?}");
        assert_eq!((&keys[0]["in"], &keys[0]["required"]), (&"header".into(), &true.into()), "{path}");
    }
    world.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_to_try_the_api_needs_nothing_from_elsewhere() {
    let world = World::open().await;
    let page = world.get("/docs/").header("accept", "text/html").send().await;
    assert_eq!(page.status, 200);
    let html = String::from_utf8(page.bytes).unwrap();

    let references: Vec<&str> = ["src=\"", "href=\""]
        .iter()
        .flat_map(|name| html.split(name).skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(!references.is_empty());
    for reference in references {
        assert!(!reference.contains("//"), "{reference} is elsewhere");
        let path = format!("/docs/{}", reference.trim_start_matches("./"));
        assert_eq!(world.get(&path).header("accept", "*/*").send().await.status, 200, "{path}");
    }
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("'self'") && !policy.contains("http"), "{policy}");
    world.close().await;
}
