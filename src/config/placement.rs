//! Which modules run in this process, and where the others are.

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::{Config, EventTransport, Place};

/// The modules' names, in the order of who is called by whom.
pub(super) const NAMES: [&str; 4] = ["user", "product", "payment", "order"];

/// The placement of all modules, as this process sees it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    #[serde(deserialize_with = "names")]
    run: Vec<&'static str>,
    user: Elsewhere,
    product: Elsewhere,
    order: Elsewhere,
    payment: Elsewhere,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Elsewhere {
    #[serde(deserialize_with = "urls")]
    url: Vec<String>,
}

impl Placement {
    /// Whether this process runs the module.
    pub fn runs(&self, module: &str) -> bool {
        self.run.contains(&module)
    }

    /// Where it runs elsewhere.
    pub fn urls(&self, module: &str) -> &[String] {
        match module {
            "user" => &self.user.url,
            "product" => &self.product.url,
            "order" => &self.order.url,
            "payment" => &self.payment.url,
            _ => &[],
        }
    }
}

/// What does not fit together, as keys and what to do about them.
pub(super) fn amiss(config: &Config) -> Vec<(String, String)> {
    let placement = &config.modules;
    let mut amiss = Vec::new();
    let away: Vec<_> = NAMES.into_iter().filter(|module| !placement.runs(module)).collect();
    for module in &away {
        if placement.urls(module).is_empty() {
            let what = format!(
                "this process does not run the {module} module and does not know where it is; write the address \
                 of its internal listener, such as [\"http://{module}:9080\"], or add \"{module}\" to `modules.run`"
            );
            amiss.push((format!("modules.{module}.url"), what));
        }
    }
    if let Some(module) = away.first() {
        if config.events.transport == EventTransport::Local {
            let what = format!(
                "events stay in this process, and the {module} module runs elsewhere; write \"http\" here, or \"nats\" \
                 with a broker"
            );
            amiss.push(("events.transport".to_owned(), what));
        }
        if !config.contracts.is_shared() {
            let what = format!(
                "the {module} module runs elsewhere and believes only signed calls; write \"env:NAME\" or \
                 \"file:/path\" of a secret that is the same in every process, or [contracts.tls]"
            );
            amiss.push(("contracts.secret".to_owned(), what));
        } else if config.contracts.secret.is_none() && config.events.transport == EventTransport::Nats {
            let what = "what the broker brings is sealed with a secret that is the same in every process, also beside \
                        [contracts.tls]; write \"env:NAME\" or \"file:/path\"";
            amiss.push(("contracts.secret".to_owned(), what.to_owned()));
        }
    }
    if config.events.transport == EventTransport::Nats && config.nats.urls.is_empty() {
        let what = "events travel through a broker; write where it is, such as \"nats://127.0.0.1:4222\", or \"http\" as \
                    `events.transport`";
        amiss.push(("nats.url".to_owned(), what.to_owned()));
    }
    let here: Vec<_> = NAMES.into_iter().filter(|module| placement.runs(module)).collect();
    for (index, module) in here.iter().enumerate() {
        let shared = |other: &&&str| match (config.place(module), config.place(other)) {
            (Place::Own(one), Place::Own(two)) => one.is_same_database(&two),
            _ => false,
        };
        if let Some(other) = here[..index].iter().find(shared) {
            let what = format!(
                "the {other} module keeps its tables there; each module needs a database of its own, so name \
                 another one"
            );
            amiss.push((format!("database.{module}.url"), what));
        }
    }
    amiss
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<&'static str>, D::Error> {
    let mut run = Vec::new();
    for text in Vec::<String>::deserialize(deserializer)? {
        let Some(name) = NAMES.into_iter().find(|name| *name == text) else {
            let nearest = NAMES
                .into_iter()
                .max_by(|a, b| strsim::jaro_winkler(a, &text).total_cmp(&strsim::jaro_winkler(b, &text)));
            return Err(de::Error::custom(format!(
                "there is no module `{text}`; did you mean `{}`?",
                nearest.unwrap_or_default()
            )));
        };
        if run.contains(&name) {
            return Err(de::Error::custom(format!("`{name}` is there twice")));
        }
        run.push(name);
    }
    Ok(run)
}

fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.iter().map(|text| url(text).map_err(de::Error::custom)).collect()
}

/// The address of an internal listener, without a slash at its end.
fn url(text: &str) -> Result<String, String> {
    let shape = "must be the address of an internal listener, such as \"http://10.0.0.7:9080\", or with TLS \
                 \"https://payment:9080\"";
    let url = Url::parse(text).map_err(|error| format!("{shape}: {error}"))?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() || !bare || !url.username().is_empty() {
        return Err(shape.to_owned());
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
