//! The power is cut at every point of a recording, and the files of each module are looked at in every way they may be.
//!
//! Modules keep files of their own, and what is asked of them is asked of each alone: so every state of one is tried once,
//! and stands for all the states of the others.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::disk::{Arrived, Disk, Image};
use super::shop::{Recorded, put};
use super::trace::{Deed, Order};
use super::verdict::Verdict;
use crate::Failure;
use crate::server::MODULES;

/// So many losses are put in words.
const SHOWN: usize = 20;
/// Sectors of the largest write.
const SECTORS: u64 = 9;

/// What became of the states of one recording, or of several.
#[derive(Default)]
pub(super) struct Tried {
    /// Points at which the power was cut.
    pub(super) cuts: u64,
    /// States that were held against what was acknowledged.
    pub(super) states: u64,
    /// How many of them differ in at least a byte, and were opened.
    pub(super) distinct: u64,
    /// How many were allowed, whole writes alone counted.
    pub(super) allowed: f64,
    /// What was lost or broken.
    pub(super) lost: u64,
    /// The first of it in words.
    pub(super) losses: Vec<String>,
}

/// How thoroughly it is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Care {
    /// Every so many writes.
    pub(super) stride: usize,
    /// Random parts of what has not been synced, at each point.
    pub(super) draws: u64,
    pub(super) seed: u64,
}

/// Holds states against what was acknowledged.
pub(super) struct States<'r> {
    recorded: &'r Recorded,
    told: Vec<Order>,
    folder: TempDir,
    known: HashMap<String, [u8; 32]>,
    verdicts: HashMap<[u8; 32], Verdict>,
    tried: Tried,
}

impl<'r> States<'r> {
    pub(super) fn of(recorded: &'r Recorded) -> Result<Self, Failure> {
        let mut told = recorded.before.clone();
        told.extend(recorded.steps.iter().filter_map(|step| match &step.deed {
            Deed::Told(order) => Some(order.clone()),
            _ => None,
        }));
        // In memory where there is some: what is synced here is of no interest.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
        Ok(Self {
            recorded,
            told,
            folder,
            known: HashMap::new(),
            verdicts: HashMap::new(),
            tried: Tried::default(),
        })
    }

    /// Cuts the power everywhere.
    pub(super) async fn try_all(mut self, care: Care, keeps_its_word: bool) -> Result<Tried, Failure> {
        let recorded = self.recorded;
        let mut disk = Disk::new(&recorded.base, keeps_its_word);
        let mut told = recorded.before.len();
        for (at, step) in recorded.steps.iter().enumerate() {
            let changed = disk.apply(step).and_then(|file| file.split(".db").next());
            told += usize::from(matches!(step.deed, Deed::Told(_)));
            let due = at.is_multiple_of(care.stride) || !matches!(step.deed, Deed::Write { .. });
            let whose = match (&step.deed, changed) {
                (Deed::Told(_) | Deed::SyncFolder, _) => &MODULES[..],
                (_, Some(module)) if due => {
                    let at = MODULES.iter().position(|name| *name == module);
                    at.map_or(&[][..], |at| &MODULES[at..=at])
                }
                _ => continue,
            };
            self.tried.cuts += 1;
            for module in whose {
                self.tried.allowed += disk.allowed(module);
                let seed = care.seed.wrapping_add((at as u64) << 8);
                let draws = (0..care.draws).map(|draw| Arrived::Some(seed + draw));
                let torn = Arrived::LastTorn(1 + seed.wrapping_mul(0x9E37_79B9) % (SECTORS - 1));
                let ways = [
                    Arrived::Nothing,
                    Arrived::Everything,
                    torn,
                    Arrived::NamesAlone,
                    Arrived::EverythingButNames,
                ];
                for arrived in ways.into_iter().chain(draws) {
                    self.try_one(&disk, module, arrived, told, at).await?;
                }
            }
        }
        self.tried.distinct = self.verdicts.len() as u64;
        Ok(self.tried)
    }

    async fn try_one(
        &mut self,
        disk: &Disk,
        module: &str,
        arrived: Arrived,
        told: usize,
        at: usize,
    ) -> Result<(), Failure> {
        self.tried.states += 1;
        let (words, parts) = disk.after(module, arrived);
        let digest = if let Some(digest) = self.known.get(&words) {
            *digest
        } else {
            let image: Image = parts.iter().map(|(name, part)| ((*name).to_owned(), part.bytes())).collect();
            let digest = digest(&image);
            if !self.verdicts.contains_key(&digest) {
                // A folder each, so that no connection to the last one can meddle.
                let folder = tempfile::tempdir_in(self.folder.path())?;
                put(folder.path(), &image)?;
                let verdict = Verdict::on(folder.path(), module, &self.told).await?;
                self.verdicts.insert(digest, verdict);
            }
            self.known.insert(words, digest);
            digest
        };
        let Some(verdict) = self.verdicts.get(&digest) else { return Ok(()) };
        let missing = (module != "user" && verdict.holds < told)
            .then(|| format!("{module} has {} of {told} acknowledged orders", verdict.holds));
        for loss in verdict.broken.iter().cloned().chain(missing) {
            self.tried.lost += 1;
            if self.tried.losses.len() < SHOWN {
                self.tried.losses.push(format!("after step {at}, {arrived:?}: {loss}"));
            }
        }
        Ok(())
    }
}

impl Tried {
    pub(super) fn add(&mut self, other: Self) {
        self.cuts += other.cuts;
        self.states += other.states;
        self.distinct += other.distinct;
        self.allowed += other.allowed;
        self.lost += other.lost;
        self.losses.extend(other.losses);
        self.losses.truncate(SHOWN);
    }
}

fn digest(image: &Image) -> [u8; 32] {
    let mut digest = Sha256::new();
    for (name, bytes) in image {
        digest.update(name.as_bytes());
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    }
    digest.finalize().into()
}
