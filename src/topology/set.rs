//! The settings of all processes of a shop, looked at together.

use std::path::{Path, PathBuf};

use kernel::Clock;
use platform::{Db, Tasks};

use crate::compose::look_at_broker;
use crate::config::{Config, ConfigError, EventTransport, Flags, Place};
use crate::databases::{self, DatabaseError, describe};
use crate::declared::{Declared, MODULES};

/// One process, by the name of its file.
pub struct Process {
    /// `payment` of `payment.toml`.
    pub name: String,
    /// The file itself.
    pub file: PathBuf,
    /// Its settings.
    pub config: Config,
}

/// All processes of a shop.
pub struct Set(Vec<Process>);

/// A file that is no settings.
#[derive(Debug, thiserror::Error)]
#[error("{}", file.display())]
pub struct SetError {
    file: PathBuf,
    #[source]
    source: ConfigError,
}

impl Set {
    /// Loads the settings of one process from each file.
    ///
    /// # Errors
    /// The first that cannot be used by itself.
    pub fn load(files: &[PathBuf]) -> Result<Self, SetError> {
        let load = |file: &PathBuf| {
            let flags = Flags { config: Some(file.clone()), ..Flags::default() };
            let config = Config::load(&flags).map_err(|source| SetError { file: file.clone(), source })?;
            Ok(Process { name: name(file), file: file.clone(), config })
        };
        files.iter().map(load).collect::<Result<_, _>>().map(Self)
    }

    /// The shop of one process, with these settings.
    pub fn of(config: Config) -> Self {
        Self(vec![Process { name: "shop".to_owned(), file: PathBuf::new(), config }])
    }

    /// Its processes.
    pub fn processes(&self) -> &[Process] {
        &self.0
    }

    /// The processes that run a module.
    pub fn running(&self, module: &str) -> impl Iterator<Item = &Process> {
        self.0.iter().filter(move |process| process.config.modules.runs(module))
    }

    /// The database of each module, opened as the first process does that runs it.
    ///
    /// # Errors
    /// One cannot be opened.
    pub async fn databases(&self) -> Result<Vec<(Db, &'static Declared)>, DatabaseError> {
        let (clock, tasks) = (Clock::system(), Tasks::new());
        let mut opened = Vec::new();
        for module in &MODULES {
            let Some(process) = self.running(module.name).next() else { continue };
            opened.push((databases::open(module.name, &process.config, &clock, &tasks).await?, module));
        }
        Ok(opened)
    }

    /// What does not fit together, a sentence each.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for module in MODULES.map(|module| module.name) {
            let running: Vec<&Process> = self.running(module).collect();
            match running.as_slice() {
                [] => faults
                    .push(format!("nobody runs the {module} module; add it to `modules.run` of one process")),
                [_] => {}
                [first, others @ ..] => {
                    let place = first.config.place(module);
                    if matches!(place, Place::File(_)) {
                        faults.push(format!(
                            "{} and {} run the {module} module on a file, which belongs to one process; put its tables \
                             on PostgreSQL",
                            first.name, others[0].name
                        ));
                    }
                    for other in others.iter().filter(|other| other.config.place(module) != place) {
                        faults.push(format!(
                            "{} and {} run the {module} module on different databases ({} and {}); replicas share one",
                            first.name,
                            other.name,
                            describe(&place),
                            describe(&other.config.place(module))
                        ));
                    }
                }
            }
            faults.extend(self.0.iter().flat_map(|process| self.misled(process, module)));
        }
        faults.extend(self.divided());
        faults.extend(super::trust::faults(self));
        faults
    }

    /// Addresses of a module at which it does not run.
    fn misled(&self, process: &Process, module: &str) -> Vec<String> {
        let mut misled = Vec::new();
        for url in process.config.modules.urls(module) {
            let address = url.trim_start_matches("http://").trim_start_matches("https://");
            let there = self.0.iter().find(|other| other.config.internal.to_string() == address);
            match there {
                Some(there) if !there.config.modules.runs(module) => misled.push(format!(
                    "{} looks for the {module} module at {url}, where {} does not run it",
                    process.name, there.name
                )),
                // A name, or an address that a balancer has: nothing here knows whose it is.
                _ => {}
            }
        }
        misled
    }

    /// What must be the same in all processes and is not.
    fn divided(&self) -> Vec<String> {
        let mut divided = Vec::new();
        for (at, other) in self.0.iter().enumerate() {
            let before = &self.0[..at];
            // Between two with certificates only a broker's messages need it.
            let needs = |one: &Process| {
                !one.config.contracts.tls.is_set() || one.config.events.transport == EventTransport::Nats
            };
            let stranger = |first: &&Process| {
                (needs(first) || needs(other))
                    && first.config.contracts.secret != other.config.contracts.secret
            };
            if let Some(first) = before.iter().find(stranger) {
                divided.push(format!(
                    "{} and {} have different secrets in `contracts.secret`; neither will believe the other",
                    first.name, other.name
                ));
            }
            let over_nats = |one: &Process| one.config.events.transport == EventTransport::Nats;
            let elsewhere =
                |one: &&Process| over_nats(one) && one.config.nats.prefix != other.config.nats.prefix;
            if let Some(first) = before.iter().find(elsewhere).filter(|_| over_nats(other)) {
                divided.push(format!(
                    "{} and {} have different words in `nats.prefix`; neither will hear the other through the broker",
                    first.name, other.name
                ));
            }
            // `0.0.0.0` is another address on every machine and in every container.
            let address = other.config.internal;
            let same = |one: &&Process| one.config.internal == address && !address.ip().is_unspecified();
            if let Some(same) = before.iter().find(same) {
                divided.push(format!("{} and {} have the same address in `internal`", same.name, other.name));
            }
        }
        divided
    }

    /// Tries with the credentials of each module whether it can read the database of another, and whether each
    /// database is there at all; and whether the broker is, if there shall be one. Returns what is amiss, a sentence each.
    pub async fn probe(&self) -> Vec<String> {
        let (clock, tasks) = (Clock::system(), Tasks::new());
        let mut amiss = Vec::new();
        let mut seen: Vec<(String, &'static str)> = Vec::new();
        for process in &self.0 {
            if process.config.events.transport == EventTransport::Nats
                && let Err(unfit) = look_at_broker(&process.config).await
            {
                amiss.push(format!("{}: {unfit}", process.name));
            }
            for module in MODULES.map(|module| module.name) {
                if !process.config.modules.runs(module) {
                    continue;
                }
                let db = match databases::open(module, &process.config, &clock, &tasks).await {
                    Ok(db) => db,
                    Err(error) => {
                        let cause = std::error::Error::source(&error)
                            .map_or_else(String::new, |cause| format!(": {cause}"));
                        amiss.push(format!("{}: {error} cannot be opened{cause}", process.name));
                        continue;
                    }
                };
                amiss.extend(alone(&db, &mut seen).await);
                amiss.extend(trespass(process, module, &clock, &tasks).await);
                db.close().await;
            }
        }
        amiss
    }
}

