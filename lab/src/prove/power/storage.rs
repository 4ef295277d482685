//! A disk that is full or fails while customers buy: writes are refused, reads go on, and it heals without a new start.
//!
//! After a sync that failed, the kernel takes what it could not write for clean, and the next sync succeeds without it.
//! So what was acknowledged must not rest on it: the power is cut at the end of each trial, with that gone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use reqwest::Method;

use super::disk::{Arrived, Disk, Image};
use super::full;
use super::shop::{Shop, ask, put, untraced};
use super::starts::at_rest;
use super::trace::{self, Order};
use super::tracer::{Tracing, let_go};
use super::verdict::Verdict;
use crate::Failure;
use crate::prove::door::{Answer, Door};
use crate::prove::stocked::key;
use crate::server::MODULES;

/// Purchases of each trial.
const PURCHASES: usize = 3;
/// How soon the shop has to be well again after its disk is.
const HEALS_WITHIN: Duration = Duration::from_secs(10);
/// What fails, with what, and up to the how-manieth call of a writer: a few more than the purchases of a trial make.
const FAILING: [(&str, &str, usize); 3] =
    [("pwrite64", "ENOSPC", 60), ("pwrite64", "EIO", 60), ("fsync", "EIO", 16)];

/// What became of it.
#[derive(Default)]
pub(super) struct Storage {
    pub(super) trials: u64,
    /// Calls that failed.
    pub(super) faults: u64,
    /// The longest until every purchase succeeded, once the disk was well.
    pub(super) healed: Duration,
    /// How purchases were refused, and how often.
    pub(super) refusals: BTreeMap<String, u64>,
    pub(super) wrong: Vec<String>,
    pub(super) not_tried: Vec<String>,
}

/// A call that fails.
struct Fault {
    module: &'static str,
    call: &'static str,
    error: &'static str,
    number: usize,
    /// From then on, or once.
    lasts: bool,
}

impl Storage {
    /// Makes so many of the calls fail, one in each trial, and then fills the disk.
    pub(super) async fn try_all(&mut self, shop: &mut Shop, faults: usize, seed: u64) -> Result<(), Failure> {
        let files = shop.files()?;
        let mut planned = Fault::all();
        let all = planned.len();
        planned.shuffle(&mut StdRng::seed_from_u64(seed));
        planned.truncate(faults);
        if planned.len() < all {
            self.not_tried.push(format!("{} of {all} calls that could fail", all - planned.len()));
        }
        for (at, fault) in planned.iter().enumerate() {
            if at.is_multiple_of(10) {
                eprintln!("{at} of {} trials with a failing disk", planned.len());
            }
            shop.put(&files)?;
            let tried = self.try_one(shop, &files, fault).await;
            tried.unwrap_or_else(|error| self.wrong.push(format!("{}: {error}", fault.words())));
        }
        if faults > 0 {
            shop.server.kill(0).await?;
            full::fill(self, shop, &files).await?;
        }
        Ok(())
    }

    async fn try_one(&mut self, shop: &mut Shop, files: &Image, fault: &Fault) -> Result<(), Failure> {
        self.trials += 1;
        let settings = shop.tracer.settings("fault", &fault.options(shop.server.folder()));
        let opened = shop.server.kill_and_restart_set(0, &settings).await.is_ok();
        let mut told = shop.told.clone();
        let mut open = vec![key(), key(), key()];
        open.truncate(PURCHASES);
        if opened {
            let door = Door::at(&shop.server.address)?;
            let tracing = Tracing::of(&shop.server);
            self.shop_at(&door, &shop.variant, &mut open, &mut told, &fault.words()).await?;
            let_go(&shop.server).await?;
            tracing.complete().await?;
            self.cut(shop, files, fault, &told).await?;
        } else {
            // It said so and did not open. With its disk it does.
            shop.server.kill_and_restart_set(0, &untraced()).await?;
        }
        let new = self.heal(shop, open, &fault.words()).await?;
        told.extend(new);
        let wrong = at_rest(shop, &told[shop.told.len()..]).await?;
        self.wrong.extend(wrong.into_iter().map(|what| format!("{}: {what}", fault.words())));
        shop.server.kill(0).await
    }

