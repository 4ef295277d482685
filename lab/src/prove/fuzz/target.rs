//! A program of `fuzz/`, run by cargo-fuzz.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use tokio::process::Command;

use crate::Failure;

/// Slower than this for one input is a failure of its own.
const SECONDS_FOR_ONE: u64 = 10;
/// How much longer than asked for a run may take to begin and to end.
const GRACE: Duration = Duration::from_mins(2);

/// A program that tries one reader.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) name: String,
    folder: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Outcome {
    pub(super) target: String,
    /// Inputs that were tried.
    pub(super) runs: u64,
    pub(super) per_second: u64,
    /// Branches that some input took.
    pub(super) edges: u64,
    /// The file with the bytes it fell over.
    pub(super) crash: Option<String>,
}

impl Target {
    /// Those in this folder.
    pub(super) fn all(folder: &Path) -> Result<Vec<Self>, Failure> {
        let programs = folder.join("fuzz_targets");
        let listed =
            std::fs::read_dir(&programs).map_err(|error| format!("{}: {error}", programs.display()))?;
        let mut targets = Vec::new();
        for entry in listed {
            let path = entry?.path();
            if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
                targets.push(Self { name: name.to_owned(), folder: folder.canonicalize()? });
            }
        }
        targets.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(targets)
    }

    /// Builds them, all at once where there are several.
    pub(super) async fn build(targets: &[Self]) -> Result<(), Failure> {
        let [first, rest @ ..] = targets else { return Err("there are no targets".into()) };
        let mut build = first.cargo_fuzz("build");
        if rest.is_empty() {
            build.arg(&first.name);
        }
        let status = build.stdout(Stdio::from(std::io::stderr())).status().await;
        let status = status.map_err(|error| format!("cargo-fuzz does not start: {error}"))?;
        if status.success() { Ok(()) } else { Err("the targets cannot be built".into()) }
    }

    /// Without a sanitizer: our code has no `unsafe`, so that one would look at others' and take half the runs.
    fn cargo_fuzz(&self, verb: &str) -> Command {
        let mut command = Command::new("rustup");
        command.args(["run", "nightly", "cargo", "fuzz", verb, "--sanitizer", "none"]);
        // What the cargo that started us has set is of another compiler.
        command
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("RUSTC")
            .current_dir(&self.folder);
        command.arg("--fuzz-dir").arg(&self.folder).arg("--target-dir").arg(self.folder.join("target"));
        command.kill_on_drop(true);
        command
    }

    /// The program as it was built, for whatever machine this is.
    fn program(&self) -> Result<PathBuf, Failure> {
        let built = std::fs::read_dir(self.folder.join("target"))?;
        let programs = built.filter_map(|entry| Some(entry.ok()?.path().join("release").join(&self.name)));
        let found = programs.into_iter().find(|program| program.is_file());
        found.ok_or_else(|| format!("{} was not built", self.name).into())
    }

    /// Runs it for so long. What it learns of stays in `corpus/`, what it falls over in `artifacts/`.
    pub(super) async fn run(&self, seconds: u64) -> Result<Outcome, Failure> {
        let of = |folder: &str| self.folder.join(folder).join(&self.name);
        let (corpus, artifacts) = (of("corpus"), of("artifacts"));
        std::fs::create_dir_all(&corpus)?;
        std::fs::create_dir_all(&artifacts)?;
        let mut command = Command::new(self.program()?);
        command.arg(corpus).arg(of("seeds")).arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={SECONDS_FOR_ONE}"));
        command.args(["-print_final_stats=1", "-rss_limit_mb=2048", "-max_len=8192"]);
        if let Some(words) = self.dictionary() {
            command.arg(format!("-dict={}", words.display()));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let patience = Duration::from_secs(seconds) + GRACE;
        let output = tokio::time::timeout(patience, command.output()).await;
        let output = output.map_err(|_| format!("{} does not end", self.name))??;
        let said = String::from_utf8_lossy(&output.stderr);
        let outcome = Outcome::read(&self.name, &said);
        match (&outcome.crash, output.status.success()) {
            (None, false) => Err(format!("{} did not run:\n{said}", self.name).into()),
            (Some(_), _) => {
                eprint_tail(&said);
                Ok(outcome)
            }
            (None, true) => Ok(outcome),
        }
    }

    /// Words that no chance would find: of its own, or those of JSON.
    fn dictionary(&self) -> Option<PathBuf> {
        let of = |name: &str| self.folder.join("dictionaries").join(name).with_extension("dict");
        let is_json = ["_bodies", "_calls"].iter().any(|end| self.name.ends_with(end));
        let known = [of(&self.name), of("json")].into_iter().take(if is_json { 2 } else { 1 });
        known.into_iter().find(|file| file.is_file())
    }
}

impl Outcome {
    /// Takes it from what libFuzzer says.
    fn read(target: &str, said: &str) -> Self {
        let after = |word: &str| said.lines().rev().find_map(|line| Some(line.split_once(word)?.1.trim()));
        let number =
            |text: &str| text.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0);
        Self {
            target: target.to_owned(),
            runs: after("stat::number_of_executed_units:").map_or(0, number),
            per_second: after("stat::average_exec_per_sec:").map_or(0, number),
            edges: after(" cov:").map_or(0, number),
            crash: after("Test unit written to ").map(str::to_owned),
        }
    }
}

/// What it said when it fell over, on standard error.
fn eprint_tail(said: &str) {
    use std::io::Write as _;
    let told: Vec<&str> =
        said.lines().filter(|line| !line.starts_with('#') && !line.starts_with("stat::")).collect();
    let _ = writeln!(std::io::stderr(), "{}", told[told.len().saturating_sub(40)..].join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 40Mb\n\
        #900\tNEW    cov: 812 ft: 1300 corp: 70/2Kb lim: 4 exec/s: 450 rss: 44Mb L: 3/4 MS: 1 -\n\
        Done 1000 runs in 2 second(s)\nstat::number_of_executed_units: 1000\nstat::average_exec_per_sec:     500\n";

    #[test]
    fn what_was_tried_is_counted() {
        let outcome = Outcome::read("json", WELL);
        assert_eq!((outcome.runs, outcome.per_second, outcome.edges, outcome.crash), (1000, 500, 812, None));
    }

    #[test]
    fn a_crash_is_told_with_its_bytes() {
        let said = format!("{WELL}artifact_prefix='a/'; Test unit written to a/crash-12\n");
        assert_eq!(Outcome::read("json", &said).crash.as_deref(), Some("a/crash-12"));
    }

    #[test]
    fn every_program_of_ours_is_found_with_its_seeds() {
        let targets = Target::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")).unwrap();
        assert!(targets.len() > 40, "{}", targets.len());
        let folders = std::fs::read_dir(targets[0].folder.join("seeds")).unwrap();
        let folders: Vec<_> =
            folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(
            folders.iter().all(|seeds| targets.iter().any(|target| target.name == *seeds)),
            "{folders:?}"
        );
        assert_eq!(folders.len(), targets.len());
    }
}
