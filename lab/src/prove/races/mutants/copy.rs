//! A copy of the sources that lacks something.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::Without;
use super::guards::{Edit, Guard};
use crate::Failure;

/// How long a copy may take to be built.
const PATIENCE: Duration = Duration::from_mins(30);

/// The sources, beside ours and without some guards.
pub(super) struct Copy {
    sources: PathBuf,
    target: PathBuf,
}

impl Copy {
    /// Makes one. It stays where it is, so that the next is built sooner.
    pub(super) fn make(guards: &[&Guard], without: Without) -> Result<Self, Failure> {
        let workspace = workspace()?;
        let target = workspace.join("target").join("mutants");
        let copy = Self { sources: target.join("sources"), target };
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(&workspace)
            .output()?;
        let mut edits: Vec<&Edit> = Vec::new();
        for guard in guards {
            if without != Without::Constraints {
                edits.extend(guard.condition);
            }
            if without != Without::Conditions {
                edits.extend(guard.constraint);
            }
        }
        for file in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            let from = workspace.join(file);
            if from.is_file() {
                write_changed(&copy.sources.join(file), &edited(file, fs::read(from)?, &edits)?)?;
            }
        }
        for edit in edits {
            let there = copy.sources.join(edit.file);
            if !there.is_file() {
                return Err(format!("{} is not there any more, and a guard was in it", edit.file).into());
            }
        }
        Ok(copy)
    }

    /// Builds the shop of it. Returns the program.
    pub(super) fn build(&self) -> Result<PathBuf, Failure> {
        self.seed()?;
        let mut command = Command::new(cargo());
        // What cargo has told us is not for another cargo: build scripts would run again, and all be compiled again.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&name);
            }
        }
        let mut build = command
            .args(["build", "--package", "cleave"])
            .current_dir(&self.sources)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .spawn()?;
        let give_up = Instant::now() + PATIENCE;
        loop {
            match build.try_wait()? {
                Some(status) if status.success() => return Ok(self.target.join("debug/cleave")),
                Some(_) => return Err("a copy without guards does not build".into()),
                None if Instant::now() > give_up => {
                    build.kill()?;
                    return Err("a copy without guards takes too long to build".into());
                }
                None => std::thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// What our own build made of other people's crates need not be built again.
    fn seed(&self) -> Result<(), Failure> {
        let (ours, theirs) = (workspace()?.join("target/debug"), self.target.join("debug"));
        if theirs.exists() {
            return Ok(());
        }
        for folder in ["deps", "build", ".fingerprint"] {
            link(&ours.join(folder), &theirs.join(folder))?;
        }
        Ok(())
    }
}

/// The contents of a file after all its edits. Each has to find its words.
fn edited(file: &str, content: Vec<u8>, edits: &[&Edit]) -> Result<Vec<u8>, Failure> {
    let edits: Vec<_> = edits.iter().filter(|edit| edit.file == file).collect();
    if edits.is_empty() {
        return Ok(content);
    }
    let original = String::from_utf8(content)?;
    let mut text = original.clone();
    for edit in edits {
        if !original.contains(edit.from) {
            return Err(format!("{file} does not say `{}` any more; word the mutant anew", edit.from).into());
        }
        // Two races may share a guard: the second time its words are gone.
        text = text.replace(edit.from, edit.to);
    }
    Ok(text.into_bytes())
}

/// Writes a file unless it holds that already, so that it is not compiled again.
fn write_changed(path: &Path, content: &[u8]) -> Result<(), Failure> {
    if fs::read(path).is_ok_and(|known| known == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, content)?)
}

fn link(from: &Path, to: &Path) -> Result<(), Failure> {
    if !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link(&entry.path(), &there)?;
        } else {
            fs::hard_link(entry.path(), there)?;
        }
    }
    Ok(())
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The folder of the workspace that this program was run from.
fn workspace() -> Result<PathBuf, Failure> {
    let lab = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let workspace = lab.as_deref().and_then(Path::parent).map(Path::to_owned);
    Ok(workspace.ok_or("run this through `cargo xtask`, which says where the sources are")?)
}

#[cfg(test)]
mod tests {
    use super::super::guards::GUARDS;
    use super::*;

    #[test]
    fn a_guard_that_is_worded_anew_is_an_error() {
        let edit = &GUARDS[0].condition[0];
        edited(edit.file, b"SELECT 1".to_vec(), &[edit]).unwrap_err();
        let changed = edited(edit.file, edit.from.as_bytes().to_vec(), &[edit]).unwrap();
        assert_eq!(changed, edit.to.as_bytes());
    }

    #[test]
    fn every_guard_stands_where_it_is_said_to() {
        for guard in GUARDS {
            for edit in guard.condition.iter().chain(guard.constraint) {
                let content = fs::read(workspace().unwrap().join(edit.file)).unwrap();
                edited(edit.file, content, &[edit]).unwrap();
            }
        }
    }
}
