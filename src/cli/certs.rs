//! `cleave certs`: an authority for development, and a certificate for each process.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use kernel::Clock;
use platform::tls::{Authority, GATEWAY, Issued, OPERATOR, Pems, Tls, Wanted};
use serde_json::json;

use super::Failure;
use super::output::Output;
use crate::declared::MODULES;

/// Where every process of a machine can be tried.
const HERE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cleave certs --dir certs                     one for each module, and one for a gateway\n  \
                  cleave certs --dir certs --module payment --name payment.shop.internal --name 10.0.0.7\n  \
                  cleave certs --dir certs --process shop --run user,product,order\n  \
                  cleave certs --dir certs --module operator   for `cleave topology apply` from elsewhere\n\n\
                  The authority is for development: its key lies beside the certificates. In production use your own, \
                  such as cert-manager, SPIRE or a service mesh; docs/splitting.md says what has to be in a certificate."
)]
pub(super) struct Certs {
    /// The folder that the files go to; an authority that is there is used again
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// A name or an address under which others reach the process, beside its own name and this machine's
    #[arg(long = "name", value_name = "HOST")]
    hosts: Vec<String>,
    /// How long the certificates are valid
    #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Only for a process that runs this module alone, or for a `gateway` or an `operator`; may be given several times
    #[arg(long = "module", value_name = "MODULE", value_parser = roles(), conflicts_with = "process")]
    modules: Vec<String>,
    /// Only for a process of this name that runs several modules
    #[arg(long, value_name = "NAME", requires = "run")]
    process: Option<String>,
    /// The modules that it runs, with commas between
    #[arg(long, value_name = "MODULES", value_delimiter = ',', value_parser = roles(), requires = "process")]
    run: Vec<String>,
    /// What the URIs in the certificates begin with, as in `contracts.tls.identity`
    #[arg(long, default_value = "spiffe://cleave/shop/module/", value_name = "URI")]
    identity: String,
}

fn roles() -> clap::builder::PossibleValuesParser {
    MODULES.map(|module| module.name).into_iter().chain([GATEWAY, OPERATOR]).collect::<Vec<_>>().into()
}

/// One certificate's files.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Certs {
    pub(super) fn run(self, output: &Output) -> Result<(), Failure> {
        let clock = Clock::system();
        fs::create_dir_all(&self.dir).map_err(|error| format!("{}: {error}", self.dir.display()))?;
        let dir = self.dir.canonicalize()?;
        let ca = Files::of(&dir, "ca");
        let authority = if ca.are_there()? {
            output.say(
                format!("The authority in {} is used again.", ca.certificate.display()),
                &json!({ "authority": ca.certificate, "state": "kept" }),
            );
            Authority::with_key(&read(&ca.key)?)?
        } else {
            let (authority, kept) = Authority::found(&clock)?;
            ca.write(&kept)?;
            output.say(
                format!(
                    "An authority for development was made: {}. Guard {} or throw it away.",
                    ca.certificate.display(),
                    ca.key.display()
                ),
                &json!({ "authority": ca.certificate, "state": "made" }),
            );
            authority
        };
        let trusted = read(&ca.certificate)?;
        for (process, names) in self.processes() {
            let wanted = Wanted {
                uris: names.iter().map(|name| format!("{}{name}", self.identity)).collect(),
                hosts: self.hosts_of(&process),
                from: clock.now(),
                lasts: Duration::from_hours(24) * self.days,
            };
            let files = Files::of(&dir, &process);
            let is_kept = files.are_there()?;
            if !is_kept {
                let issued = authority
                    .issue(&wanted)
                    .map_err(|error| format!("no certificate for {}: {error}", wanted.hosts.join(", ")))?;
                files.write(&issued)?;
            }
            let pems =
                Pems { ca: trusted.clone(), certificate: read(&files.certificate)?, key: read(&files.key)? };
            let lacks = match Tls::new(&pems, &self.identity, clock.now()) {
                Ok(tls) => lacks(&tls, &names, &wanted.hosts),
                Err(error) => Some(format!("it {error}")),
            };
            Told { process, files, is_kept, lacks }.say(&ca, &self.identity, output);
        }
        Ok(())
    }

    /// Each process, and what its certificate names.
    fn processes(&self) -> Vec<(String, Vec<String>)> {
        match &self.process {
            Some(process) => vec![(process.clone(), self.run.clone())],
            None if self.modules.is_empty() => {
                let all = MODULES.map(|module| module.name).into_iter().chain([GATEWAY]);
                all.map(|name| (name.to_owned(), vec![name.to_owned()])).collect()
            }
            None => self.modules.iter().map(|module| (module.clone(), vec![module.clone()])).collect(),
        }
    }

    fn hosts_of(&self, process: &str) -> Vec<String> {
        let mut hosts: Vec<String> = self.hosts.clone();
        hosts.push(process.to_owned());
        hosts.extend(HERE.map(str::to_owned));
        hosts
    }
}

