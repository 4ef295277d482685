use std::collections::BTreeSet;
use std::ffi::OsString;

use super::*;

fn environment(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect()
}

/// Loads a file with this text, these variables and these flags.
fn load(file: &str, variables: &[(&str, &str)], mut flags: Flags) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.toml");
    std::fs::write(&path, file).unwrap();
    flags.config = Some(path);
    layers::load(&flags, environment(variables))
}

/// The problems of a file alone, one line each.
fn problems(file: &str) -> Vec<String> {
    let error = load(file, &[], Flags::default()).unwrap_err();
    error.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_documented_defaults_are_exactly_the_settings() {
    // No field of the settings has a fallback and none may be unknown, so this holds in both directions.
    let config: Config = toml::from_str(Config::DEFAULTS).unwrap();
    assert_eq!(config.place("order"), Place::File("./data/order.db".into()));
    layers::load(&Flags::default(), Vec::new()).unwrap();
}

#[test]
fn every_setting_says_why() {
    let lines: Vec<&str> = Config::DEFAULTS.lines().collect();
    let keys: BTreeSet<&str> = (1..lines.len())
        .filter(|at| lines[*at].contains(" = ") && !lines[*at].starts_with('#'))
        .inspect(|at| assert!(lines[at - 1].starts_with("# "), "`{}` has no comment", lines[*at]))
        .map(|at| lines[at])
        .collect();
    assert!(keys.len() > 30);
}

#[test]
fn the_environment_overrides_the_file_and_a_flag_overrides_both() {
    let file = "listen = \"127.0.0.1:1\"\n[http]\nworkers = 1\nbody_limit_bytes = 10";
    let variables = [("CLEAVE__HTTP__WORKERS", "2"), ("CLEAVE__LISTEN", "127.0.0.1:2"), ("UNRELATED", "x")];
    let flags = Flags { listen: "127.0.0.1:3".parse().ok(), ..Flags::default() };
    let config = load(file, &variables, flags).unwrap();
    assert_eq!(config.http.body_limit.get(), 10);
    assert_eq!(config.http.workers(), 2);
    assert_eq!(config.listen.port(), 3);
}

#[test]
fn an_unknown_key_names_the_nearest() {
    let refused = problems("[databse]\nurl = \"x\"\n[http]\nworker = 2\npool_size = 3");
    assert_eq!(refused.len(), 3, "{refused:?}");
    for (key, nearest) in [
        ("databse.url", "database.url"),
        ("http.worker", "http.workers"),
        ("http.pool_size", "database.pool_size"),
    ] {
        let line = refused.iter().find(|line| line.starts_with(&format!("`{key}`"))).unwrap();
        assert!(line.ends_with(&format!("did you mean `{nearest}`?")), "{line}");
        assert!(line.contains("shop.toml"), "{line}");
    }
}

#[test]
fn an_unknown_variable_is_refused_too() {
    let error = load("", &[("CLEAVE__HTTP__WORKER", "2")], Flags::default()).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("the environment variable CLEAVE__HTTP__WORKER: there is no such setting"),
        "{text}"
    );
}

#[test]
fn every_problem_is_told_at_once_with_its_key_and_source() {
    let file = "listen = 8080\n[http]\nworkers = \"2\"\n[log]\nformat = \"xml\"\n[shop]\ndefault_currency = \"usd\"\n\
                [events]\nbatch = 0\n[auth.argon2]\niterations = -1";
    let error = load(file, &[("CLEAVE__DATABASE__CREATE", "maybe")], Flags::default()).unwrap_err();
    let text = error.to_string();
    for (key, what) in [
        ("listen", "must be a text in quotes"),
        ("http.workers", "must be a whole number, without quotes"),
        ("log.format", "must be \"pretty\" or \"json\""),
        ("shop.default_currency", "expected an ISO 4217 currency code"),
        ("events.batch", "a nonzero u32"),
        ("auth.argon2.iterations", "must be"),
        ("database.create", "must be true or false"),
    ] {
        let line = text.lines().find(|line| line.contains(&format!("`{key}` in "))).unwrap();
        assert!(line.contains(what), "{key}: {text}");
        assert!(line.contains("shop.toml") || line.contains("CLEAVE__DATABASE__CREATE"), "{line}");
    }
    assert_eq!(error.problems.len(), 7, "{text}");
}

#[test]
fn a_group_is_not_a_setting() {
    assert!(problems("database = \"postgres://db\"")[0].ends_with("write them under [database]"));
}

#[test]
fn a_duration_of_nothing_is_refused() {
    let refused = problems("[http]\nshutdown_seconds = 0");
    assert!(refused[0].starts_with("`http.shutdown_seconds`"), "{refused:?}");
}