/// Whether another module has the same database under another name.
async fn alone(db: &Db, seen: &mut Vec<(String, &'static str)>) -> Option<String> {
    let identity = db.identity().await.ok()?;
    let module = db.module();
    if let Some((_, other)) = seen.iter().find(|(known, other)| *known == identity && *other != module) {
        return Some(format!("the {module} and the {other} module have their tables in one database"));
    }
    seen.push((identity, module));
    None
}

/// The databases of other modules that this module's credentials open.
async fn trespass(process: &Process, module: &'static str, clock: &Clock, tasks: &Tasks) -> Vec<String> {
    let mut open = Vec::new();
    for other in MODULES.map(|other| other.name).into_iter().filter(|other| *other != module) {
        let Some(store) = databases::store_of_another(module, other, &process.config) else { continue };
        if let Ok(db) = Db::open(module, &store, clock.clone(), tasks).await {
            if db.ping().await.is_ok() {
                open.push(format!(
                    "{}: the role of the {module} module can open the database of the {other} module; give each \
                     module a role with rights on its own database only",
                    process.name
                ));
            }
            db.close().await;
        }
    }
    open
}

fn name(file: &Path) -> String {
    file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::super::plan::plan;
    use super::*;

    const SECRET: &str = "[contracts]\nsecret = \"file:HERE/ours\"\n[events]\ntransport = \"http\"\n";

    /// The settings of processes, each a name and its text.
    fn set(processes: &[(&str, &str)]) -> Set {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<_> = processes
            .iter()
            .map(|(name, text)| {
                let file = folder.path().join(format!("{name}.toml"));
                let text = text.replace("HERE", folder.path().to_str().unwrap());
                std::fs::write(&file, text).unwrap();
                file
            })
            .collect();
        for secret in ["ours", "theirs"] {
            std::fs::write(folder.path().join(secret), secret.repeat(8)).unwrap();
        }
        Set::load(&files).unwrap()
    }

    fn shop(place: &str) -> String {
        format!(
            "internal = \"127.0.0.1:9080\"\n[modules]\nrun = [\"user\", \"product\", \"order\"]\n\
             [modules.payment]\nurl = [\"http://127.0.0.1:9081\"]\n{place}{SECRET}"
        )
    }

    fn payment(place: &str) -> String {
        let at = "url = [\"http://127.0.0.1:9080\"]";
        let urls = format!("[modules.user]\n{at}\n[modules.product]\n{at}\n[modules.order]\n{at}\n");
        format!("internal = \"127.0.0.1:9081\"\n[modules]\nrun = [\"payment\"]\n{urls}{place}{SECRET}")
    }

    #[test]
    fn processes_that_fit_together_have_no_fault() {
        let set = set(&[("shop", &shop("")), ("payment", &payment(""))]);
        assert_eq!(set.faults(), Vec::<String>::new());
    }

    #[test]
    fn the_picture_of_a_split_shop_has_arrows_between_processes() {
        let picture = set(&[("shop", &shop("")), ("pay-1", &payment(""))]).diagram().to_string();
        for arrow in [
            "  shop_order -->|pay, resolve, cancel| pay_1_payment",
            "  shop_order -->|quote, reserve, release| shop_product",
            "  shop_gateway -->|payments| pay_1_payment",
            "  pay_1_gateway -->|keys, revoked, accounts| shop_user",
            "  shop_order -.->|order.canceled, order.itemsCanceled| pay_1_payment",
        ] {
            assert!(picture.lines().any(|line| line == arrow), "{arrow}\n{picture}");
        }
        assert!(!picture.contains("pay_1_gateway -->|payments|"), "{picture}");
        assert!(!picture.contains("shop_payment"), "{picture}");
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let nobody = set(&[("shop", &shop(""))]).faults();
        assert!(nobody[0].contains("nobody runs the payment module"), "{nobody:?}");

        let twice = set(&[("shop", &shop("")), ("payment", &payment("")), ("more", &payment(""))]).faults();
        assert!(twice.iter().any(|fault| fault.contains("belongs to one process")), "{twice:?}");
        assert!(twice.iter().any(|fault| fault.contains("same address")), "{twice:?}");

        let database = |name: &str| format!("[database.payment]\nurl = \"postgres://p@db/{name}\"\n");
        let (one, two) = (payment(&database("one")), payment(&database("two")).replace("9081", "9082"));
        let divided = set(&[("shop", &shop("")), ("payment", &one), ("more", &two)]).faults();
        assert!(divided.iter().any(|fault| fault.contains("different databases")), "{divided:?}");

        let misled = payment("").replace("run = [\"payment\"]", "run = [\"payment\", \"user\"]");
        let misled = misled.replace("internal = \"127.0.0.1:9081\"", "internal = \"127.0.0.1:9090\"");
        let other = shop("").replace("9080", "9081");
        let misled = set(&[("shop", &other), ("payment", &misled)]).faults();
        assert!(misled.iter().any(|fault| fault.contains("does not run it")), "{misled:?}");

        let stranger = payment("").replace("ours", "theirs");
        let strangers = set(&[("shop", &shop("")), ("payment", &stranger)]).faults();
        assert!(strangers.iter().any(|fault| fault.contains("different secrets")), "{strangers:?}");

        let over = |text: String, prefix: &str| {
            let nats =
                format!("{}\n[nats]\nurl = \"nats://broker\"\nprefix = \"{prefix}\"\n", text.trim_end());
            nats.replace("transport = \"http\"", "transport = \"nats\"")
        };
        let (one, two) = (over(shop(""), "tea"), over(payment(""), "coffee"));
        let deaf = set(&[("shop", &one), ("payment", &two)]).faults();
        assert!(deaf.len() == 1 && deaf[0].contains("`nats.prefix`"), "{deaf:?}");
        let both = set(&[("shop", &one), ("payment", &over(payment(""), "tea"))]).faults();
        assert_eq!(both, Vec::<String>::new());
    }

    #[test]
    fn a_module_is_taken_out_and_brought_back_in_order() {
        let on = "[database]\nurl = \"postgres://shop@db\"\n";
        let whole = format!("internal = \"127.0.0.1:9080\"\n{on}{SECRET}");
        let whole = set(&[("shop", &whole)]);
        let split = set(&[("shop", &shop(on)), ("payment", &payment(on))]);

        let out: Vec<String> = plan(&whole, &split).iter().map(ToString::to_string).collect();
        assert_eq!(out.len(), 3, "{out:?}");
        assert!(out[0].starts_with("Start payment"));
        assert!(out[1].contains("--internal 127.0.0.1:9080 --url http://127.0.0.1:9081 --percent 10\n"));
        assert!(out[2].starts_with("Put the new shop.toml in place"));

        let back: Vec<String> = plan(&split, &whole).iter().map(ToString::to_string).collect();
        assert!(back[0].starts_with("Give shop its new settings"), "{back:?}");
        assert_eq!(back.last().unwrap(), "Stop payment with SIGTERM.");
        assert_eq!(plan(&split, &split), Vec::new());
    }

    #[test]
    fn tables_move_before_anything_else() {
        let whole = set(&[("shop", SECRET)]);
        let on = "[database.payment]\nurl = \"postgres://p@db/payment\"\n";
        let steps = plan(&whole, &set(&[("shop", &shop(on)), ("payment", &payment(on))]));
        assert!(
            steps[0].to_string().starts_with("Bring the tables of the payment module from ./data/payment.db")
        );
    }
}
