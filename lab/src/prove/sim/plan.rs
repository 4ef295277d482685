//! What happens in one run: who wants what, and what goes wrong. It follows from a seed, and a part of it can be left
//! out.

use std::collections::BTreeSet;

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Customers' wishes in a run, at most.
const WISHES: usize = 3;
/// Troubles in a run, at most.
const TROUBLES: usize = 5;

/// A run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Where it comes from. It also decides who goes next.
    pub(super) seed: u64,
    /// How many processes of the shop there are.
    pub(super) replicas: usize,
    /// How many pieces there are to sell.
    pub(super) stock: i64,
    /// What is wanted.
    pub(super) wishes: Vec<Wish>,
    /// What goes wrong.
    pub(super) troubles: Vec<Trouble>,
}

/// What somebody wants.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// How many pieces.
    pub(super) quantity: i64,
    /// What the bank does with the charge.
    pub(super) fate: Fate,
    /// Whether the money is taken at once, or only promised.
    pub(super) taken_at_once: bool,
    /// Requests with the same key that are sent at the same time.
    pub(super) at_once: usize,
    /// Whether a stored cart is completed, by so many customers with keys of their own; otherwise bought in one request.
    pub(super) cart: bool,
    /// Whether staff cancel the order afterwards.
    pub(super) canceled: bool,
    /// When it begins, in milliseconds.
    pub(super) at: u64,
}

/// What the bank does with a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It approves.
    Approve,
    /// It declines.
    Decline,
    /// It says that it will tell later, and does so in a webhook.
    Later,
    /// The payer has to confirm first, and does.
    Confirmed,
    /// The payer has to confirm first, and refuses.
    Refused,
    /// The payer has to confirm first, and is never seen again.
    Abandoned,
}

impl Fate {
    const ALL: [Self; 6] =
        [Self::Approve, Self::Decline, Self::Later, Self::Confirmed, Self::Refused, Self::Abandoned];

    /// The token that brings it.
    pub(super) fn token(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// What a token brings.
    pub(super) fn of(token: &str) -> Self {
        Self::ALL.into_iter().find(|fate| fate.token() == token).unwrap_or(Self::Approve)
    }
}

/// Something that goes wrong, the `nth` time that it could.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What.
    pub(super) kind: Kind,
    /// Which time.
    pub(super) nth: u64,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The process whose turn it is dies instead, and is started again.
    Kill,
    /// Whoever's turn it is sleeps for so many seconds first.
    Stall(u64),
    /// The clock jumps forward by so many seconds, and nothing else does.
    Jump(u64),
    /// The database has no connection for a transaction.
    Busy,
    /// A commit is done, and its answer is lost.
    CommitUnknown,
    /// A call to another module is not sent.
    NotSent,
    /// It is carried out, and its answer is lost.
    AnswerLost,
    /// Its caller gives up, and then it is carried out.
    Late,
    /// What the bank is asked does not get there.
    BankUnreached,
    /// The bank does it and says nothing.
    BankSilent,
    /// A webhook of the bank is not sent; it will be sent again much later.
    WebhookLost,
    /// It is sent twice.
    WebhookTwice,
    /// Events do not come, although there are some.
    EventsHeldBack,
    /// Only the first of the events comes.
    EventsInPart,
}

impl Kind {
    fn draw(random: &mut SmallRng) -> Self {
        match random.random_range(0..20) {
            0..5 => Self::Kill,
            5..7 => Self::Stall([1, 25, 70, 700][random.random_range(0..4)]),
            7 => Self::Jump([30, 1_000, 90_000][random.random_range(0..3)]),
            8 => Self::Busy,
            9 | 10 => Self::CommitUnknown,
            11 => Self::NotSent,
            12 => Self::AnswerLost,
            13 | 14 => Self::Late,
            15 => Self::BankUnreached,
            16 => Self::BankSilent,
            17 => [Self::WebhookLost, Self::WebhookTwice][random.random_range(0..2)],
            18 => Self::EventsHeldBack,
            _ => Self::EventsInPart,
        }
    }

    /// About how often a run gives it a chance.
    fn chances(self) -> u64 {
        match self {
            Self::Kill | Self::Stall(_) | Self::Jump(_) => 160,
            Self::Busy | Self::CommitUnknown => 30,
            Self::NotSent | Self::AnswerLost | Self::Late => 8,
            Self::BankUnreached | Self::BankSilent => 4,
            Self::WebhookLost | Self::WebhookTwice => 2,
            Self::EventsHeldBack | Self::EventsInPart => 12,
        }
    }

    /// Its name, without its numbers.
    pub(super) fn name(self) -> String {
        let all = format!("{self:?}");
        all.split('(').next().unwrap_or_default().to_owned()
    }
}

impl Plan {
    /// The run of a seed.
    pub(super) fn of(seed: u64) -> Self {
        let random = &mut SmallRng::seed_from_u64(seed);
        let wishes: Vec<Wish> = (0..random.random_range(1..=WISHES)).map(|_| Wish::draw(random)).collect();
        let wanted: i64 = wishes.iter().map(|wish| wish.quantity).sum();
        let troubles = (0..random.random_range(0..=TROUBLES)).map(|_| {
            let kind = Kind::draw(random);
            Trouble { kind, nth: random.random_range(1..=kind.chances()) }
        });
        let troubles = troubles.collect();
        Self {
            seed,
            replicas: random.random_range(1..=2),
            // Sometimes there is not enough for all.
            stock: random.random_range(wanted / 2 + 1..=wanted + 2),
            wishes,
            troubles,
        }
    }

    /// The same with these wishes and these troubles alone.
    pub(super) fn keeping(&self, wishes: &BTreeSet<usize>, troubles: &BTreeSet<usize>) -> Self {
        Self { wishes: kept(&self.wishes, wishes), troubles: kept(&self.troubles, troubles), ..self.clone() }
    }
}

fn kept<T: Clone>(all: &[T], keep: &BTreeSet<usize>) -> Vec<T> {
    let numbered = all.iter().enumerate().filter(|(number, _)| keep.contains(number));
    numbered.map(|(_, one)| one.clone()).collect()
}

impl Wish {
    fn draw(random: &mut SmallRng) -> Self {
        let fate = if random.random_bool(0.5) { Fate::Approve } else { Fate::ALL[random.random_range(0..6)] };
        Self {
            quantity: random.random_range(1..=3),
            fate,
            taken_at_once: random.random_bool(0.7),
            at_once: if random.random_bool(0.5) { 2 } else { 1 },
            cart: random.random_bool(0.3),
            canceled: random.random_bool(0.25),
            at: random.random_range(0..3_000),
        }
    }
}
