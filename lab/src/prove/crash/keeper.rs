//! Keeps the shop running in spite of itself: arms it, kills it, starts it again, and looks at the books in the end.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rustix::process::Signal;
use tokio::process::{Child, Command};

use super::books::Books;
use super::plan::{Blow, Otherwise, Plan};
use super::points::{Point, Tally};
use super::report::Report;
use super::services::Services;
use super::{Crash, Placement, REST, StoreKind, journal, tables};
use crate::Failure;
use crate::server::{Server, Settings, Store};

/// How often a process is started before it is given up.
const STARTS: u32 = 20;
/// How long a process may take to end in good order.
const GOOD_ORDER: Duration = Duration::from_secs(10);
/// How long customers may take to finish what they are in the middle of.
const LAST_WORDS: Duration = Duration::from_secs(40);
/// How long what is under way may go on disagreeing once the shop has come to rest.
const REST_OF_IT: Duration = Duration::from_secs(10);

/// The keeper of a shop.
pub(super) struct Keeper {
    server: Server,
    tally: Tally,
    points: Vec<Point>,
    plan: Plan,
    placement: Placement,
    store: StoreKind,
    short: bool,
    seconds: u64,
    folder: PathBuf,
    clients: Option<Child>,
    turn: u64,
    report: Report,
    recoveries: Histogram<u64>,
}

impl Keeper {
    pub(super) fn new(
        server: Server,
        tally: Tally,
        points: Vec<Point>,
        crash: &Crash,
        seed: u64,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let keeper = Self {
            server,
            tally,
            plan: Plan::new(points.clone(), seed),
            points,
            placement: crash.placement,
            store: crash.store,
            short: crash.only.is_some(),
            seconds: crash.seconds,
            folder: folder.to_owned(),
            clients: None,
            turn: 0,
            report: Report::default(),
            recoveries: crate::histogram(),
        };
        keeper.say_where()?;
        Ok(keeper)
    }