#[test]
fn a_proxy_is_an_address_or_a_network() {
    let trusted = |list: &str| format!("[gateway]\ntrusted_proxies = [{list}]");
    let config = load(&trusted("\"10.0.0.0/8\", \"2001:db8::1\""), &[], Flags::default()).unwrap();
    let [network, address] = config.gateway.trusted_proxies[..] else { panic!("two were named") };
    assert!(network.contains([10, 9, 8, 7].into()) && !network.contains([11, 0, 0, 1].into()));
    assert!(address.contains("2001:db8::1".parse().unwrap()));

    let refused = problems(&trusted("\"proxy.example\""));
    assert!(refused[0].contains("gateway.trusted_proxies"), "{refused:?}");
    assert!(refused[0].ends_with("such as \"10.0.0.7\" or \"10.0.0.0/8\""), "{refused:?}");
}

#[test]
fn secrets_are_never_printed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let file = format!(
        "[database]\nurl = \"postgres://shop:hunter2@db\"\n[payment]\nwebhook_secret = \"file:{}\"",
        path.display()
    );
    let config = load(&file, &[], Flags::default()).unwrap();
    assert!(config.payment.webhook_secret.is_some());
    assert!(!format!("{config:?}").contains("hunter2"));
    assert!(!format!("{config:?}").contains("MfKQ"));
}

#[test]
fn a_malformed_webhook_secret_is_refused_without_repeating_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    std::fs::write(&path, "hunter2").unwrap();
    let refused = problems(&format!("[payment]\nwebhook_secret = \"file:{}\"", path.display()));
    assert!(refused[0].starts_with("`payment.webhook_secret`"), "{refused:?}");
    assert!(refused[0].contains("`whsec_` followed by the base64"), "{refused:?}");
    assert!(!refused[0].contains("hunter2"), "{refused:?}");
}

