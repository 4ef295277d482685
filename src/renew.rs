//! Reads the certificate of the process again when its file has changed, so that it can be renewed without a restart.

use std::time::Duration;

use kernel::Clock;
use platform::Tasks;
use platform::tls::Tls;

use crate::config::TlsFiles;

/// How often the files are looked at. Who renews a certificate does so days before the old one ends.
const EVERY: Duration = Duration::from_secs(10);

/// Looks until the process stops. What cannot be used is told once, and the old one stays.
pub(crate) async fn renew(tls: Tls, files: TlsFiles, clock: Clock, tasks: Tasks) {
    let mut known = files.read().ok();
    while tasks.pause(EVERY).await {
        let now = match files.read() {
            Ok(now) if known.as_ref() != Some(&now) => now,
            Ok(_) => continue,
            Err(problem) => {
                if known.take().is_some() {
                    tracing::error!(error = %problem, "the certificate of this process cannot be read again");
                }
                continue;
            }
        };
        match tls.renew(&now, clock.now()) {
            Ok(()) => tracing::info!(names = %tls.names(), "the certificate of this process was renewed"),
            Err(error) => tracing::error!(error = %error, "the new certificate of this process is not used"),
        }
        known = Some(now);
    }
}
