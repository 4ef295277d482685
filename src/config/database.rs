//! Which database each module keeps its tables in.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::duration;
use super::secret::Secret;

/// The databases of all modules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The PostgreSQL server all modules share unless they name their own.
    #[serde(deserialize_with = "optional")]
    pub url: Option<DatabaseUrl>,
    pub readers: NonZeroU32,
    pub pool_size: NonZeroU32,
    #[serde(rename = "acquire_timeout_ms", deserialize_with = "duration::milliseconds")]
    pub acquire_timeout: Duration,
    pub accept_unsafe_settings: bool,
    pub create: bool,
    user: Module,
    product: Module,
    order: Module,
    payment: Module,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Module {
    #[serde(deserialize_with = "optional")]
    url: Option<DatabaseUrl>,
}

/// Where one module keeps its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A SQLite file of its own.
    File(PathBuf),
    /// A PostgreSQL database of its own, named in the url.
    Own(DatabaseUrl),
    /// A database of its own on a server that all modules share.
    Shared {
        /// The server, with the credentials of whoever may create databases there.
        server: DatabaseUrl,
        /// The module's database, and the role that owns it.
        database: String,
    },
}

impl Database {
    /// The module's own url wins, then its database on the shared server, then a file in the data folder.
    pub(super) fn place(&self, module: &str, data: &Path) -> Place {
        let own = match module {
            "user" => &self.user.url,
            "product" => &self.product.url,
            "order" => &self.order.url,
            "payment" => &self.payment.url,
            _ => &None,
        };
        match (own, &self.url) {
            (Some(own), _) if own.names_a_database() => Place::Own(own.clone()),
            (Some(server), _) | (None, Some(server)) => {
                Place::Shared { server: server.clone(), database: server.database_of(module) }
            }
            (None, None) => Place::File(data.join(format!("{module}.db"))),
        }
    }
}

/// A `postgres://` url. It may hold a password, so it prints without one.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Url);

impl DatabaseUrl {
    /// The url with its password, for whoever connects.
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// The password in it; empty when there is none.
    pub fn password(&self) -> &str {
        self.0.password().unwrap_or_default()
    }

    /// Host and port.
    pub fn server(&self) -> (String, u16) {
        (self.0.host_str().unwrap_or_default().to_owned(), self.0.port().unwrap_or(5432))
    }

    /// The name of the database in it; empty when there is none.
    pub fn database(&self) -> String {
        self.0.path().trim_start_matches('/').to_owned()
    }

    /// Whether both lead to the same tables, whoever asks there.
    pub(super) fn is_same_database(&self, other: &Self) -> bool {
        self.server() == other.server() && self.database() == other.database()
    }

    /// The database of a module on this server: `cleave_order`, or `tea_order` when the url names `tea`.
    fn database_of(&self, module: &str) -> String {
        let shop = match self.0.path().trim_start_matches('/') {
            "" | "postgres" => "cleave",
            named => named,
        };
        format!("{shop}_{module}")
    }

    fn names_a_database(&self) -> bool {
        self.0.path().len() > 1
    }

    fn parse(text: &str) -> Result<Self, String> {
        let shape = "must be \"postgres://role:password@host:port/database\", \"env:NAME\" or \"file:/path\"";
        if text.starts_with("env:") || text.starts_with("file:") {
            let secret = Secret::resolve(text).map_err(|error| error.to_string())?;
            return Self::parse_url(secret.expose()).ok_or_else(|| format!("what {text} refers to {shape}"));
        }
        // The text is not repeated: a mistyped url still holds its password.
        Self::parse_url(text).ok_or_else(|| shape.to_owned())
    }

    fn parse_url(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        (matches!(url.scheme(), "postgres" | "postgresql") && url.has_host()).then_some(Self(url))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return f.write_str("postgres://***");
        }
        // Parameters can carry a password too (`?password=…`), and no reader of a log needs them.
        url.set_query(None);
        url.fmt(f)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An empty text is no url.
fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DatabaseUrl>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    DatabaseUrl::parse(&text).map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_printed_without_its_password() {
        let url =
            DatabaseUrl::parse("postgres://shop:hunter2@db:5433/x?sslmode=require&password=hunter2").unwrap();
        assert_eq!(format!("{url} {url:?}"), "postgres://shop:***@db:5433/x postgres://shop:***@db:5433/x");
        assert!(url.expose().contains("hunter2"));
    }

    #[test]
    fn each_module_has_its_own_database_on_a_shared_server() {
        let order = |url| DatabaseUrl::parse(url).unwrap().database_of("order");
        assert_eq!(order("postgres://shop@db"), "cleave_order");
        assert_eq!(order("postgres://shop@db/postgres"), "cleave_order");
        assert_eq!(order("postgres://shop@db/tea?sslmode=require"), "tea_order");
    }

    #[test]
    fn a_mistyped_url_is_refused_without_repeating_it() {
        for text in ["postgres//shop:hunter2@db", "mysql://shop:hunter2@db", "postgres:hunter2"] {
            let refusal = DatabaseUrl::parse(text).unwrap_err();
            assert!(!refusal.contains("hunter2"), "{refusal}");
        }
    }
}
