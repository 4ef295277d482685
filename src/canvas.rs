//! What a module is to others, on one page: made of what the program enforces, so it cannot go out of date.

use std::fmt;

use platform::http::Routes;
use serde::Serialize;
use serde_json::Value;

use crate::declared::{Declared, MODULES};

/// A module on one page, in Markdown when it is displayed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Canvas {
    module: &'static str,
    contract: &'static str,
    methods: Vec<Method>,
    calls: Vec<Call>,
    says: Vec<Said>,
    hears: Vec<Heard>,
    routes: Vec<Route>,
    tables: Vec<&'static str>,
}

/// What others may ask of it.
#[derive(Debug, Serialize)]
struct Method {
    name: String,
    request: String,
    answer: String,
    /// Whether it may be asked again: `read`, `keyed` or `once`.
    retry: String,
    callers: &'static [&'static str],
}

/// What it asks of another.
#[derive(Debug, Serialize)]
struct Call {
    module: &'static str,
    methods: Vec<&'static str>,
}

/// A type of event, and the modules that hear it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(rename = "type")]
    kind: &'static str,
    heard_by: Vec<&'static str>,
}

/// What one of its listeners hears.
#[derive(Debug, Serialize)]
struct Heard {
    listener: &'static str,
    module: &'static str,
    types: &'static [&'static str],
}

/// A place in its API.
#[derive(Debug, Serialize)]
struct Route {
    method: String,
    path: String,
    does: String,
}

impl Canvas {
    /// The canvas of a module.
    pub fn of(module: &Declared) -> Self {
        Self {
            module: module.name,
            contract: module.contract,
            methods: methods(module),
            calls: calls(module.name),
            says: module.events.iter().map(|event| said(module.name, event.name)).collect(),
            hears: module
                .hears
                .iter()
                .map(|hears| Heard { listener: hears.name, module: hears.source, types: hears.types })
                .collect(),
            routes: routes(module),
            tables: module.migrations.iter().flat_map(platform::db::Migration::tables).collect(),
        }
    }
}

fn methods(module: &Declared) -> Vec<Method> {
    let descriptor = (module.descriptor)();
    let described = descriptor["methods"].as_array().cloned().unwrap_or_default();
    let text = |method: &Value, field: &str| method[field].as_str().unwrap_or_default().to_owned();
    let method = |method: &Value| {
        let name = text(method, "name");
        let listed = module.callers.iter().find(|(listed, _)| *listed == name);
        let callers = listed.map_or(&[][..], |(_, callers)| callers);
        let (request, answer) = (text(method, "request"), text(method, "answer"));
        Method { request, answer, retry: text(method, "retry"), callers, name }
    };
    described.iter().map(method).collect()
}

/// The methods of each other module that this caller may call.
fn calls(caller: &str) -> Vec<Call> {
    let calls = MODULES.iter().map(|module| Call { module: module.name, methods: module.called_by(caller) });
    calls.filter(|call| !call.methods.is_empty()).collect()
}

fn said(module: &str, kind: &'static str) -> Said {
    let hears = |other: &&Declared| {
        other.hears.iter().any(|hears| hears.source == module && hears.types.contains(&kind))
    };
    Said { kind, heard_by: MODULES.iter().filter(hears).map(|other| other.name).collect() }
}

fn routes(module: &Declared) -> Vec<Route> {
    let paths = Routes::described(module.routes).paths.paths;
    let described = paths.into_iter().filter_map(|(path, item)| {
        let operations = serde_json::to_value(item).ok()?;
        Some((path, operations.as_object()?.clone()))
    });
    described
        .flat_map(|(path, operations)| {
            operations.into_iter().map(move |(method, operation)| Route {
                method: method.to_uppercase(),
                path: path.clone(),
                does: operation["summary"].as_str().unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

impl fmt::Display for Canvas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { module, contract, .. } = self;
        writeln!(f, "# The {module} module\n\n## What others may ask: `{contract}`\n")?;
        writeln!(f, "| Method | Takes | Gives | May be repeated | Callers |\n|---|---|---|---|---|")?;
        for Method { name, request, answer, retry, callers } in &self.methods {
            writeln!(f, "| `{name}` | {request} | {answer} | {retry} | {} |", callers.join(", "))?;
        }
        writeln!(f, "\n## What it asks of others\n")?;
        for Call { module, methods } in &self.calls {
            writeln!(f, "- {module}: {}", methods.join(", "))?;
        }
        nothing(f, self.calls.is_empty())?;
        writeln!(f, "\n## What it says\n")?;
        for Said { kind, heard_by } in &self.says {
            let heard =
                if heard_by.is_empty() { "nobody in the shop".to_owned() } else { heard_by.join(", ") };
            writeln!(f, "- `{kind}`, heard by {heard}")?;
        }
        writeln!(f, "\n## What it hears\n")?;
        for Heard { listener, module, types } in &self.hears {
            writeln!(f, "- {module}: {} (listener `{listener}`)", types.join(", "))?;
        }
        nothing(f, self.hears.is_empty())?;
        writeln!(f, "\n## Its routes\n\n| Route | Does |\n|---|---|")?;
        for Route { method, path, does } in &self.routes {
            writeln!(f, "| `{method} {path}` | {does} |")?;
        }
        write!(f, "\n## Its tables\n\n{}, and those that every module has.", self.tables.join(", "))
    }
}

fn nothing(f: &mut fmt::Formatter<'_>, is_empty: bool) -> fmt::Result {
    if is_empty { writeln!(f, "Nothing.") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canvas_shows_both_ends_of_every_arrow() {
        let canvases = MODULES.each_ref().map(Canvas::of);
        for canvas in &canvases {
            let other = |name| canvases.iter().find(|other| other.module == name).unwrap();
            for call in &canvas.calls {
                for method in &call.methods {
                    let asked = other(call.module).methods.iter().find(|asked| asked.name == *method);
                    assert!(asked.unwrap().callers.contains(&canvas.module), "{method}");
                }
            }
            for heard in &canvas.hears {
                for kind in heard.types {
                    let said = other(heard.module).says.iter().find(|said| said.kind == *kind);
                    let said = said.unwrap_or_else(|| panic!("nobody says {kind}"));
                    assert!(said.heard_by.contains(&canvas.module), "{kind}");
                }
            }
            for method in &canvas.methods {
                assert!(!method.callers.is_empty(), "{} may be called by everybody", method.name);
            }
            assert!(!canvas.tables.is_empty() && !canvas.routes.is_empty());
        }
    }
}
