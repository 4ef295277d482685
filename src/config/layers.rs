//! The four layers of settings, checked one by one so that every problem can name its source.

use std::collections::BTreeMap;
use std::ffi::OsString;

use config::{FileFormat, Map, Source as _, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{Config, ConfigError, Flags, Problem};

const PREFIX: &str = "CLEAVE__";

/// A setting as one layer says it.
struct Said {
    key: String,
    /// The file, the variable or the flag.
    source: String,
    value: ValueKind,
}

pub(super) fn load(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigError> {
    merge(file(flags), environment, flags)
}

/// Loads a file with this text, and these variables.
#[cfg(any(test, feature = "fuzz"))]
pub(super) fn told(
    file: &str,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, ConfigError> {
    merge(parse(file, "the file"), environment, &Flags::default())
}

fn merge(
    file: Result<Vec<Said>, Problem>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    flags: &Flags,
) -> Result<Config, ConfigError> {
    let mut problems = Vec::new();
    let defaults = match parse(Config::DEFAULTS, "the compiled-in defaults") {
        Ok(defaults) => defaults,
        Err(problem) => return Err(ConfigError { problems: vec![problem] }),
    };
    let known: BTreeMap<String, ValueKind> =
        defaults.iter().map(|said| (said.key.clone(), said.value.clone())).collect();

    let mut layers = defaults;
    match file {
        Ok(file) => layers.extend(file),
        Err(problem) => problems.push(problem),
    }
    layers.extend(variables(environment, &mut problems));
    layers.extend(flags_said(flags));

    let mut builder = config::Config::builder();
    let mut sources = BTreeMap::new();
    for said in layers {
        let (key, source) = (said.key.clone(), said.source.clone());
        match accept(said, &known) {
            Ok(value) => {
                builder = builder
                    .set_override(&key, Value::new(None, value))
                    .map_err(|error| ConfigError { problems: vec![translate("", error, &sources)] })?;
                sources.insert(key, source);
            }
            Err(problem) => problems.push(problem),
        }
    }
    let merged =
        builder.build().map_err(|error| ConfigError { problems: vec![translate("", error, &sources)] })?;
    match (Groups { merged: &merged, sources: &sources, problems: &mut problems }).read() {
        Some(config) if problems.is_empty() => {
            let mut amiss = super::placement::amiss(&config);
            amiss.extend(super::tls::amiss(&config));
            amiss.extend(super::providers::amiss(&config));
            if amiss.is_empty() {
                return Ok(config);
            }
            let source = |key: &str| sources.get(key).cloned().unwrap_or_else(|| "the settings".to_owned());
            let problem =
                |(key, what): (String, String)| Problem { source: source(&key), key: Some(key), what };
            Err(ConfigError { problems: amiss.into_iter().map(problem).collect() })
        }
        _ => Err(ConfigError { problems }),
    }
}

/// Reads a layer written in TOML. Only the line of an error is told: the text there may be a password.
fn parse(text: &str, source: &str) -> Result<Vec<Said>, Problem> {
    let no_toml = |what: String| Problem { key: None, source: source.to_owned(), what };
    if let Err(error) = toml::from_str::<toml::Table>(text) {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        return Err(no_toml(format!("line {line} is not TOML: {}", error.message())));
    }
    let table = config::File::from_str(text, FileFormat::Toml)
        .collect()
        .map_err(|_| no_toml("it is not TOML".to_owned()))?;
    let mut settings = Vec::new();
    flatten("", table, source, &mut settings);
    // A table knows no order; mistakes are told in the same one each time.
    settings.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(settings)
}

fn flatten(path: &str, table: Map<String, Value>, source: &str, settings: &mut Vec<Said>) {
    for (name, value) in table {
        let key = if path.is_empty() { name } else { format!("{path}.{name}") };
        match value.kind {
            ValueKind::Table(table) => flatten(&key, table, source, settings),
            value => settings.push(Said { key, source: source.to_owned(), value }),
        }
    }
}

fn file(flags: &Flags) -> Result<Vec<Said>, Problem> {
    let Some(path) = &flags.config else { return Ok(Vec::new()) };
    let source = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| Problem {
        key: None,
        source: source.clone(),
        what: format!("the file cannot be read: {error}"),
    })?;
    parse(&text, &source)
}

/// `CLEAVE__DATABASE__URL` says `database.url`.
fn variables(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    problems: &mut Vec<Problem>,
) -> Vec<Said> {
    let mut settings = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let key = name[PREFIX.len()..].to_lowercase().replace("__", ".");
        let source = format!("the environment variable {name}");
        match value.into_string() {
            Ok(value) => settings.push(Said { key, source, value: ValueKind::String(value) }),
            Err(_) => problems.push(Problem { key: Some(key), source, what: "it is not text".to_owned() }),
        }
    }
    settings
}

fn flags_said(flags: &Flags) -> Vec<Said> {
    let said = |key: &str, value: String| Said {
        key: key.to_owned(),
        source: format!("the flag --{key}"),
        value: ValueKind::String(value),
    };
    [
        flags.data.as_ref().map(|folder| said("data", folder.to_string_lossy().into_owned())),
        flags.listen.map(|address| said("listen", address.to_string())),
        flags.internal.map(|address| said("internal", address.to_string())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Takes a known key with a value of the same kind as its default. The environment knows only texts, so a text is
/// read as what the default is, a list with commas between; in a file the kind has to be right.
fn accept(said: Said, known: &BTreeMap<String, ValueKind>) -> Result<ValueKind, Problem> {
    let from_environment = said.source.starts_with("the environment");
    let what = match (super::providers::like(&said.key).or_else(|| known.get(&said.key)), said.value) {
        (None, _) => unknown(&said.key, known),
        (Some(ValueKind::String(_)), value @ ValueKind::String(_))
        | (Some(ValueKind::Boolean(_)), value @ ValueKind::Boolean(_))
        | (Some(ValueKind::I64(_)), value @ ValueKind::I64(_)) => return Ok(value),
        (Some(ValueKind::Array(_)), ValueKind::Array(items)) if items.iter().all(is_text) => {
            return Ok(ValueKind::Array(items));
        }
        (Some(ValueKind::Array(_)), ValueKind::String(text)) if from_environment => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            return Ok(ValueKind::Array(items.map(|item| Value::new(None, item)).collect()));
        }
        (Some(ValueKind::Boolean(_)), ValueKind::String(text)) if from_environment => match text.parse() {
            Ok(yes) => return Ok(ValueKind::Boolean(yes)),
            Err(_) => "must be true or false".to_owned(),
        },
        (Some(ValueKind::I64(_)), ValueKind::String(text)) if from_environment => match text.parse() {
            Ok(number) => return Ok(ValueKind::I64(number)),
            Err(_) => "must be a whole number".to_owned(),
        },
        (Some(ValueKind::Boolean(_)), _) => "must be true or false, without quotes".to_owned(),
        (Some(ValueKind::I64(_)), _) => "must be a whole number, without quotes".to_owned(),
        (Some(ValueKind::Array(_)), _) => "must be a list of texts, such as [\"a\", \"b\"]".to_owned(),
        (Some(_), _) => "must be a text in quotes".to_owned(),
    };
    Err(Problem { key: Some(said.key), source: said.source, what })
}

fn is_text(value: &Value) -> bool {
    matches!(value.kind, ValueKind::String(_))
}

fn unknown(key: &str, known: &BTreeMap<String, ValueKind>) -> String {
    if let Some(what) = super::providers::unknown(key) {
        return what;
    }
    if known.keys().any(|other| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))) {
        return format!("this is a group of settings; write them under [{key}]");
    }
    let nearest = known.keys().max_by(|a, b| likeness(key, a).total_cmp(&likeness(key, b)));
    match nearest {
        Some(nearest) => format!("there is no such setting; did you mean `{nearest}`?"),
        None => "there is no such setting".to_owned(),
    }
}

/// A right name in the wrong group counts nearly as much as a slip of the finger.
fn likeness(key: &str, other: &str) -> f64 {
    let name = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let whole = strsim::normalized_damerau_levenshtein(key, other);
    let last = strsim::normalized_damerau_levenshtein(&name(key), &name(other));
    whole.max(last * 0.8 + whole * 0.1)
}

/// The merged settings, read group by group, so that one bad value does not hide the next group's.
struct Groups<'a> {
    merged: &'a config::Config,
    sources: &'a BTreeMap<String, String>,
    problems: &'a mut Vec<Problem>,
}

