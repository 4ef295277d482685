//! The page of what was proven: made of the records that provers leave behind, and of nothing else.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::suite;
use crate::Failure;
use crate::record::{Kept, Record};

/// What is promised.
const PROMISES: &[(&str, &str)] = &[
    ("P1", "An order that was acknowledged is there after any process is killed at any moment"),
    ("P2", "The same after a cut of the power, whatever of the unsynced writes has arrived"),
    ("P3", "After any crash the books agree, and every checkout comes to its end by itself"),
    ("P4", "After a kill the shop is ready again within 2 s on SQLite and 5 s on PostgreSQL"),
    ("P5", "A full or failing disk loses nothing; writes are refused, reads go on, and it heals by itself"),
    ("P6", "An upgrade that is cut off can be finished, and what an earlier release wrote is understood"),
    ("P7", "No more is sold than there is, however many buy"),
    ("P8", "Stock is neither made nor lost, and no reservation outlives its checkout"),
    ("P9", "A cart becomes one order at the most"),
    ("P10", "Totals are made of the shop's own prices, to the minor unit"),
    ("P12", "Nothing leaves a final state, and late or repeated news leads nothing back"),
    ("P13", "One Idempotency-Key has one effect and one answer"),
    ("P14", "No more is captured than was authorised, and no order is charged twice"),
    ("P15", "No more is refunded or disputed than was captured"),
    ("P16", "Every cent is in the ledger, which is only added to"),
    ("P17", "Money without an order goes back by itself"),
    ("P18", "A payment whose outcome is unknown is asked about and never made again"),
    ("P19", "What the shop's books and a provider's do not agree on is found"),
    ("P20", "The number of a card is neither taken nor kept"),
    ("P21", "Every event has its effect once at every listener, whatever a broker loses"),
    ("P22", "Events of one subject are applied in order"),
    ("P23", "An event that cannot be applied holds up no other, and waits for an operator"),
    (
        "P24",
        "A provider's message is believed when it is signed, and counts once, in whatever order it comes",
    ),
    ("P25", "Nobody reads or changes what is not theirs"),
    ("P26", "Nothing is written or read beyond the schema"),
    ("P27", "Whether somebody has an account cannot be told from outside"),
    ("P28", "A stolen refresh token ends the session, and an honest one does not"),
    ("P29", "Who signs out, is dismissed or gets another role is so everywhere within a second"),
    ("P30", "No statement is made of what a client has sent"),
    ("P32", "Passwords, tokens and keys are not written down where they can be read"),
    ("P33", "No input makes the shop fail"),
    ("P34", "A panic harms the request it happens in, and nobody else"),
    ("P35", "Ten times as much as it can do does not bring the shop down, and buying goes before browsing"),
    ("P36", "Who does not need what is away does not miss it"),
    ("P37", "A process that is told to end answers whom it serves"),
    ("P38", "A wrong or jumping clock ends nothing early and lets nothing in"),
    ("P39", "A client of an earlier version goes on as it is"),
];

/// What the design promises and the shop has no part for.
const NOT_BUILT: &[(&str, &str)] = &[
    ("P11", "coupons and gift cards are not redeemed more often than they may be: there are none"),
    ("P31", "no address that a client names is connected to from inside: the shop connects to none"),
    (
        "P40",
        "what is released can be built again bit for bit, lists what is in it and is signed: nothing is released yet",
    ),
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

/// How often it may fail at the most, with 95 % confidence, after so many tries without a failure: the rule of three. It
/// says nothing of tests, which do the same each time.
fn bound(record: &Record) -> String {
    let Record { runs, failures, .. } = record;
    match failures {
        0 if record.name.starts_with(suite::RECORDS) => "-".to_owned(),
        0 => format!("< {:.1e}", 3.0 / (*runs).max(1) as f64),
        _ => format!("{failures} of {runs}"),
    }
}

impl fmt::Display for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# What can be relied on\n")?;
        writeln!(
            f,
            "Written by `cargo xtask prove page` from what provers found out; `RELIABILITY.json` has the same with all \
             figures. Nothing was seen to fail where *failures* is 0, and then *at most* is how often it may fail all the \
             same, with 95 % confidence (Hanley and Lippman-Hand, 1983); tests of the suite do the same each time, and \
             *tries* is how many there are.\n"
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
                    bound(record)
                )?;
            }
        }
        writeln!(f, "\nWhat nothing can be said of yet:\n")?;
        for (name, words) in NOT_BUILT {
            writeln!(f, "- **{name}** {words}")?;
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
