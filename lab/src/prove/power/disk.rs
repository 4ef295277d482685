//! What a disk may hold when the power is cut: whatever was synced, and of everything since then any part.
//!
//! A name is on disk for sure only when the folder was synced after it was made (POSIX promises no more). Of a write any
//! of its sectors of 512 bytes may have arrived. After a sync that failed, the kernel takes what was to be written for
//! clean and never tries again: it counts as gone, although the shop still reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::trace::{Deed, Step};

/// What a drive writes whole.
const SECTOR: u64 = 512;

/// The files that are there after a cut, by name.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

/// Which part of what was not synced has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    Nothing,
    Everything,
    /// Everything, but names that nobody has synced.
    EverythingButNames,
    /// Names and no data.
    NamesAlone,
    /// Everything but the end of the last write.
    LastTorn(u64),
    /// Some of it, by a seed.
    Some(u64),
}

/// A disk while the shop writes.
#[derive(Clone)]
pub(super) struct Disk {
    files: Vec<File>,
    names: BTreeMap<String, Name>,
    keeps_its_word: bool,
}

#[derive(Clone, Default)]
struct File {
    synced: Vec<u8>,
    /// How often it was synced, so that equal states are told without looking.
    version: u64,
    since: Vec<Change>,
}

#[derive(Clone)]
struct Change {
    ended: usize,
    at: u64,
    /// None cuts the file there.
    bytes: Option<Vec<u8>>,
}

/// Which file a name is, on disk for sure and for the running shop.
#[derive(Clone, Default)]
struct Name {
    synced: Option<usize>,
    now: Option<usize>,
    changed: usize,
}

impl Disk {
    /// With these files on it for sure. One that does not keep its word answers a sync and does nothing.
    pub(super) fn new(base: &Image, keeps_its_word: bool) -> Self {
        let mut disk = Self { files: Vec::new(), names: BTreeMap::new(), keeps_its_word };
        for (name, bytes) in base {
            let at = Some(disk.files.len());
            disk.files.push(File { synced: bytes.clone(), ..File::default() });
            disk.names.insert(name.clone(), Name { synced: at, now: at, changed: 0 });
        }
        disk
    }

    /// Does what was done. Returns the file whose state that changes, if it changes one.
    pub(super) fn apply<'s>(&mut self, step: &'s Step) -> Option<&'s str> {
        match &step.deed {
            Deed::Write { file, at, bytes } => {
                let change = Change { ended: step.ended, at: *at, bytes: Some(bytes.clone()) };
                self.file(file)?.since.push(change);
                Some(file)
            }
            Deed::Truncate { file, length } => {
                self.file(file)?.since.push(Change { ended: step.ended, at: *length, bytes: None });
                Some(file)
            }
            Deed::Sync { file, failed } => {
                if self.keeps_its_word {
                    self.file(file)?.sync(step.began, *failed);
                }
                Some(file)
            }
            Deed::SyncFolder => {
                let synced = self.names.values_mut().filter(|name| name.changed < step.began);
                for name in synced.filter(|_| self.keeps_its_word) {
                    name.synced = name.now;
                }
                None
            }
            Deed::Create { file } => {
                let name = self.names.entry(file.clone()).or_default();
                if name.now.is_none() {
                    (name.now, name.changed) = (Some(self.files.len()), step.ended);
                    self.files.push(File::default());
                }
                Some(file)
            }
            Deed::Remove { file } => {
                let name = self.names.get_mut(file)?;
                (name.now, name.changed) = (None, step.ended);
                Some(file)
            }
            Deed::Open | Deed::Told(_) => None,
        }
    }

    fn file(&mut self, name: &str) -> Option<&mut File> {
        let at = self.names.get(name)?.now?;
        self.files.get_mut(at)
    }

    /// What tells this state of a module's files from others, and the files.
    pub(super) fn after(&self, module: &str, arrived: Arrived) -> (String, Vec<(&str, Part<'_>)>) {
        let mut chance = StdRng::seed_from_u64(if let Arrived::Some(seed) = arrived { seed } else { 0 });
        let (mut told, mut parts) = (module.to_owned(), Vec::new());
        for (name, is) in self.of(module) {
            let by_name = match arrived {
                Arrived::Nothing | Arrived::EverythingButNames => is.synced,
                Arrived::Everything | Arrived::NamesAlone | Arrived::LastTorn(_) => is.now,
                Arrived::Some(_) => {
                    if chance.random() {
                        is.now
                    } else {
                        is.synced
                    }
                }
            };
            let Some((at, file)) = by_name.and_then(|at| Some((at, self.files.get(at)?))) else { continue };
            let kept = file.kept(arrived, &mut chance);
            let _ = write!(told, " {name}:{at}:{}:{kept:?}", file.version);
            parts.push((name, Part { file, kept }));
        }
        (told, parts)
    }

    /// How many states of a module's files are allowed now, whole writes alone counted.
    pub(super) fn allowed(&self, module: &str) -> f64 {
        let states = self.of(module).map(|(_, is)| {
            let of = |at: Option<usize>| {
                at.and_then(|at| self.files.get(at)).map_or(1.0, |file| (file.since.len() as f64).exp2())
            };
            if is.now == is.synced { of(is.now) } else { of(is.now) + of(is.synced) }
        });
        states.product()
    }

    fn of(&self, module: &str) -> impl Iterator<Item = (&str, &Name)> {
        let start = format!("{module}.db");
        self.names
            .iter()
            .filter(move |(name, _)| name.starts_with(&start))
            .map(|(name, is)| (name.as_str(), is))
    }
}

