//! The shop itself, started on what a cut has left: it comes to rest, knows every order it acknowledged, and its books
//! agree.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::disk::{Arrived, Disk, Image};
use super::shop::{Recorded, Shop, untraced};
use super::trace::{Deed, Order};
use crate::Failure;
use crate::prove::crash::{books::Books, tables};
use crate::server::{MODULES, Store};

/// How long everything that was under way may take to come to its end.
const REST: Duration = Duration::from_mins(3);
/// How long what is under way may go on disagreeing once it has.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// What became of the starts.
#[derive(Default)]
pub(super) struct Started {
    pub(super) starts: u64,
    pub(super) longest_rest: Duration,
    pub(super) wrong: Vec<String>,
}

/// Starts the shop so often on what is left when the power is cut somewhere, each module's files in a state of their own.
pub(super) async fn start(
    shop: &mut Shop,
    recorded: &Recorded,
    times: u64,
    seed: u64,
    found: &mut Started,
) -> Result<(), Failure> {
    let mut chance = StdRng::seed_from_u64(seed);
    for _ in 0..times {
        let cut = chance.random_range(0..=recorded.steps.len());
        let (image, told) = left(recorded, cut, &mut chance);
        shop.put(&image)?;
        found.starts += 1;
        let wrong = open(shop, &told, found).await;
        let wrong = wrong.unwrap_or_else(|error| vec![error.to_string()]);
        found
            .wrong
            .extend(wrong.into_iter().map(|what| format!("cut after {cut} steps, seed {seed}: {what}")));
    }
    Ok(())
}

/// What is on the disk after a cut, and which orders were acknowledged before.
fn left(recorded: &Recorded, cut: usize, chance: &mut StdRng) -> (Image, Vec<Order>) {
    let mut disk = Disk::new(&recorded.base, true);
    let mut told = recorded.before.clone();
    for step in &recorded.steps[..cut] {
        disk.apply(step);
        if let Deed::Told(order) = &step.deed {
            told.push(order.clone());
        }
    }
    let mut image = Image::new();
    for module in MODULES {
        let arrived = match chance.random_range(0..4) {
            0 => Arrived::Nothing,
            1 => Arrived::Everything,
            _ => Arrived::Some(chance.random()),
        };
        let (_, parts) = disk.after(module, arrived);
        image.extend(parts.iter().map(|(name, part)| ((*name).to_owned(), part.bytes())));
    }
    (image, told)
}

/// Starts it where it is and looks what is wrong. It is dead afterwards.
async fn open(shop: &mut Shop, told: &[Order], found: &mut Started) -> Result<Vec<String>, Failure> {
    let began = Instant::now();
    shop.server.kill_and_restart_set(0, &untraced()).await?;
    let wrong = at_rest(shop, told).await;
    found.longest_rest = found.longest_rest.max(began.elapsed());
    shop.server.kill(0).await?;
    wrong
}

/// What is wrong with an open shop once nothing is under way.
pub(super) async fn at_rest(shop: &Shop, told: &[Order]) -> Result<Vec<String>, Failure> {
    let books = Books::new(tables::of(&Store::Sqlite, shop.server.folder())?);
    let (_, mut wrong) = books.come_to_rest(REST).await?;
    wrong.extend(shop.server.differences(AFTERWARDS).await?);
    if told.is_empty() {
        return Ok(wrong);
    }
    let staff = shop.server.staff().await?;
    for order in told {
        let shown = staff.get(&format!("/v1/admin/orders/{}", order.id)).await?;
        if shown["number"] != *order.number || shown["paymentStatus"] != "paid" {
            wrong.push(format!("{} was acknowledged and is {shown}", order.number));
        }
    }
    Ok(wrong)
}