    /// Customers come by while the disk fails. The keys of those who were acknowledged are taken away.
    pub(super) async fn shop_at(
        &mut self,
        door: &Door,
        variant: &str,
        open: &mut Vec<String>,
        told: &mut Vec<Order>,
        when: &str,
    ) -> Result<(), Failure> {
        for key in std::mem::take(open) {
            let answer = ask(door, variant, &key).await?;
            if let (201, Some(order)) = (answer.status, Order::of(&answer.body)) {
                told.push(order);
                continue;
            }
            *self.refusals.entry(format!("{} {}", answer.status, answer.code())).or_default() += 1;
            if answer.status == 202 {
                // It was taken on, and is brought to its end by the shop itself.
                continue;
            }
            if !matches!(answer.status, 503 | 507) {
                self.wrong
                    .push(format!("{when}: a purchase was answered {}: {}", answer.status, answer.body));
            }
            self.wrong.extend(answer.malformed().map(|what| format!("{when}: {what}")));
            open.push(key);
        }
        let read = Answer::to(door.ask(&Method::GET, "/v1/products")).await?;
        if read.status != 200 {
            self.wrong.push(format!("{when}: reading was answered {}: {}", read.status, read.body));
        }
        Ok(())
    }

    /// Whoever was refused comes again, and one who is new, until all were served. Whose purchase is under way waits for
    /// the shop to finish it, which it has to before its books are read.
    pub(super) async fn heal(
        &mut self,
        shop: &Shop,
        mut open: Vec<String>,
        when: &str,
    ) -> Result<Vec<Order>, Failure> {
        let (door, began) = (Door::at(&shop.server.address)?, Instant::now());
        let (mut told, mut last) = (Vec::new(), String::new());
        open.push(key());
        while !open.is_empty() {
            if began.elapsed() > HEALS_WITHIN {
                self.wrong.push(format!("{when}: after {HEALS_WITHIN:?} the answer is still {last}"));
                break;
            }
            for key in std::mem::take(&mut open) {
                let answer = ask(&door, &shop.variant, &key).await?;
                if let (201, Some(order)) = (answer.status, Order::of(&answer.body)) {
                    told.push(order);
                } else if answer.code() != "idempotency_in_progress" {
                    last = format!("{}: {}", answer.status, answer.body);
                    open.push(key);
                }
            }
            self.healed = self.healed.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(told)
    }

    /// Cuts the power before the disk is well again: what a failed sync has left behind is gone.
    async fn cut(
        &mut self,
        shop: &Shop,
        files: &Image,
        fault: &Fault,
        told: &[Order],
    ) -> Result<(), Failure> {
        let trace = shop.tracer.trace("fault");
        let steps = trace::read(&trace, shop.server.folder())?;
        self.faults += std::fs::read_to_string(&trace)?.matches("(INJECTED)").count() as u64;
        let mut disk = Disk::new(files, true);
        for step in &steps {
            disk.apply(step);
        }
        let (_, parts) = disk.after(fault.module, Arrived::Nothing);
        let image: Image = parts.iter().map(|(name, part)| ((*name).to_owned(), part.bytes())).collect();
        let folder = tempfile::tempdir()?;
        put(folder.path(), &image)?;
        let verdict = Verdict::on(folder.path(), fault.module, told).await?;
        let missing = (verdict.holds < told.len())
            .then(|| format!("{} of {} acknowledged orders", verdict.holds, told.len()));
        let wrong = verdict.broken.into_iter().chain(missing);
        self.wrong.extend(wrong.map(|what| format!("{}, and the power is cut: {what}", fault.words())));
        Ok(())
    }
}

impl Fault {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for module in MODULES.into_iter().filter(|module| *module != "user") {
            for (call, error, numbers) in FAILING {
                for number in 1..=numbers {
                    all.extend([false, true].map(|lasts| Self { module, call, error, number, lasts }));
                }
            }
        }
        all
    }

    /// What strace is told. It counts the calls of each thread, and a module's files have one that writes.
    fn options(&self, folder: &std::path::Path) -> String {
        let Self { module, call, error, number, lasts } = self;
        let (folder, on) = (folder.display(), if *lasts { "+" } else { "" });
        format!(
            "-P {folder} -P {folder}/{module}.db -P {folder}/{module}.db-wal \
             -e inject={call}:error={error}:when={number}{on}"
        )
    }

    fn words(&self) -> String {
        let Self { module, call, error, number, lasts } = self;
        let on = if *lasts { " and all after it" } else { "" };
        format!("{call} number {number} of {module}{on} fails with {error}")
    }
}