#[test]
fn a_refusal_repeats_no_value() {
    for file in [
        "[payment]\nwebhook_secret = \"hunter2\"",
        "[database]\nurl = \"mysql://shop:hunter2@db\"",
        "[database]\nurl = postgres://shop:hunter2@db",
        "[log]\nformat = \"hunter2\"",
        "passwort = \"hunter2\"",
    ] {
        let text = problems(file).join("\n");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_module_can_have_a_server_of_its_own() {
    let file = "[database]\nurl = \"postgres://shop@main\"\n[database.order]\nurl = \"postgres://o@own/orders\"\n\
                [database.payment]\nurl = \"postgres://p@vault\"";
    let config = load(file, &[], Flags::default()).unwrap();
    let place = |module: &str| crate::databases::describe(&config.place(module));
    assert_eq!(place("user"), "cleave_user on postgres://shop@main");
    assert_eq!(place("order"), "postgres://o@own/orders");
    assert_eq!(place("payment"), "cleave_payment on postgres://p@vault");
}

#[test]
fn an_absent_file_is_a_problem_of_its_own() {
    let flags = Flags { config: Some("/no/such.toml".into()), ..Flags::default() };
    let error = layers::load(&flags, Vec::new()).unwrap_err();
    assert!(error.to_string().contains("/no/such.toml: the file cannot be read"), "{error}");
}

#[test]
fn a_module_elsewhere_needs_an_address_a_transport_and_a_secret() {
    let refused = problems("[modules]\nrun = [\"user\", \"product\", \"order\"]");
    assert_eq!(refused.len(), 3, "{refused:?}");
    for (key, advice) in [
        ("modules.payment.url", "[\"http://payment:9080\"]"),
        ("events.transport", "write \"http\" here"),
        ("contracts.secret", "\"env:NAME\""),
    ] {
        assert!(refused.iter().any(|line| line.contains(key) && line.contains(advice)), "{key}: {refused:?}");
    }
}

#[test]
fn a_placement_that_cannot_be_meant_is_refused() {
    let nearest = problems("[modules]\nrun = [\"orders\"]");
    assert!(nearest[0].contains("did you mean `order`?"), "{nearest:?}");
    let twice = problems("[modules]\nrun = [\"order\", \"order\"]");
    assert!(twice[0].contains("there twice"), "{twice:?}");
    for url in ["payment:9080", "ftp://payment", "http://payment:9080/v1", "http://"] {
        let refused = problems(&format!("[modules.payment]\nurl = [\"{url}\"]"));
        assert!(refused[0].contains("internal listener"), "{refused:?}");
    }
    let shared =
        "[database.order]\nurl = \"postgres://a@db/shop\"\n[database.user]\nurl = \"postgres://b@db/shop\"";
    let refused = problems(shared);
    assert!(refused[0].contains("needs a database of its own"), "{refused:?}");
}

#[test]
fn lists_are_said_with_commas_in_the_environment() {
    let variables = [("CLEAVE__MODULES__PAYMENT__URL", "http://a:9080, http://b:9080/")];
    let config = load("", &variables, Flags::default()).unwrap();
    assert_eq!(config.modules.urls("payment"), ["http://a:9080", "http://b:9080"]);
    assert!(config.modules.runs("payment"));
}

#[test]
fn events_through_a_broker_need_one() {
    let refused = problems("[events]\ntransport = \"nats\"");
    assert!(refused[0].contains("nats.url") && refused[0].contains("nats://127.0.0.1:4222"), "{refused:?}");
    let shared = "[events]\ntransport = \"nats\"\n[nats]\nurl = \"nats://shop:hunter2@broker\"";
    let config = load(shared, &[], Flags::default()).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    for prefix in ["", "shop.", "shop.*", "my shop"] {
        let refused = problems(&format!("[nats]\nprefix = \"{prefix}\""));
        assert!(refused[0].contains("nats.prefix"), "{refused:?}");
    }
    let typed = problems("[nats]\nurl = \"nats//shop:hunter2@broker\"");
    assert!(typed[0].contains("nats.url") && !typed[0].contains("hunter2"), "{typed:?}");
}

/// A folder with an authority, and in it certificates of these names with the modules that each names.
fn certificates(all: &[(&str, &[&str])]) -> tempfile::TempDir {
    use platform::tls::{Authority, Wanted};
    let (clock, folder) = (kernel::Clock::system(), tempfile::tempdir().unwrap());
    let (authority, kept) = Authority::found(&clock).unwrap();
    std::fs::write(folder.path().join("ca.pem"), kept.certificate).unwrap();
    for (name, modules) in all {
        let uris = modules.iter().map(|module| format!("spiffe://cleave/shop/module/{module}")).collect();
        let wanted = Wanted { uris, hosts: Vec::new(), from: clock.now(), lasts: Duration::from_hours(1) };
        let issued = authority.issue(&wanted).unwrap();
        std::fs::write(folder.path().join(format!("{name}.pem")), issued.certificate).unwrap();
        std::fs::write(folder.path().join(format!("{name}.key")), issued.key).unwrap();
    }
    folder
}

#[test]
fn tls_that_cannot_work_is_refused_before_anything_starts() {
    let folder = certificates(&[("all", &["user", "product", "order", "payment"]), ("order", &["order"])]);
    let tls = |ca: &str, certificate: &str, key: &str| {
        let text = format!(
            "[contracts.tls]\nca = \"HERE/{ca}\"\ncertificate = \"HERE/{certificate}\"\nkey = \"file:HERE/{key}\"\n"
        );
        text.replace("HERE", folder.path().to_str().unwrap())
    };
    let good = tls("ca.pem", "all.pem", "all.key");
    let config = load(&good, &[], Flags::default()).unwrap();
    assert!(config.contracts.is_shared() && config.contracts.secret.is_none());

    for (text, key, advice) in [
        (tls("no.pem", "all.pem", "all.key"), "contracts.tls.ca", "cannot be read"),
        (tls("all.key", "all.pem", "all.key"), "contracts.tls.ca", "holds no certificate in PEM"),
        (tls("ca.pem", "all.key", "all.key"), "contracts.tls.certificate", "holds no certificate in PEM"),
        (tls("ca.pem", "all.pem", "order.key"), "contracts.tls.key", "does not belong to the certificate"),
        (tls("order.pem", "all.pem", "all.key"), "contracts.tls.certificate", "not signed by an authority"),
        (tls("ca.pem", "order.pem", "order.key"), "contracts.tls.certificate", "runs the payment module"),
        (good.replace("file:", ""), "contracts.tls.key", "file:/path"),
        ("[contracts.tls]\nca = \"ca.pem\"".to_owned(), "contracts.tls.ca", "cannot be read"),
        (format!("{good}identity = \"cleave\""), "contracts.tls.identity", "spiffe://"),
        (
            format!("{good}identity = \"spiffe://cleave/other/module/\""),
            "contracts.tls.certificate",
            "names nobody of this shop",
        ),
    ] {
        let refused = problems(&text);
        assert!(
            refused.iter().any(|line| line.contains(key) && line.contains(advice)),
            "{text}: {refused:?}"
        );
    }
    let lone = format!("[contracts.tls]\nca = \"{}/ca.pem\"", folder.path().display());
    assert!(problems(&lone)[0].contains("`contracts.tls.certificate`"), "{:?}", problems(&lone));
}

#[test]
fn addresses_are_called_as_the_settings_say_that_processes_speak() {
    let folder = certificates(&[("all", &["user", "product", "order", "payment"])]);
    let here = folder.path().display();
    let tls = format!(
        "[contracts.tls]\nca = \"{here}/ca.pem\"\ncertificate = \"{here}/all.pem\"\nkey = \"file:{here}/all.key\"\n"
    );
    let url = |url: &str| format!("[modules.payment]\nurl = [\"{url}\"]\n");
    let without = problems(&url("https://payment:9080"));
    assert!(
        without[0].contains("modules.payment.url") && without[0].contains("`contracts.tls`"),
        "{without:?}"
    );
    let clear = problems(&(url("http://payment:9080") + &tls));
    assert!(clear[0].contains("write it with https://"), "{clear:?}");
    let unsigned = problems(&(url("http://127.0.0.1:9081") + &tls));
    assert!(unsigned[0].contains("only signed calls are believed"), "{unsigned:?}");
    load(&(url("https://payment:9080") + &tls), &[], Flags::default()).unwrap();
}

#[test]
fn certificates_replace_the_secret_but_not_before_a_broker() {
    let folder = certificates(&[("shop", &["user", "product", "order"])]);
    let here = folder.path().display();
    let text = format!(
        "[modules]\nrun = [\"user\", \"product\", \"order\"]\n[modules.payment]\nurl = [\"https://payment:9080\"]\n\
         [contracts.tls]\nca = \"{here}/ca.pem\"\ncertificate = \"{here}/shop.pem\"\nkey = \"file:{here}/shop.key\"\n\
         [events]\ntransport = \"http\"\n[nats]\nurl = \"nats://broker\"\n"
    );
    load(&text, &[], Flags::default()).unwrap();
    let brought = problems(&text.replace("transport = \"http\"", "transport = \"nats\""));
    assert!(brought[0].contains("contracts.secret") && brought[0].contains("sealed"), "{brought:?}");
}

/// The settings of a provider, with these secrets in files and these lines instead of its url.
fn provider(name: &str, lines: &str) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (key, hooks) =
        (file("key", "a-key-of-twenty-letters"), file("hooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let lines = lines.replace("KEY", &key).replace("HOOKS", &hooks);
    load(&format!("[payment.providers.{name}]\n{lines}"), &[], Flags::default())
}

const WHOLE: &str = "url = \"https://pay.example/v1\"\nkey = \"file:KEY\"\nwebhook_secret = \"file:HOOKS\"";

#[test]
fn a_payment_provider_is_a_group_of_its_own() {
    let config = provider("acme", WHOLE).unwrap();
    let settings = config.payment.providers["acme"].named("acme").unwrap();
    assert_eq!((settings.name.as_str(), settings.url.as_str()), ("acme", "https://pay.example/v1"));
    let printed = format!("{config:?}");
    assert!(!printed.contains("a-key-of") && !printed.contains("MfKQ9"), "{printed}");
    // What the defaults show as an example is one.
    let example: String = Config::DEFAULTS.lines().filter_map(|line| line.strip_prefix("#   ")).fold(
        String::new(),
        |all, line| {
            all + &line
                .replace("file:/run/secrets/acme_key", "file:KEY")
                .replace("file:/run/secrets/acme_hooks", "file:HOOKS")
                + "\n"
        },
    );
    let (head, lines) = example.split_once('\n').unwrap();
    assert_eq!(head, "[payment.providers.acme]");
    provider("acme", lines).unwrap();
}

#[test]
fn a_payment_provider_that_is_half_said_is_told_what_to_write() {
    let told = |name: &str, lines: &str| provider(name, lines).unwrap_err().to_string();
    let empty = told("acme", "url = \"\"");
    for setting in ["url", "key", "webhook_secret"] {
        assert!(empty.contains(&format!("`payment.providers.acme.{setting}` in ")), "{empty}");
    }
    let clear = told("acme", &WHOLE.replace("https://pay", "http://pay"));
    assert!(clear.contains("must begin with https://"), "{clear}");
    provider("acme", &WHOLE.replace("https://pay.example", "http://127.0.0.1:7100")).unwrap();
    assert!(told("acme", &WHOLE.replace("https://", "https://me:secret@")).contains("the secret is `key`"));
    assert!(told("test", WHOLE).contains("the name `test` is the built-in provider's"));
    assert!(told("Acme", WHOLE).contains("a small letter first"));
    assert!(told("acme", "keys = \"x\"").contains("there is no setting `keys` of a provider"));
    let inline = told("acme", &WHOLE.replace("file:KEY", "a-key-of-twenty-letters"));
    assert!(inline.contains("env:NAME") && !inline.contains("twenty"), "{inline}");
}
