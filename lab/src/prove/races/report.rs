//! What became of the races.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::json;

use super::Races;
use crate::record::Record;

/// One race, run once.
#[derive(Debug, Clone)]
pub struct Heat {
    /// Which one.
    pub race: &'static str,
    /// How many came.
    pub tries: usize,
    /// Which limits did not hold: more sold than there was, money moved twice.
    pub broken: Vec<String>,
    /// Who was answered otherwise than is promised, while every limit held.
    pub odd: Vec<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Report {
    races: BTreeMap<&'static str, Sum>,
    /// How long they took.
    pub seconds: f64,
}

#[derive(Debug, Default)]
struct Sum {
    heats: u64,
    tries: u64,
    broken: Vec<String>,
    odd: Vec<String>,
}

impl Heat {
    pub(super) fn of(race: &'static str, tries: usize) -> Self {
        Self { race, tries, broken: Vec::new(), odd: Vec::new() }
    }

    /// A race that did not come to its end.
    pub(super) fn failed(race: &'static str, why: &dyn fmt::Display) -> Self {
        let odd = vec![format!("{race}: it did not come to its end: {why}")];
        Self { odd, ..Self::of(race, 0) }
    }

    /// A limit: what is found has to be what is expected.
    pub(super) fn limit<T: PartialEq + fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.broken.push(format!("{}: {what}: {found:?} and not {expected:?}", self.race));
        }
    }

    /// An answer: likewise.
    pub(super) fn answer<T: PartialEq + fmt::Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.odd.push(format!("{}: {what}: {found:?} and not {expected:?}", self.race));
        }
    }

    /// Whether all was as promised.
    pub fn is_sound(&self) -> bool {
        self.broken.is_empty() && self.odd.is_empty()
    }
}

impl Report {
    pub(super) fn add(&mut self, heat: Heat) {
        let sum = self.races.entry(heat.race).or_default();
        sum.heats += 1;
        sum.tries += heat.tries as u64;
        sum.broken.extend(heat.broken);
        sum.odd.extend(heat.odd);
    }

    /// Whether every limit held and everybody was answered as is promised.
    pub fn is_sound(&self) -> bool {
        self.races.values().all(|sum| sum.broken.is_empty() && sum.odd.is_empty())
    }

    /// Whether limits of this race did not hold, and whether answers of it were other than promised.
    pub(super) fn of(&self, race: &str) -> (bool, bool) {
        self.races.get(race).map_or((false, false), |sum| (!sum.broken.is_empty(), !sum.odd.is_empty()))
    }

    /// The first thing that was wrong with this race.
    pub(super) fn first(&self, race: &str) -> Option<&str> {
        let sum = self.races.get(race)?;
        sum.broken.first().or(sum.odd.first()).map(String::as_str)
    }

    pub(super) fn to_json(&self) -> String {
        let races: BTreeMap<_, _> = self
            .races
            .iter()
            .map(|(race, sum)| {
                let told =
                    json!({ "heats": sum.heats, "tries": sum.tries, "broken": sum.broken, "odd": sum.odd });
                (*race, told)
            })
            .collect();
        format!("{}\n", json!({ "races": races, "seconds": self.seconds, "sound": self.is_sound() }))
    }

    pub(super) fn record(&self, asked: &Races) -> Record {
        let heats = self.races.values().map(|sum| sum.heats).sum();
        let wrong = |sum: &Sum| (sum.broken.len() + sum.odd.len()) as u64;
        let (store, placement) = (&asked.store, &asked.placement);
        Record {
            name: format!("races-{store}-{placement}"),
            promises: ["P7", "P9", "P13", "P14", "P15", "P28"].map(str::to_owned).to_vec(),
            command: format!(
                "cargo xtask prove races --store {store} --placement {placement} --rounds {}",
                asked.rounds
            ),
            runs: heats,
            faults: 0,
            failures: self.races.values().map(wrong).sum(),
            seconds: self.seconds,
            figures: self
                .races
                .iter()
                .map(|(race, sum)| (format!("{race}Tries"), json!(sum.tries)))
                .collect(),
            not_covered: vec!["5,000 buyers at once".to_owned(), "refunds against disputes".to_owned()],
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| race | heats | tries | limits that broke | answers amiss |\n|---|---|---|---|---|")?;
        for (race, Sum { heats, tries, broken, odd }) in &self.races {
            writeln!(f, "| {race} | {heats} | {tries} | {} | {} |", broken.len(), odd.len())?;
        }
        for wrong in self.races.values().flat_map(|sum| sum.broken.iter().chain(&sum.odd)).take(20) {
            writeln!(f, "{wrong}")?;
        }
        writeln!(f, "{:.0} s", self.seconds)
    }
}
