//! What strace has written down, as deeds on the shop's files and answers that left.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde_json::Value;

use crate::Failure;

/// Something that was done, and the lines on which it began and ended.
pub(super) struct Step {
    pub(super) began: usize,
    pub(super) ended: usize,
    pub(super) deed: Deed,
}

/// What was done. Files are called by their names in the shop's folder.
pub(super) enum Deed {
    Write {
        file: String,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: String,
        length: u64,
    },
    /// The data of a file, or that this did not work.
    Sync {
        file: String,
        failed: bool,
    },
    /// The names in the folder.
    SyncFolder,
    Create {
        file: String,
    },
    Remove {
        file: String,
    },
    /// The shop said that it is open.
    Open,
    /// An order was acknowledged.
    Told(Order),
}

/// An order a customer was told of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) number: String,
}

impl Order {
    /// What an answer with it says.
    pub(super) fn of(body: &Value) -> Option<Self> {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Some(Self { id: text("id").filter(|id| id.starts_with("ord_"))?, number: text("number")? })
    }
}

/// Reads a trace of a shop in this folder.
///
/// A write counts from when it began, and a sync when it has ended. An answer counts from when it began to leave.
pub(super) fn read(trace: &Path, folder: &Path) -> Result<Vec<Step>, Failure> {
    let mut reader = Reader { folder: folder.to_string_lossy().into_owned(), steps: Vec::new() };
    let mut open: HashMap<String, (usize, String)> = HashMap::new();
    let mut lines = BufReader::new(File::open(trace)?);
    let (mut at, mut line) = (0, String::new());
    while lines.read_line(&mut line)? > 0 {
        at += 1;
        let (pid, rest) = line.trim_end().split_once(' ').unwrap_or_default();
        let rest = rest.trim_start();
        if let Some(head) = rest.strip_suffix(" <unfinished ...>") {
            open.insert(pid.to_owned(), (at, head.to_owned()));
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let tail = resumed.split_once(" resumed>").map(|(_, tail)| tail).unwrap_or_default();
            if let Some((began, head)) = open.remove(pid) {
                reader.call(&(head + tail), began, at)?;
            }
        } else if !rest.starts_with("+++") && !rest.starts_with("---") {
            reader.call(rest, at, at)?;
        }
        line.clear();
    }
    reader.steps.sort_by_key(|step| match step.deed {
        Deed::Sync { .. } | Deed::SyncFolder => step.ended,
        _ => step.began,
    });
    Ok(reader.steps)
}

struct Reader {
    folder: String,
    steps: Vec<Step>,
}

impl Reader {
    fn call(&mut self, text: &str, began: usize, ended: usize) -> Result<(), Failure> {
        let Some((name, rest)) = text.split_once('(') else { return Ok(()) };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { return Ok(()) };
        let value: i64 = result.split([' ', '<']).next().and_then(|value| value.parse().ok()).unwrap_or(-1);
        let deed = match name {
            "sendto" | "sendmsg" => told(arguments),
            "write" | "writev" if arguments.starts_with("1<") => opened(arguments),
            "openat" | "open" | "creat" => self.created(name, arguments, value),
            "unlink" | "unlinkat" => {
                self.named(arguments).filter(|_| value == 0).map(|file| Deed::Remove { file })
            }
            "fsync" | "fdatasync" => self.synced(arguments, value),
            "pwrite64" => self.written(arguments, value)?,
            "ftruncate" => self.truncated(arguments, value)?,
            _ if self.touches(arguments) => {
                return Err(format!("the shop calls {name} on its files, which nobody has thought of").into());
            }
            _ => None,
        };
        self.steps.extend(deed.map(|deed| Step { began, ended, deed }));
        Ok(())
    }

    /// The file that a call has as its first argument, by its descriptor.
    fn file(&self, arguments: &str) -> Option<String> {
        let path = arguments.split_once('<')?.1.split('>').next()?;
        self.ours(&decoded(path))
    }

    /// The file that a call names.
    fn named(&self, arguments: &str) -> Option<String> {
        quoted(arguments).find_map(|bytes| self.ours(&bytes))
    }

    fn touches(&self, arguments: &str) -> bool {
        self.file(arguments).is_some() || self.named(arguments).is_some()
    }

    /// The name of a database's file. What SQLite keeps in shared memory is made anew after a cut.
    fn ours(&self, path: &[u8]) -> Option<String> {
        let path = String::from_utf8_lossy(path);
        let name = path.strip_prefix(&self.folder)?.strip_prefix('/')?;
        (name.contains(".db") && !name.ends_with("-shm")).then(|| name.to_owned())
    }

    fn created(&self, name: &str, arguments: &str, value: i64) -> Option<Deed> {
        let creates = name == "creat" || arguments.contains("O_CREAT");
        let file = self.named(arguments).filter(|_| creates && value >= 0)?;
        Some(Deed::Create { file })
    }

    fn synced(&self, arguments: &str, value: i64) -> Option<Deed> {
        if let Some(file) = self.file(arguments) {
            return Some(Deed::Sync { file, failed: value != 0 });
        }
        let path = decoded(arguments.split_once('<')?.1.split('>').next()?);
        (value == 0 && String::from_utf8_lossy(&path) == self.folder).then_some(Deed::SyncFolder)
    }

    fn written(&self, arguments: &str, value: i64) -> Result<Option<Deed>, Failure> {
        let Some(file) = self.file(arguments) else { return Ok(None) };
        if value <= 0 {
            return Ok(None);
        }
        let mut bytes = quoted(arguments).next().ok_or("a write without its bytes")?;
        if bytes.len() < value as usize {
            return Err("strace has cut a write short".into());
        }
        bytes.truncate(value as usize);
        let at = last_number(arguments).ok_or("a write without its place")?;
        Ok(Some(Deed::Write { file, at, bytes }))
    }

    fn truncated(&self, arguments: &str, value: i64) -> Result<Option<Deed>, Failure> {
        let Some(file) = self.file(arguments).filter(|_| value == 0) else { return Ok(None) };
        let length = last_number(arguments).ok_or("a file is cut to an unknown length")?;
        Ok(Some(Deed::Truncate { file, length }))
    }
}

fn last_number(arguments: &str) -> Option<u64> {
    arguments.trim_end().trim_end_matches(')').rsplit(", ").next()?.parse().ok()
}

/// What a call has between quotation marks.
fn quoted(arguments: &str) -> impl Iterator<Item = Vec<u8>> {
    arguments.split('"').skip(1).step_by(2).map(decoded)
}

/// Bytes that are written as `\x61`.
fn decoded(text: &str) -> Vec<u8> {
    hex::decode(text.replace("\\x", "")).unwrap_or_default()
}

fn opened(arguments: &str) -> Option<Deed> {
    let said = quoted(arguments).flatten().collect::<Vec<u8>>();
    String::from_utf8_lossy(&said).contains(r#""event":"open""#).then_some(Deed::Open)
}

fn told(arguments: &str) -> Option<Deed> {
    let bytes = quoted(arguments).flatten().collect::<Vec<u8>>();
    if !bytes.starts_with(b"HTTP/1.1 201") {
        return None;
    }
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Order::of(&serde_json::from_slice(&bytes[head + 4..]).ok()?).map(Deed::Told)
}
