//! A shop whose disk is watched, and its customers.

use std::path::Path;

use futures::StreamExt as _;
use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::disk::Image;
use super::trace::{self, Order, Step};
use super::tracer::{Tracer, Tracing};
use crate::Failure;
use crate::prove::door::{Answer, Door};
use crate::prove::stocked::key;
use crate::server::{Server, Settings, Store};

/// How many units there are: more than can be sold.
const STOCK: i64 = 1_000_000;
/// Customers at the same time.
const BUYERS: usize = 4;
/// How long the shop may take to end in good order.
const GOOD_ORDER: std::time::Duration = std::time::Duration::from_secs(30);

/// It, and what is bought in it.
pub(super) struct Shop {
    pub(super) server: Server,
    pub(super) tracer: Tracer,
    pub(super) variant: String,
    /// Orders that were acknowledged so far.
    pub(super) told: Vec<Order>,
    traces: usize,
}

/// What was done to the files of a shop in one go, and what was in them before.
pub(super) struct Recorded {
    pub(super) base: Image,
    pub(super) steps: Vec<Step>,
    /// Orders that were acknowledged before.
    pub(super) before: Vec<Order>,
}

impl Shop {
    /// Opens one, and records how its files come about.
    pub(super) async fn open(binary: &Path) -> Result<(Self, Recorded), Failure> {
        let tracer = Tracer::before(binary)?;
        let settings: Settings = [
            ("CLEAVE__GATEWAY__SIGN_INS_PER_SECOND", "0"),
            ("CLEAVE__AUTH__ARGON2__MEMORY_KIB", "64"),
            ("CLEAVE__AUTH__ARGON2__ITERATIONS", "1"),
            ("CLEAVE__LOG__FILTER", "off"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec();
        let watched = settings.into_iter().chain(tracer.settings("0", "")).collect();
        let groups = [crate::server::EVERYTHING];
        let mut server = Server::start_set(&tracer.binary(), Store::Sqlite, &groups, watched).await?;
        let variant = stocked(&server).await?;
        let tracing = Tracing::of(&server);
        server.kill(0).await?;
        tracing.complete().await?;
        let mut steps = trace::read(&tracer.trace("0"), server.folder())?;
        // The owner is made by another process, which is not traced.
        let open = steps.iter().position(|step| matches!(step.deed, trace::Deed::Open));
        steps.truncate(open.ok_or("the shop did not say that it is open")?);
        let recorded = Recorded { base: Image::new(), steps, before: Vec::new() };
        Ok((Self { server, tracer, variant, told: Vec::new(), traces: 0 }, recorded))
    }

    /// Lets customers buy so much in the shop, which is started and killed, without looking.
    pub(super) async fn sell(&mut self, orders: usize) -> Result<(), Failure> {
        self.server.kill_and_restart_set(0, &untraced()).await?;
        self.buy(orders).await?;
        self.server.kill(0).await
    }

    /// The same while everything is written down. It ends as it is told to.
    pub(super) async fn record(&mut self, orders: usize, end: Signal) -> Result<Recorded, Failure> {
        self.traces += 1;
        let (base, before) = (self.files()?, self.told.clone());
        let name = self.traces.to_string();
        self.server.kill_and_restart_set(0, &self.tracer.settings(&name, "")).await?;
        self.buy(orders).await?;
        let tracing = Tracing::of(&self.server);
        self.server.signal(0, end)?;
        if !self.server.has_died(0, GOOD_ORDER).await? {
            return Err("the shop does not end".into());
        }
        tracing.complete().await?;
        let steps = trace::read(&self.tracer.trace(&name), self.server.folder())?;
        std::fs::remove_file(self.tracer.trace(&name))?;
        let seen = steps.iter().filter(|step| matches!(step.deed, trace::Deed::Told(_))).count();
        if seen != orders {
            return Err(format!("{orders} orders were acknowledged and {seen} seen to leave").into());
        }
        Ok(Recorded { base, steps, before })
    }

    async fn buy(&mut self, orders: usize) -> Result<(), Failure> {
        let door = Door::at(&self.server.address)?;
        let bought: Vec<Result<Order, Failure>> =
            futures::stream::iter((0..orders).map(|_| bought(&door, &self.variant)))
                .buffer_unordered(BUYERS)
                .collect()
                .await;
        for order in bought {
            self.told.push(order?);
        }
        Ok(())
    }

    /// What is in its files.
    pub(super) fn files(&self) -> Result<Image, Failure> {
        let mut image = Image::new();
        for entry in std::fs::read_dir(self.server.folder())? {
            let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            let name = name.to_string_lossy().into_owned();
            if name.contains(".db") && !name.ends_with("-shm") {
                image.insert(name, std::fs::read(entry)?);
            }
        }
        Ok(image)
    }

    /// Puts these files in the place of its own, as a disk would have them after a cut.
    pub(super) fn put(&self, image: &Image) -> Result<(), Failure> {
        put(self.server.folder(), image)
    }
}

/// Leaves these files of databases in a folder, and no others.
pub(super) fn put(folder: &Path, image: &Image) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().contains(".db") {
            std::fs::remove_file(entry.path())?;
        }
    }
    for (name, bytes) in image {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

/// Settings of a process that is not traced.
pub(super) fn untraced() -> Settings {
    vec![("LAB_TRACE", String::new())]
}

/// What the shop says when one of this variant is bought under a key.
pub(super) async fn ask(door: &Door, variant: &str, key: &str) -> Result<Answer, Failure> {
    let request = door.ask(&Method::POST, "/v1/checkout").header("idempotency-key", key);
    Answer::to(request.json(&crate::bench::checkout(variant))).await
}

async fn bought(door: &Door, variant: &str) -> Result<Order, Failure> {
    let answer = ask(door, variant, &key()).await?;
    let order = Order::of(&answer.body).filter(|_| answer.status == 201);
    order.ok_or_else(|| format!("a purchase was answered {}: {}", answer.status, answer.body).into())
}

async fn stocked(server: &Server) -> Result<String, Failure> {
    let body = json!({
        "title": "Tea", "slug": "tea", "status": "active",
        "variants": [{ "sku": "TEA", "stock": STOCK, "prices": [{ "amount": 1999, "currency": "USD" }] }],
    });
    let staff = server.staff().await?;
    let product: Value = staff.post("/v1/admin/products", &body, &[]).await?.expect(StatusCode::CREATED)?;
    Ok(product["variants"][0]["id"].as_str().unwrap_or_default().to_owned())
}
