//! Whether the races would notice: every guard is taken out of a copy of the sources, the copy is built, and its race has
//! to fail.
//!
//! Most guards stand twice: as the condition of one statement, and as a constraint of the table behind it. So there are
//! three copies: without the conditions, without the constraints, without either. In the last every race has to fail.

mod copy;
mod guards;

use std::fmt::Write as _;

use serde_json::json;

use super::{Races, Report};
use crate::Failure;
use crate::record::Record;
use copy::Copy;
use guards::{GUARDS, Guard};

/// Which of the two layers is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Conditions,
    Constraints,
    Either,
}

/// What a race says of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// All was as promised.
    Held,
    /// Every limit held, and some were answered otherwise than is promised.
    Rude,
    /// A limit did not hold.
    Broke,
}

impl Without {
    const ALL: [Self; 3] = [Self::Conditions, Self::Constraints, Self::Either];

    fn name(self) -> &'static str {
        match self {
            Self::Conditions => "conditions",
            Self::Constraints => "constraints",
            Self::Either => "either",
        }
    }
}

impl Verdict {
    fn of(report: &Report, race: &str) -> Self {
        match report.of(race) {
            (true, _) => Self::Broke,
            (false, true) => Self::Rude,
            (false, false) => Self::Held,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Rude => "held, answers amiss",
            Self::Broke => "broke",
        }
    }
}

/// What the races said of each copy.
struct Verdicts(Vec<(&'static str, Without, Verdict)>);

impl Verdicts {
    fn of(&self, race: &str, without: Without) -> &Verdict {
        let found = self.0.iter().find(|(of, what, _)| (*of, *what) == (race, without));
        found.map_or(&Verdict::Held, |(_, _, verdict)| verdict)
    }
}

/// Takes the guards out and runs the races. Returns whether all were missed.
pub(super) async fn run(asked: &Races) -> Result<bool, Failure> {
    let here = |guard: &&Guard| guard.store.is_none_or(|store| store == asked.store);
    let guards: Vec<&Guard> = GUARDS.iter().filter(|guard| asked.wants(guard.race)).filter(here).collect();
    let mut verdicts = Verdicts(Vec::new());
    let mut seconds = 0.0;
    for without in Without::ALL {
        let report = without_guards(asked, &guards, without).await?;
        seconds += report.seconds;
        let judged = guards.iter().map(|guard| (guard.race, without, Verdict::of(&report, guard.race)));
        verdicts.0.extend(judged);
    }
    let races = guards.iter().map(|guard| guard.race);
    let missed: Vec<&str> =
        races.filter(|race| *verdicts.of(race, Without::Either) == Verdict::Held).collect();
    let told = json!({
        "guards": guards.iter().map(|guard| json!({
            "race": guard.race,
            "without": Without::ALL.map(|without| json!({ without.name(): verdicts.of(guard.race, without).name() })),
        })).collect::<Vec<_>>(),
        "missed": missed, "seconds": seconds,
    });
    let text = if asked.json { format!("{told}\n") } else { table(&guards, &verdicts, &missed)? };
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    if let Some(dir) = &asked.record {
        record(asked, guards.len(), &missed, seconds, told).write(dir)?;
    }
    Ok(missed.is_empty())
}

/// Runs the races in a shop that lacks this.
async fn without_guards(asked: &Races, guards: &[&Guard], without: Without) -> Result<Report, Failure> {
    let copy = Copy::make(guards, without)?;
    let say = |what: &str| {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{what}\n").as_bytes());
    };
    say(&format!("building a shop without {}", without.name()));
    let binary = copy.build()?;
    let races: Vec<&str> = guards.iter().map(|guard| guard.race).collect();
    let races = Races { only: Some(races.join(",")), mutants: false, ..asked.clone() };
    let report = races.on(&binary).await?;
    guards.iter().filter_map(|guard| report.first(guard.race)).for_each(say);
    Ok(report)
}

fn table(guards: &[&Guard], verdicts: &Verdicts, missed: &[&str]) -> Result<String, Failure> {
    let mut text = String::from(
        "| race | without the condition | without the constraint | without either |\n|---|---|---|---|\n",
    );
    for guard in guards {
        let [condition, constraint, either] =
            Without::ALL.map(|without| verdicts.of(guard.race, without).name());
        let constraint = if guard.constraint.is_empty() { "there is none" } else { constraint };
        writeln!(text, "| {} | {condition} | {constraint} | {either} |", guard.race)?;
    }
    for race in missed {
        writeln!(text, "nobody missed the guard of `{race}`: the race proves nothing")?;
    }
    Ok(text)
}

fn record(asked: &Races, guards: usize, missed: &[&str], seconds: f64, told: serde_json::Value) -> Record {
    let (store, placement) = (&asked.store, &asked.placement);
    Record {
        name: format!("races-mutants-{store}-{placement}"),
        promises: ["P7", "P9", "P13", "P14", "P15", "P28"].map(str::to_owned).to_vec(),
        command: format!("cargo xtask prove races --mutants --store {store} --placement {placement}"),
        runs: guards as u64,
        faults: guards as u64,
        failures: missed.len() as u64,
        seconds,
        figures: [("guards".to_owned(), told["guards"].clone())].into(),
        not_covered: Vec::new(),
    }
}