    /// Lets the customers in.
    pub(super) async fn open_the_doors(
        &mut self,
        variants: &[String],
        program: &[String],
        simple: bool,
    ) -> Result<(), Failure> {
        let ours = [std::env::current_exe()?.display().to_string(), "prove".into(), "crash-clients".into()];
        let words = if program.is_empty() { &ours[..] } else { program };
        let (program, arguments) = words.split_first().ok_or("nobody acts as the customers")?;
        let mut command = Command::new(program);
        command.args(arguments).arg("--address").arg(self.address()).arg("--journal").arg(self.journal());
        command.args(["--variants", &variants.join(","), "--seed", &rand::random::<u32>().to_string()]);
        if simple {
            command.arg("--simple");
        }
        self.clients = Some(command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true).spawn()?);
        Ok(())
    }

    /// Strikes until the time is over.
    pub(super) async fn disturb(&mut self, mut services: Services) -> Result<(), Failure> {
        let over = Instant::now() + Duration::from_secs(self.seconds);
        while Instant::now() < over {
            for blow in self.plan.next(&self.tally) {
                self.strike(&blow).await?;
            }
            self.turn += 1;
            if let Some(killed) = services.kill_in_turn(self.turn).await? {
                *self.report.services.entry(killed).or_default() += 1;
            }
            if self.clients.as_mut().is_none_or(|clients| !matches!(clients.try_wait(), Ok(None))) {
                return Err("the customers have ended by themselves".into());
            }
            if self.turn.is_multiple_of(20) && !self.short {
                let left = over.saturating_duration_since(Instant::now()).as_secs();
                let missed = self.missed().len();
                eprintln!("{} kills, {missed} points not come by yet, {left} s left", self.report.kills);
            }
        }
        // The last process is left alone, and nothing is armed any more.
        for at in 0..self.placement.groups().len() {
            let counted = self.armed("");
            self.start(at, &counted).await?;
        }
        // The broker is needed to the end.
        self.report.keep(services);
        Ok(())
    }

    /// Starts a process so armed and strikes it down one way or the other.
    async fn strike(&mut self, blow: &Blow) -> Result<(), Failure> {
        let at = self.whom(blow.point.as_ref());
        if let Otherwise::WhileItOpens(milliseconds) = blow.otherwise {
            return self.strike_while_it_opens(at, Duration::from_millis(milliseconds)).await;
        }
        let opened = self.start(at, &self.armed(&blow.armed)).await?;
        if !opened {
            // It has died on its way up, as it should.
            return Ok(());
        }
        let patience = match blow.otherwise {
            Otherwise::End => Duration::from_millis(200),
            _ => Duration::from_millis(self.plan.patience(blow, &self.tally)),
        };
        if self.server.has_died(at, patience).await? {
            self.report.kills += 1;
            return Ok(());
        }
        match blow.otherwise {
            // It is killed with the next start.
            Otherwise::Kill | Otherwise::WhileItOpens(_) => {}
            Otherwise::Pause(milliseconds) => {
                self.server.signal(at, Signal::STOP)?;
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                self.server.signal(at, Signal::CONT)?;
                tokio::time::sleep(Duration::from_millis(100)).await;
                self.report.pauses += 1;
            }
            Otherwise::End => {
                self.server.signal(at, Signal::TERM)?;
                if self.server.has_died(at, GOOD_ORDER).await? {
                    self.report.ends += 1;
                }
            }
        }
        Ok(())
    }

    /// Kills a process so long after it was started, which is mostly before it is ready.
    async fn strike_while_it_opens(&mut self, at: usize, after: Duration) -> Result<(), Failure> {
        self.note_a_kill_of_the_living(at).await?;
        let was_open = self.server.kill_while_it_opens(at, &self.armed(""), after).await?;
        self.report.kills += 1;
        self.report.in_recovery += u64::from(!was_open);
        Ok(())
    }

    async fn note_a_kill_of_the_living(&mut self, at: usize) -> Result<(), Failure> {
        let lives = !self.server.has_died(at, Duration::ZERO).await?;
        self.report.kills += u64::from(lives);
        Ok(())
    }

    /// Kills a process if it lives, and starts it. A process that is armed may die before it is ready: then `false`, and
    /// the next start is not armed. Recovery is from the last kill until it is ready; one that stops itself on its way up,
    /// as it was armed to, is killed when nobody can wait any longer.
    async fn start(&mut self, at: usize, besides: &Settings) -> Result<bool, Failure> {
        self.note_a_kill_of_the_living(at).await?;
        let mut down = Instant::now();
        let mut opened = true;
        for _ in 0..STARTS {
            let armed = if opened { besides.clone() } else { self.armed("") };
            if self.server.kill_and_restart_set(at, &armed).await.is_ok() {
                self.recoveries.saturating_record(down.elapsed().as_micros() as u64);
                self.tally.collect(&self.server.pids())?;
                self.say_where()?;
                return Ok(opened);
            }
            self.report.kills += 1;
            self.report.in_recovery += 1;
            opened = false;
            let before = self.tally.happened();
            self.tally.collect(&self.server.pids())?;
            if self.tally.happened() > before {
                down = Instant::now();
            }
        }
        Err("the shop does not open any more".into())
    }

    /// A process that comes by this point.
    fn whom(&mut self, point: Option<&Point>) -> usize {
        let groups = self.placement.groups();
        let those: Vec<usize> =
            (0..groups.len()).filter(|at| point.is_none_or(|point| point.is_in(groups[*at]))).collect();
        those.get(self.plan.one_of(those.len())).copied().unwrap_or_default()
    }

    fn armed(&self, plan: &str) -> Settings {
        let folder = self.tally.folder().display().to_string();
        vec![("CLEAVE_FAULTS", plan.to_owned()), ("CLEAVE_FAULTS_FOLDER", folder)]
    }

    /// The points that work has never come by.
    fn missed(&self) -> Vec<String> {
        let missed = self.points.iter().filter(|point| self.tally.of(&point.name).hits == 0);
        missed.map(|point| point.name.clone()).collect()
    }

    fn address(&self) -> PathBuf {
        self.folder.join("address")
    }

    fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// Tells the customers where the shop is now, all at once.
    fn say_where(&self) -> Result<(), Failure> {
        let new = self.folder.join("address.new");
        std::fs::write(&new, &self.server.address)?;
        std::fs::rename(new, self.address())?;
        Ok(())
    }

    /// Lets the customers go, waits until the shop has come to rest, and reads the books.
    pub(super) async fn settle(
        mut self,
        store: &Store,
        seed: u64,
        began: Instant,
    ) -> Result<Report, Failure> {
        if let Some(mut clients) = self.clients.take() {
            drop(clients.stdin.take());
            let _ = tokio::time::timeout(LAST_WORDS, clients.wait()).await;
        }
        let asked = journal::read(&self.journal())?;
        let books = Books::new(tables::of(store, self.server.folder())?);
        let (rested_in, left) = books.come_to_rest(REST).await?;
        let mut report = std::mem::take(&mut self.report);
        report.differences = left;
        report.differences.extend(self.server.differences(REST_OF_IT).await?);
        report.differences.extend(books.broken_words(&asked).await?);
        report.count(&asked);
        for at in 0..self.placement.groups().len() {
            self.server.kill(at).await?;
        }
        self.tally.collect(&[])?;
        report.missed = self.missed();
        report.unhurt = self.points.iter().filter(|point| self.tally.of(&point.name).happened == 0).count();
        report.points = self.points.len();
        report.faults = self.tally.happened();
        report.set_times(&self.recoveries, self.store, rested_in, began.elapsed());
        report.seed = seed;
        report.had_time_for_all = self.turn as usize >= 3 * self.points.len();
        if report.is_sound() {
            self.server.stop().await?;
        } else {
            report.evidence = Some(self.keep_evidence()?);
        }
        Ok(report)
    }

    /// What is needed to find out what happened outlives us.
    fn keep_evidence(&self) -> Result<PathBuf, Failure> {
        let kept = tempfile::Builder::new().prefix("cleave-crash-").tempdir()?.keep();
        std::fs::copy(self.journal(), kept.join("journal"))?;
        for entry in std::fs::read_dir(self.server.folder())? {
            let path = entry?.path();
            if let (true, Some(name)) = (path.is_file(), path.file_name()) {
                std::fs::copy(&path, kept.join(name))?;
            }
        }
        Ok(kept)
    }
}
