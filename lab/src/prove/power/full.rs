//! A file system that is full, and later larger.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::disk::Image;
use super::shop::{Shop, put, untraced};
use super::starts::at_rest;
use super::storage::Storage;
use crate::Failure;
use crate::prove::door::Door;
use crate::prove::stocked::key;

/// What is free at the beginning.
const FREE: u64 = 3 << 20;
/// Purchases before it is full at the latest.
const PURCHASES: usize = 2000;
/// Customers who come while it is full.
const REFUSED: usize = 10;

/// A small file system over a folder. Dropping it takes it away.
struct Small(PathBuf);

impl Small {
    fn over(folder: &Path, size: u64) -> Result<Self, Failure> {
        run(&["mount", "-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], folder)?;
        Ok(Self(folder.to_owned()))
    }

    fn grow(&self, size: u64) -> Result<(), Failure> {
        run(&["mount", "-o", &format!("remount,size={size}")], &self.0)
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a shop that was just killed may hold it for a moment.
        let _ = run(&["umount", "-l"], &self.0);
    }
}

fn run(words: &[&str], folder: &Path) -> Result<(), Failure> {
    let (program, arguments) = words.split_first().ok_or("nothing to run")?;
    let output = Command::new(program).args(arguments).arg(folder).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
}

/// Lets customers buy until the shop's file system is full, and some more, and then makes it larger.
pub(super) async fn fill(found: &mut Storage, shop: &mut Shop, files: &Image) -> Result<(), Failure> {
    if !rustix::process::geteuid().is_root() {
        found.not_tried.push("a small file system, which takes root".to_owned());
        return Ok(());
    }
    let folder = shop.server.folder().to_owned();
    let mut others = Image::new();
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.contains(".db") {
            others.insert(name, std::fs::read(entry.path())?);
        }
    }
    let size: u64 = files.values().chain(others.values()).map(|bytes| bytes.len() as u64).sum();
    let small = match Small::over(&folder, size + FREE) {
        Ok(small) => small,
        Err(reason) => {
            found.not_tried.push(format!("a small file system: {}", reason.to_string().trim()));
            return Ok(());
        }
    };
    others.iter().try_for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes))?;
    put(&folder, files)?;
    let filled = while_full(found, shop, &small, size).await;
    shop.server.kill(0).await?;
    drop(small);
    filled
}

async fn while_full(found: &mut Storage, shop: &mut Shop, small: &Small, size: u64) -> Result<(), Failure> {
    let when = "the disk is full";
    found.trials += 1;
    shop.server.kill_and_restart_set(0, &untraced()).await?;
    let door = Door::at(&shop.server.address)?;
    let (mut told, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..PURCHASES {
        let mut open = vec![key()];
        found.shop_at(&door, &shop.variant, &mut open, &mut told, when).await?;
        refused.extend(open);
        if refused.len() >= REFUSED {
            break;
        }
    }
    if refused.len() < REFUSED {
        found.wrong.push(format!("{PURCHASES} purchases have not filled the disk"));
    }
    found.faults += refused.len() as u64;
    eprintln!("the disk was full after {} purchases", told.len());
    small.grow(size + (256 << 20))?;
    told.extend(found.heal(shop, refused, when).await?);
    let wrong = at_rest(shop, &told).await?;
    found.wrong.extend(wrong.into_iter().map(|what| format!("{when}: {what}")));
    Ok(())
}
