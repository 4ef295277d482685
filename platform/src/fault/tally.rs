//! How often each point was hit, in a file that outlives the process.
//!
//! A line for each point, each of one length and at a place of its own, written over with every hit: the file does not
//! grow, and what the kernel was given stays when the process dies in the next instant.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::OnceLock;

use super::points;

/// Characters of a line: the name, the hits, how often something happened, and the end of the line.
const LINE: usize = 72;

struct Tally {
    file: File,
    lines: HashMap<&'static str, u64>,
}

static TALLY: OnceLock<Tally> = OnceLock::new();

/// Opens a file of this process in that folder. Where that cannot be done nothing is counted outside.
pub(super) fn open(folder: &Path) {
    let opened = (0..1000).find_map(|again| {
        let path = folder.join(format!("{}-{again}.hits", std::process::id()));
        OpenOptions::new().write(true).create_new(true).open(path).ok()
    });
    let Some(file) = opened else { return };
    let lines = points().into_iter().zip(0..).map(|(point, line)| (point.name(), line)).collect();
    let _ = TALLY.set(Tally { file, lines });
}

/// Writes down that this point was hit so often, and whether something happens there now.
pub(super) fn note(name: &'static str, hits: u64, happens: bool) {
    let Some(tally) = TALLY.get() else { return };
    let Some(line) = tally.lines.get(name) else { return };
    let text = format!("{name:<55} {hits:>10} {:>4}\n", u8::from(happens));
    debug_assert_eq!(text.len(), LINE, "{name} is too long for its line");
    // A later hit of another thread may be written first: the number is then one too small, and never zero.
    let _ = tally.file.write_at(text.as_bytes(), line * LINE as u64);
}