impl File {
    fn sync(&mut self, began: usize, failed: bool) {
        let since = std::mem::take(&mut self.since);
        let (before, during): (Vec<_>, Vec<_>) = since.into_iter().partition(|change| change.ended < began);
        if !failed {
            for change in before {
                change.to(&mut self.synced, u64::MAX);
            }
        }
        self.since = during;
        self.version += 1;
    }

    /// For each change, which of its sectors have arrived.
    fn kept(&self, arrived: Arrived, chance: &mut StdRng) -> Vec<u64> {
        let mut kept = vec![0; self.since.len()];
        match arrived {
            Arrived::Nothing | Arrived::NamesAlone => {}
            Arrived::Everything | Arrived::EverythingButNames => kept.fill(u64::MAX),
            Arrived::LastTorn(sectors) => {
                kept.fill(u64::MAX);
                if let Some(last) = kept.last_mut() {
                    *last = (1 << sectors) - 1;
                }
            }
            Arrived::Some(_) => {
                for sectors in &mut kept {
                    *sectors = match chance.random_range(0..4) {
                        0 => 0,
                        1 => chance.random(),
                        _ => u64::MAX,
                    };
                }
            }
        }
        kept
    }
}

/// A file of which a part has arrived.
pub(super) struct Part<'d> {
    file: &'d File,
    kept: Vec<u64>,
}

impl Part<'_> {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.file.synced.clone();
        for (change, sectors) in self.file.since.iter().zip(&self.kept) {
            change.to(&mut bytes, *sectors);
        }
        bytes
    }
}

impl Change {
    /// Does it to these bytes, as far as these of its sectors go.
    fn to(&self, file: &mut Vec<u8>, sectors: u64) {
        let Some(bytes) = &self.bytes else {
            if sectors & 1 == 1 {
                file.resize(self.at as usize, 0);
            }
            return;
        };
        let (mut from, mut number) = (0, 0_u64);
        while from < bytes.len() {
            let place = self.at + from as u64;
            let to = bytes.len().min(from + (SECTOR - place % SECTOR) as usize);
            if sectors >> number.min(63) & 1 == 1 {
                let (start, end) = (place as usize, place as usize + to - from);
                if file.len() < end {
                    file.resize(end, 0);
                }
                file[start..end].copy_from_slice(&bytes[from..to]);
            }
            (from, number) = (to, number + 1);
        }
    }
}
