//! Where PostgreSQL's programs are, and how they come onto a machine that has none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt;

/// The folder of a PostgreSQL installation's programs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Binaries(PathBuf);

impl Binaries {
    /// The ones on this machine, or freshly installed ones where that is ours to do: on Debian, as root.
    pub(crate) fn find_or_install() -> Result<Self, String> {
        if let Some(found) = Self::find() {
            return Ok(found);
        }
        let otherwise = "PostgreSQL's server programs are not on this machine. Install the package `postgresql` \
             (Debian, Ubuntu, Homebrew) or `postgresql-server` (Fedora), or start the one in `compose.yaml` and test \
             against it by hand with the variables named there";
        apt::install("postgresql", otherwise)?;
        Self::find().ok_or_else(|| "the package `postgresql` brought no server programs".to_owned())
    }

    /// Looks on the search path, where Debian keeps them, and where `pg_config` says; the newest wins on Debian.
    pub(crate) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        folders.extend(debian(Path::new("/usr/lib/postgresql")));
        folders.extend(pg_config());
        first_complete(folders)
    }

    /// The path of one program.
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }

    /// What the server says its version is.
    pub(crate) fn version(&self) -> String {
        let output = Command::new(self.path("postgres")).arg("--version").output();
        let text =
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        text.split_whitespace().nth(2).unwrap_or("of an unknown version").to_owned()
    }
}

fn first_complete(folders: Vec<PathBuf>) -> Option<Binaries> {
    let complete =
        |folder: &PathBuf| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file());
    folders.into_iter().find(complete).map(Binaries)
}

/// `…/15/bin`, `…/17/bin`: the highest number first.
fn debian(root: &Path) -> Vec<PathBuf> {
    let mut versions: Vec<u32> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_complete_installation_is_taken() {
        let root = tempfile::tempdir().unwrap();
        for (version, programs) in
            [("9", &["initdb", "postgres"][..]), ("15", &["initdb", "postgres"]), ("17", &["initdb"])]
        {
            let folder = root.path().join(version).join("bin");
            fs::create_dir_all(&folder).unwrap();
            for program in programs {
                fs::write(folder.join(program), "").unwrap();
            }
        }
        let found = first_complete(debian(root.path()));
        assert_eq!(found, Some(Binaries(root.path().join("15/bin"))));
    }
}