impl Groups<'_> {
    fn read(&mut self) -> Option<Config> {
        // All are read before the first absent one ends this.
        let (listen, internal, probes) = (self.get("listen"), self.get("internal"), self.get("probes"));
        let data = self.get("data");
        let modules = self.get("modules");
        let (database, contracts, http) = (self.get("database"), self.get("contracts"), self.get("http"));
        let (gateway, log) = (self.get("gateway"), self.get("log"));
        let (auth, shop) = (self.get("auth"), self.get("shop"));
        let (payment, events, nats) = (self.get("payment"), self.get("events"), self.get("nats"));
        Some(Config {
            listen: listen?,
            internal: internal?,
            probes: probes?,
            data: data?,
            database: database?,
            modules: modules?,
            contracts: contracts?,
            http: http?,
            gateway: gateway?,
            log: log?,
            auth: auth?,
            shop: shop?,
            payment: payment?,
            events: events?,
            nats: nats?,
        })
    }

    fn get<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        // Asking for the group as `T` at once would replace the key inside it by the group's name.
        let read = self.merged.get::<Value>(name).and_then(Value::try_deserialize);
        read.map_err(|error| self.problems.push(translate(name, error, self.sources))).ok()
    }
}

/// Says in our words what the library says, and where the value came from.
fn translate(group: &str, error: config::ConfigError, sources: &BTreeMap<String, String>) -> Problem {
    let (inner, what) = match error {
        config::ConfigError::At { error, key, .. } => (key, error.to_string()),
        config::ConfigError::Type { key, expected, .. } => (key, format!("must be {expected}")),
        other => (None, other.to_string()),
    };
    let key = match inner {
        Some(inner) => format!("{group}.{inner}"),
        None => group.to_owned(),
    };
    let source = sources.get(&key).cloned().unwrap_or_else(|| "the settings".to_owned());
    Problem { key: Some(key), source, what }
}