/// What a certificate that was there before does not say.
fn lacks(tls: &Tls, names: &[String], hosts: &[String]) -> Option<String> {
    let has = tls.names();
    let unnamed = names.iter().filter(|name| !has.contains(name));
    let uncovered = hosts.iter().filter(|host| !tls.covers(host));
    let lacking: Vec<&str> = unnamed.chain(uncovered).map(String::as_str).collect();
    (!lacking.is_empty()).then(|| format!("it does not say: {}", lacking.join(", ")))
}

/// A certificate, as it is told.
struct Told {
    process: String,
    files: Files,
    is_kept: bool,
    lacks: Option<String>,
}

impl Told {
    fn say(&self, ca: &Files, identity: &str, output: &Output) {
        let Self { process, files: Files { certificate, key }, is_kept, lacks } = self;
        let state = match (is_kept, lacks) {
            (false, _) => "issued. Write into its settings:".to_owned(),
            (true, None) => "was there and is kept.".to_owned(),
            (true, Some(lacks)) => {
                format!("was there and is kept, but {lacks}. Delete both files to have another.")
            }
        };
        let key = format!("file:{}", key.display());
        let (ca, certificate) = (ca.certificate.display().to_string(), certificate.display().to_string());
        output.say(
            format!(
                "\n# {process}: {state}\n[contracts.tls]\nca = {ca:?}\ncertificate = {certificate:?}\nkey = {key:?}\n\
                 identity = {identity:?}"
            ),
            &json!({
                "process": process, "state": if *is_kept { "kept" } else { "issued" }, "lacks": lacks, "ca": ca,
                "certificate": certificate, "key": key, "identity": identity,
            }),
        );
    }
}

impl Files {
    fn of(dir: &Path, name: &str) -> Self {
        Self { certificate: dir.join(format!("{name}.pem")), key: dir.join(format!("{name}.key")) }
    }

    /// Whether they are there. Half of a pair is not written over.
    fn are_there(&self) -> Result<bool, Failure> {
        match (self.certificate.exists(), self.key.exists()) {
            (true, true) => Ok(true),
            (false, false) => Ok(false),
            (is_there, _) => {
                let (there, lacking) =
                    if is_there { (&self.certificate, &self.key) } else { (&self.key, &self.certificate) };
                Err(format!(
                    "{} is there and {} is not; bring it back, or delete the one that is left",
                    there.display(),
                    lacking.display()
                )
                .into())
            }
        }
    }

    fn write(&self, issued: &Issued) -> Result<(), Failure> {
        // The key first: a certificate alone would be worth nothing.
        for (path, text) in [(&self.key, &issued.key), (&self.certificate, &issued.certificate)] {
            let written = private(path).and_then(|mut file| file.write_all(text.as_bytes()));
            written.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }
}

/// A new file that nobody else may read.
fn private(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read(path: &Path) -> Result<String, Failure> {
    Ok(fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?)
}
