//! The files, and the four modules as they are numbered in all of them.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// Each module has the ports 8080 and 9080 plus its place here; the gateway has these themselves.
pub(super) const MODULES: [&str; 4] = ["user", "product", "order", "payment"];

pub(super) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[track_caller]
pub(super) fn text(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
pub(super) fn yaml(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The documents of a file, with `---` between them.
#[track_caller]
pub(super) fn documents(name: &str) -> Vec<Value> {
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// The files in this folder that end so.
pub(super) fn files(folder: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.filter_map(|name| name.into_string().ok());
    names
        .filter(|name| name.ends_with(&format!(".{extension}")))
        .map(|name| format!("{folder}/{name}"))
        .collect()
}

/// What is at this path, which has to be there: `/spec/ports/0/name`.
#[track_caller]
pub(super) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or_else(|| panic!("there is no {pointer} in {value}"))
}

#[track_caller]
pub(super) fn word<'a>(value: &'a Value, pointer: &str) -> &'a str {
    at(value, pointer).as_str().unwrap_or_else(|| panic!("{pointer} is no text in {value}"))
}

#[track_caller]
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    at(value, pointer).as_array().unwrap_or_else(|| panic!("{pointer} is no list in {value}"))
}
