//! The shop under `strace`, which writes down every write and every sync with its bytes, and can make them fail.
//!
//! A thread that is traced stands still at the beginning and at the end of each call until that is written down. So what
//! happened because of something else stands after it, whichever threads did the two.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

use crate::Failure;
use crate::server::{Server, Settings};

/// Every call by which a file could change, and those by which answers leave.
const CALLS: &str = "trace=open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,truncate,ftruncate,\
                     fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,copy_file_range,\
                     sendfile";
/// How long the last lines may take to be written.
const PATIENCE: Duration = Duration::from_secs(20);

/// A binary that stands in for the shop's own: it traces `serve` when it is told to.
pub(super) struct Tracer {
    folder: TempDir,
}

impl Tracer {
    /// In front of this binary.
    pub(super) fn before(binary: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let known = std::process::Command::new("strace").arg("--version").output();
        known.map_err(|error| format!("strace does not start ({error}); it is in the package strace"))?;
        // With `-D` the shop keeps the process that is started, so that signals reach it and not the tracer. With `-I 1`
        // the tracer can be told to let go.
        let script = format!(
            "#!/bin/sh\nfor word in \"$@\"; do\n  if [ \"$word\" = serve ] && [ -n \"$LAB_TRACE\" ]; then\n    \
             exec strace -D -I 1 -f -q -yy -xx -s 1000000 -e signal=none -e {CALLS} $LAB_STRACE -o \"$LAB_TRACE\" \
             '{shop}' \"$@\"\n  fi\ndone\nexec '{shop}' \"$@\"\n",
            shop = binary.display()
        );
        let tracer = Self { folder };
        std::fs::write(tracer.binary(), script)?;
        std::fs::set_permissions(tracer.binary(), std::fs::Permissions::from_mode(0o755))?;
        Ok(tracer)
    }

    pub(super) fn binary(&self) -> PathBuf {
        self.folder.path().join("cleave")
    }

    /// Where a trace of this name is.
    pub(super) fn trace(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Settings of a process that is traced into a file of this name, with these options besides.
    pub(super) fn settings(&self, name: &str, options: &str) -> Settings {
        vec![("LAB_TRACE", self.trace(name).display().to_string()), ("LAB_STRACE", options.to_owned())]
    }
}

/// Who traces a shop, to be waited for once that has ended: what it has written down is complete when it is gone.
pub(super) struct Tracing(Option<Pid>);

impl Tracing {
    pub(super) fn of(server: &Server) -> Self {
        Self(server.pids().first().and_then(|pid| tracer_of(*pid)))
    }

    pub(super) async fn complete(self) -> Result<(), Failure> {
        let (tracer, began) = (self.0.ok_or("the shop is not traced")?, Instant::now());
        while test_kill_process(tracer).is_ok() {
            if began.elapsed() > PATIENCE {
                return Err("strace does not come to its end".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

/// Lets go of a traced shop, which goes on as if it had never been traced: nothing is made to fail any more.
pub(super) async fn let_go(server: &Server) -> Result<(), Failure> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let Some(tracer) = server.pids().first().and_then(|pid| tracer_of(*pid)) else { return Ok(()) };
        kill_process(tracer, Signal::TERM)?;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("strace does not let go of the shop".into())
}

fn tracer_of(pid: u32) -> Option<Pid> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"))?;
    Pid::from_raw(line.trim().parse().ok()?)
}
