//! Older versions of the API, for clients that were written for them.
//!
//! The modules know one version, the newest. A client names the one it was written for in `Api-Version`; its requests
//! are brought up to date here and the answers brought back, change by change. Without the header nothing is done.

mod zip;

use actix_web::http::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, VARY};
use platform::http::Problem;
use serde_json::{Value, json};

/// The header that names a version.
pub const API_VERSION: HeaderName = HeaderName::from_static("api-version");

/// A version of the API, by the day it came out.
pub struct Version {
    /// The day.
    pub date: &'static str,
    /// How the version after it differs.
    changes: &'static [Change],
}

/// A difference between a version and the next one.
struct Change {
    /// The routes that differ, as the API's description writes them.
    routes: &'static [&'static str],
    /// Makes a request of the older version one of the next.
    request: fn(&mut Value),
    /// Makes an answer of the next version one of the older.
    answer: fn(&mut Value),
}

/// All that are known, the oldest first.
pub const VERSIONS: &[Version] = &[
    Version { date: "2026-09-01", changes: &[zip::BOOK, zip::ORDERS] },
    Version { date: "2026-11-01", changes: &[] },
];

/// A version that a client asked for, and what lies between it and the newest on one route.
pub struct Asked {
    date: &'static str,
    changes: Vec<&'static Change>,
}

impl Asked {
    /// The version that these headers name, for this route.
    ///
    /// # Errors
    /// 400 `unknown_version`, with those there are.
    pub fn of(headers: &HeaderMap, route: Option<&str>) -> Result<Option<Self>, Problem> {
        let mut named = headers.get_all(&API_VERSION);
        let Some(first) = named.next() else { return Ok(None) };
        let known = VERSIONS.iter().position(|version| first.as_bytes() == version.date.as_bytes());
        let Some(at) = known.filter(|_| named.next().is_none()) else { return Err(unknown()) };
        let changes = VERSIONS[at..].iter().flat_map(|version| version.changes);
        let changes = changes.filter(|change| route.is_some_and(|route| change.routes.contains(&route)));
        Ok(Some(Self { date: VERSIONS[at].date, changes: changes.collect() }))
    }

    /// Whether this version of the route is the newest one under another name.
    pub fn is_current(&self) -> bool {
        self.changes.is_empty()
    }

    /// Brings a request up to date.
    pub fn renew(&self, request: &mut Value) {
        for change in &self.changes {
            (change.request)(request);
        }
    }

    /// Brings an answer back.
    pub fn age(&self, answer: &mut Value) {
        for change in self.changes.iter().rev() {
            (change.answer)(answer);
        }
    }

    /// Takes this version's mark off the entity tags a client compares with, so that the module knows them. A tag
    /// without the mark is of another representation and matches nothing.
    pub fn unmark(&self, headers: &mut HeaderMap) {
        let mark = format!(";{}\"", self.date);
        for name in [IF_MATCH, IF_NONE_MATCH] {
            let lines: Vec<_> = headers.remove(&name).collect();
            for line in lines {
                let tags = line.to_str().unwrap_or_default().split(',').map(|tag| match tag.trim() {
                    "*" => "*".to_owned(),
                    tag => tag.strip_suffix(&mark).map_or("\"\"".to_owned(), |tag| format!("{tag}\"")),
                });
                let tags = HeaderValue::from_str(&tags.collect::<Vec<_>>().join(", "));
                headers.append(name.clone(), tags.unwrap_or(line));
            }
        }
    }

    /// Says on the answer which version it is of. Another version of the same thing is another representation, which
    /// caches have to keep apart and which has an entity tag of its own.
    pub fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(API_VERSION, HeaderValue::from_static(self.date));
        let varies = headers.get_all(VARY).any(|names| names.as_bytes().ends_with(b"api-version"));
        if !varies {
            headers.append(VARY, HeaderValue::from_static("api-version"));
        }
        if self.is_current() {
            return;
        }
        let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()?.strip_suffix('"'));
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(&format!("{tag};{}\"", self.date)).ok()) {
            headers.insert(ETAG, tag);
        }
    }
}

fn unknown() -> Problem {
    let known: Vec<_> = VERSIONS.iter().map(|version| version.date).collect();
    Problem::bad_request("unknown_version", "Api-Version names no version there is; see `versions`")
        .extend("versions", json!(known))
}

#[cfg(test)]
mod tests;
