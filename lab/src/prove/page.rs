//! The page of what was proven: made of the records that provers leave behind, and of nothing else.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::Failure;
use crate::record::Kept;

/// What is promised, as far as a prover tries it.
const PROMISES: [(&str, &str); 24] = [
    ("P1", "An order that was acknowledged is there after any process is killed at any moment"),
    ("P2", "The same after a cut of the power, whatever of the unsynced writes has arrived"),
    ("P3", "After any crash the books agree, and every checkout comes to its end by itself"),
    ("P4", "After a kill the shop is ready again within 2 s on SQLite and 5 s on PostgreSQL"),
    ("P5", "A full or failing disk loses nothing; writes are refused, reads go on, and it heals by itself"),
    ("P7", "No more is sold than there is, however many buy"),
    ("P8", "Stock is neither made nor lost, and no reservation outlives its checkout"),
    ("P9", "A cart becomes one order at the most"),
    ("P12", "Nothing leaves a final state, and late or repeated news leads nothing back"),
    ("P13", "One Idempotency-Key has one effect and one answer"),
    ("P14", "No more is captured than was authorised, and no order is charged twice"),
    ("P15", "No more is refunded or disputed than was captured"),
    ("P16", "Every cent is in the ledger, which is only added to"),
    ("P17", "Money without an order goes back by itself"),
    ("P18", "A payment whose outcome is unknown is asked about and never made again"),
    ("P19", "What the shop's books and a provider's do not agree on is found"),
    ("P21", "Every event has its effect once at every listener, whatever a broker loses"),
    ("P22", "Events of one subject are applied in order"),
    ("P25", "Nobody reads or changes what is not theirs"),
    ("P26", "Nothing is written or read beyond the schema"),
    ("P28", "A stolen refresh token ends the session, and an honest one does not"),
    ("P29", "Who signs out, is dismissed or gets another role is so everywhere within a second"),
    ("P33", "No input makes the shop fail"),
    ("P35", "Ten times as much as it can do does not bring the shop down, and buying goes before browsing"),
];

/// Writes docs/reliability.md and RELIABILITY.json.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cargo xtask prove page --records records\n  \
                        cargo xtask prove races --record records && cargo xtask prove page --records records")]
pub struct Page {
    /// The folder with the records, as provers leave them with `--record`
    #[arg(long, value_name = "DIR")]
    records: PathBuf,
    /// The folder that gets RELIABILITY.json and docs/reliability.md
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
}

impl Page {
    /// Writes it.
    ///
    /// # Errors
    /// There are no records, one is none, or a promise in one is not known.
    pub fn run(self) -> Result<(), Failure> {
        let records = Records::read(&self.records)?;
        std::fs::create_dir_all(self.into.join("docs"))?;
        std::fs::write(self.into.join("docs/reliability.md"), records.to_string())?;
        let text = serde_json::to_string_pretty(&records.0)?;
        std::fs::write(self.into.join("RELIABILITY.json"), text + "\n")?;
        writeln!(std::io::stdout(), "{} records are on the page", records.0.len())?;
        Ok(())
    }
}

struct Records(Vec<Kept>);

impl Records {
    fn read(folder: &Path) -> Result<Self, Failure> {
        let mut records = Vec::new();
        let listed = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in listed {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "json") {
                let text = std::fs::read_to_string(&file)?;
                let kept: Kept = serde_json::from_str(&text)
                    .map_err(|error| format!("{} is no record: {error}", file.display()))?;
                let strange = kept.record.promises.iter().find(|promise| words(promise).is_none());
                if let Some(strange) = strange {
                    return Err(format!("{}: there is no promise {strange}", file.display()).into());
                }
                records.push(kept);
            }
        }
        if records.is_empty() {
            return Err(
                format!("{} holds no records; provers leave them with --record", folder.display()).into()
            );
        }
        records.sort_by(|one, other| one.record.name.cmp(&other.record.name));
        Ok(Self(records))
    }
}

fn words(promise: &str) -> Option<&'static str> {
    PROMISES.iter().find(|(name, _)| *name == promise).map(|(_, words)| *words)
}

/// How often it may fail at the most, with 95 % confidence, after so many tries without a failure: the rule of three.
fn bound(runs: u64, failures: u64) -> String {
    if failures > 0 { format!("{failures} of {runs}") } else { format!("< {:.1e}", 3.0 / runs.max(1) as f64) }
}

impl fmt::Display for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# What can be relied on\n")?;
        writeln!(
            f,
            "Written by `cargo xtask prove page` from what provers found out; `RELIABILITY.json` has the same with all \
             figures. Nothing was seen to fail where *failures* is 0, and then *at most* is how often it may fail all the \
             same, with 95 % confidence (Hanley and Lippman-Hand, 1983).\n"
        )?;
        writeln!(f, "| Promise | Proof | Tries | Faults | Failures | At most |\n|---|---|---|---|---|---|")?;
        for (name, words) in PROMISES {
            for kept in self.0.iter().filter(|kept| kept.record.promises.iter().any(|known| known == name)) {
                let record = &kept.record;
                writeln!(
                    f,
                    "| **{name}** {words} | {} | {} | {} | {} | {} |",
                    record.name,
                    record.runs,
                    record.faults,
                    record.failures,
                    bound(record.runs, record.failures)
                )?;
            }
        }
        writeln!(
            f,
            "\n## The proofs\n\n| Proof | Command | Commit | Took | Not tried |\n|---|---|---|---|---|"
        )?;
        for Kept { commit, record } in &self.0 {
            let not_covered = record.not_covered.join("; ");
            writeln!(
                f,
                "| {} | `{}` | {commit} | {:.0} s | {not_covered} |",
                record.name, record.command, record.seconds
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(folder: &Path, promises: &str, failures: u64) {
        let text = format!(
            r#"{{"commit": "abc", "name": "races", "promises": [{promises}], "command": "cargo xtask prove races",
                "runs": 3000, "faults": 7, "failures": {failures}, "seconds": 1.5, "figures": {{}},
                "not_covered": ["floods"]}}"#
        );
        std::fs::write(folder.join("races.json"), text).unwrap();
    }

    #[test]
    fn the_page_says_how_often_and_what_was_not_tried() {
        let (records, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = || Page { records: records.path().to_owned(), into: into.path().to_owned() }.run();
        assert!(write().unwrap_err().to_string().contains("holds no records"));

        kept(records.path(), r#""P7""#, 0);
        write().unwrap();
        let page = std::fs::read_to_string(into.path().join("docs/reliability.md")).unwrap();
        assert!(page.contains("however many buy | races | 3000 | 7 | 0 | < 1.0e-3 |"), "{page}");
        assert!(page.contains("| races | `cargo xtask prove races` | abc | 2 s | floods |"), "{page}");

        kept(records.path(), r#""P7""#, 2);
        write().unwrap();
        let page = std::fs::read_to_string(into.path().join("docs/reliability.md")).unwrap();
        assert!(page.contains("| 2 | 2 of 3000 |"), "{page}");

        kept(records.path(), r#""P99""#, 0);
        assert!(write().unwrap_err().to_string().contains("no promise P99"));
    }
}
