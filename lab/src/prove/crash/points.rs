//! The fault points of the binary, and how often they were hit.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokio::process::Command;

use super::{Placement, StoreKind};
use crate::Failure;

/// A point, as `cleave faults --json` tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Point {
    pub(super) name: String,
    pub(super) place: String,
    pub(super) can_fail: bool,
}

/// How often a point was come by, and how often something happened there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hits {
    pub(super) hits: u64,
    pub(super) happened: u64,
}

/// All hits so far, of all processes.
pub(super) struct Tally {
    folder: PathBuf,
    counted: BTreeMap<String, Hits>,
}

/// Every point of this binary.
pub(super) async fn of(binary: &Path) -> Result<Vec<Point>, Failure> {
    let told = Command::new(binary).args(["faults", "--json"]).output().await?;
    if !told.status.success() {
        return Err(format!("{} was built without the feature `faults`", binary.display()).into());
    }
    let lines = std::str::from_utf8(&told.stdout)?.lines();
    Ok(lines.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

impl Point {
    /// Whether a shop like this ever comes by it.
    pub(super) fn belongs(&self, store: StoreKind, placement: Placement) -> bool {
        match self.name.split('.').next().unwrap_or_default() {
            "group" => store == StoreKind::Sqlite,
            "postgres" | "sequencer" => store == StoreKind::Postgres,
            "call" | "nats" => placement == Placement::Split,
            "migrate" if self.name.starts_with("migrate.sqlite.") => store == StoreKind::Sqlite,
            _ => true,
        }
    }

    /// Whether a process with these modules comes by it.
    pub(super) fn is_in(&self, group: &str) -> bool {
        let place = self.place.split("::").next().unwrap_or_default();
        !crate::server::MODULES.contains(&place) || group.split('+').any(|module| module == place)
    }
}

impl Tally {
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), counted: BTreeMap::new() })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds what processes have counted that are gone, but for those of these ids, and forgets their files.
    pub(super) fn collect(&mut self, alive: &[u32]) -> Result<(), Failure> {
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if alive.iter().any(|pid| name.starts_with(&format!("{pid}-"))) {
                continue;
            }
            // What no hit was written into is a hole of zeros.
            let text = String::from_utf8_lossy(&std::fs::read(&path)?).replace('\0', "");
            for line in text.lines() {
                let mut words = line.split_whitespace();
                let (Some(name), Some(hits), Some(happened)) = (words.next(), words.next(), words.next())
                else {
                    continue;
                };
                let counted = self.counted.entry(name.to_owned()).or_default();
                counted.hits += hits.parse::<u64>().unwrap_or_default();
                counted.happened += happened.parse::<u64>().unwrap_or_default();
            }
            std::fs::remove_file(&path)?;
        }
        Ok(())
    }

    pub(super) fn of(&self, name: &str) -> Hits {
        self.counted.get(name).copied().unwrap_or_default()
    }

    /// Everything that has happened at points.
    pub(super) fn happened(&self) -> u64 {
        self.counted.values().map(|hits| hits.happened).sum()
    }
}
