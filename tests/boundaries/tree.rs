//! Walking the source tree.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder with this extension; none when the folder is not there yet.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        let path = entry.path();
        let name = entry.file_name();
        // Not ours: what cargo built, what a shop has stored, what a tool keeps.
        let skipped = name == "target" || name == "data" || name.to_string_lossy().starts_with('.');
        if entry.file_type().unwrap().is_dir() {
            if !skipped {
                found.extend(files(&path, extension));
            }
        } else if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    found
}
