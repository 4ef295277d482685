//! Where the processes of a shop are, and what each is told of the others.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::MODULES;
use crate::Failure;

/// Where a process is reached, and its settings.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) listen: SocketAddr,
    pub(super) internal: SocketAddr,
    pub(super) settings: PathBuf,
}

/// Where systems begin to take ports for connections that go out: one of those may be gone when a process is started again.
const OUTGOING: u16 = 32_768;

/// An address nobody listens on, and that nobody gets by chance.
fn free() -> Result<SocketAddr, Failure> {
    (0..1_000)
        .map(|_| SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..OUTGOING))))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| "there is no port left".into())
}

/// Addresses and settings of the processes. Several have fixed ports, because each is told those of the others; of one
/// alone it is only the internal one, for who asks how it stands.
pub(super) fn places(folder: &Path, groups: &[&str]) -> Result<Vec<Place>, Failure> {
    let apart = groups.len() > 1;
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let secret = folder.join("secret");
    std::fs::write(&secret, format!("{:032x}", rand::random::<u128>()))?;
    let mut places = Vec::new();
    for at in 0..groups.len() {
        let settings = folder.join(format!("{at}.toml"));
        let listen = if apart { free()? } else { nowhere };
        places.push(Place { listen, internal: free()?, settings });
    }
    for (place, here) in places.iter().zip(groups) {
        let mut text = String::new();
        if apart {
            let runs = |group: &str, module: &str| group.split('+').any(|other| other == module);
            let here: Vec<&str> = MODULES.into_iter().filter(|module| runs(here, module)).collect();
            writeln!(text, "[modules]\nrun = {here:?}")?;
            for module in MODULES.into_iter().filter(|module| !here.contains(module)) {
                let there = places.iter().zip(groups).filter(|(_, group)| runs(group, module));
                let urls: Vec<String> =
                    there.map(|(other, _)| format!("http://{}", other.internal)).collect();
                writeln!(text, "[modules.{module}]\nurl = {urls:?}")?;
            }
            writeln!(
                text,
                "[contracts]\nsecret = \"file:{}\"\n[events]\ntransport = \"http\"",
                secret.display()
            )?;
        }
        std::fs::write(&place.settings, text)?;
    }
    Ok(places)
}
