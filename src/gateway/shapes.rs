//! What requests and answers look like, by the API's own description.

use serde_json::Value;
use utoipa::openapi::OpenApi;

/// The shapes of all routes.
pub struct Shapes {
    routes: Vec<Route>,
    schemas: Value,
}

/// A path of the API.
pub struct Route {
    /// As it is described: `/v1/carts/{id}`.
    pub pattern: String,
    /// What a GET answers with.
    answer: Option<Value>,
}

impl Route {
    /// Whether a GET of it answers with JSON.
    pub fn has_answer(&self) -> bool {
        self.answer.is_some()
    }
}

impl Shapes {
    /// The shapes that this description has.
    pub fn new(api: &OpenApi) -> Self {
        let described = serde_json::to_value(api).unwrap_or_default();
        let paths = described["paths"].as_object().into_iter().flatten();
        let routes = paths.map(|(pattern, item)| Route {
            pattern: pattern.clone(),
            answer: item["get"]["responses"]["200"]["content"]["application/json"].get("schema").cloned(),
        });
        Self { routes: routes.collect(), schemas: described["components"]["schemas"].clone() }
    }

    /// The route that this path leads to: of several the one that leaves the least open.
    pub fn route(&self, path: &str) -> Option<&Route> {
        let fits = |route: &&Route| {
            let (mut there, mut asked) = (route.pattern.split('/'), path.split('/'));
            there.by_ref().zip(asked.by_ref()).all(|(there, asked)| there.starts_with('{') || there == asked)
                && route.pattern.split('/').count() == path.split('/').count()
        };
        self.routes.iter().filter(fits).min_by_key(|route| route.pattern.matches('{').count())
    }

    /// What one thing in a route's answer looks like; for a list, one of the things in it.
    pub fn thing<'a>(&'a self, route: &'a Route) -> Option<&'a Value> {
        let answer = self.resolved(route.answer.as_ref()?);
        match answer["properties"].get("data") {
            Some(data) if data.get("items").is_some() => data.get("items"),
            _ => Some(answer),
        }
    }

    /// Whether a thing of this shape may have a member of this name, which has one of the next name, and so on.
    pub fn has<'n>(&self, shape: &Value, mut names: impl Iterator<Item = &'n str> + Clone) -> bool {
        let shape = self.resolved(shape);
        if let Some(items) = shape.get("items") {
            return self.has(items, names);
        }
        let several = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|key| shape.get(key)?.as_array());
        let mut several = several.flatten();
        let rest = names.clone();
        let Some(name) = names.next() else { return true };
        if let Some(member) = shape["properties"].get(name) {
            return self.has(member, names);
        }
        if several.any(|shape| self.has(shape, rest.clone())) {
            return true;
        }
        // Where anything may stand, nobody can say what does not.
        match shape.get("additionalProperties") {
            Some(Value::Bool(open)) => *open,
            Some(member) => self.has(member, names),
            None => shape.as_object().is_some_and(|shape| shape.keys().all(|key| key == "description")),
        }
    }

    fn resolved<'a>(&'a self, shape: &'a Value) -> &'a Value {
        let name = shape["$ref"].as_str().and_then(|target| target.strip_prefix("#/components/schemas/"));
        match name.and_then(|name| self.schemas.get(name)) {
            Some(named) => self.resolved(named),
            None => shape,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::routes;

    fn has(path: &str, name: &str) -> bool {
        let shapes = Shapes::new(&routes::openapi());
        let route = shapes.route(path).unwrap();
        shapes.has(shapes.thing(route).unwrap(), name.split('.'))
    }

    #[test]
    fn a_path_leads_to_one_route() {
        let shapes = Shapes::new(&routes::openapi());
        let pattern = |path: &str| shapes.route(path).map(|route| route.pattern.as_str());
        assert_eq!(pattern("/v1/carts/cart_1"), Some("/v1/carts/{id}"));
        assert_eq!(pattern("/v1/admin/orders"), Some("/v1/admin/orders"));
        assert_eq!(pattern("/v1/carts/cart_1/nothing/here"), None);
        assert_eq!(pattern("/v1/carts/"), Some("/v1/carts/{id}"));
        assert_eq!(pattern(""), None);
    }

    #[test]
    fn a_member_is_known_by_the_description_of_the_route() {
        for (path, name) in [
            ("/v1/admin/orders", "number"),
            ("/v1/admin/orders", "items.unitPrice.amount"),
            ("/v1/admin/orders/ord_1", "shippingAddress.postalCode"),
            ("/v1/products", "variants.price.amount"),
            ("/v1/admin/payment-intents/pi_1", "attempts.declineCode"),
        ] {
            assert!(has(path, name), "{path} {name}");
        }
        for (path, name) in [
            ("/v1/admin/orders", "tokenHash"),
            ("/v1/admin/orders", "data"),
            ("/v1/admin/orders", "number.digits"),
            ("/v1/admin/orders", "items.cost"),
            ("/v1/account", "passwordHash"),
            ("/v1/products", ""),
        ] {
            assert!(!has(path, name), "{path} {name}");
        }
    }
}
