//! Its books: what it has charged and moved, in a journal that only grows.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use kernel::Money;
use payment_api::CaptureMethod;
use serde::{Deserialize, Serialize};

use crate::Failure;

/// A charge, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Charge {
    /// The key it was asked for under.
    pub charge: String,
    /// What it is called here.
    pub reference: String,
    /// What was asked for.
    pub amount: Money,
    /// When the money is taken.
    pub capture: CaptureMethod,
    /// The means of payment.
    pub token: String,
    /// How it went.
    pub status: Status,
    /// Promised and neither taken nor given up, in minor units.
    pub held: i64,
    /// Taken.
    pub captured: i64,
    /// Given back.
    pub refunded: i64,
}

/// How a charge went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// The money is taken.
    Captured,
    /// The money is promised.
    Authorized,
    /// Refused.
    Declined,
    /// It is not known yet.
    Pending,
}

/// Money that was moved, or was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Movement {
    /// The key it was asked for under.
    pub movement: String,
    /// Of which charge.
    pub charge: String,
    /// `capture`, `void` or `refund`.
    pub kind: String,
    /// How much.
    pub amount: Money,
    /// Whether it moved.
    pub moved: bool,
}

/// A line of the journal: how something stands from now on.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Charge(Charge),
    Movement(Movement, Charge),
}

/// All of it.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The charges, by their keys.
    pub charges: BTreeMap<String, Charge>,
    /// The movements, by their keys.
    pub movements: BTreeMap<String, Movement>,
}

/// The books, open to be written.
#[derive(Debug)]
pub(super) struct Books {
    journal: File,
    pub(super) content: Content,
}

impl Charge {
    /// What a charge becomes that is taken as it was asked for.
    pub(super) fn taken(&self) -> Status {
        match self.capture {
            CaptureMethod::Automatic => Status::Captured,
            CaptureMethod::Manual => Status::Authorized,
        }
    }

    /// The charge from now on, with the money that follows.
    pub(super) fn turned(self, status: Status) -> Self {
        let amount = self.amount.amount;
        let (held, captured) = match status {
            Status::Captured => (0, amount),
            Status::Authorized => (amount, 0),
            Status::Declined | Status::Pending => (0, 0),
        };
        Self { status, held, captured, ..self }
    }

    /// The charge after money of it was moved; `None` when there is not so much.
    fn after(&self, kind: &str, amount: i64) -> Option<Self> {
        let mut after = self.clone();
        match kind {
            "capture" => (after.held, after.captured) = (self.held - amount, self.captured + amount),
            "void" => after.held -= amount,
            "refund" => after.refunded += amount,
            _ => return None,
        }
        (amount > 0 && after.held >= 0 && after.refunded <= after.captured).then_some(after)
    }
}

impl Content {
    /// What the journal at this path says.
    ///
    /// # Errors
    /// It cannot be read. A last line that broke off was never answered and does not count.
    pub fn read(journal: &Path) -> Result<Self, Failure> {
        let text = if journal.exists() { std::fs::read_to_string(journal)? } else { String::new() };
        let mut content = Self::default();
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            content.apply(serde_json::from_str(line)?);
        }
        Ok(content)
    }

    fn apply(&mut self, line: Line) {
        if let Line::Movement(movement, _) = &line {
            self.movements.insert(movement.movement.clone(), movement.clone());
        }
        let (Line::Charge(charge) | Line::Movement(_, charge)) = line;
        self.charges.insert(charge.charge.clone(), charge);
    }
}

impl Books {
    /// Opens the books at this path.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let content = Content::read(path)?;
        let journal = File::options().create(true).append(true).open(path)?;
        // What broke off is not to become the beginning of the next line.
        let whole = std::fs::read(path)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        journal.set_len(whole as u64)?;
        Ok(Self { journal, content })
    }

    /// Writes down how a charge stands, for good.
    pub(super) fn charge(&mut self, charge: Charge) -> Result<(), Failure> {
        self.write(Line::Charge(charge))
    }

    /// Moves money of a charge, once: what was said to the first is said to every other under its key.
    pub(super) fn movement(&mut self, asked: Movement) -> Result<Movement, Failure> {
        if let Some(known) = self.content.movements.get(&asked.movement) {
            return Ok(known.clone());
        }
        let charge = self.content.charges.get(&asked.charge).cloned().ok_or("there is no such charge")?;
        let fits = asked.amount.currency == charge.amount.currency && asked.moved;
        let after = fits.then(|| charge.after(&asked.kind, asked.amount.amount)).flatten();
        let movement = Movement { moved: after.is_some(), ..asked };
        self.write(Line::Movement(movement.clone(), after.unwrap_or(charge)))?;
        Ok(movement)
    }

    fn write(&mut self, line: Line) -> Result<(), Failure> {
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        self.journal.write_all(&text)?;
        self.journal.sync_data()?;
        self.content.apply(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(amount: i64) -> Charge {
        Charge {
            charge: "att_1".into(),
            reference: "sim_1".into(),
            amount: Money::new(amount, "USD".parse().unwrap()),
            capture: CaptureMethod::Automatic,
            token: "approve".into(),
            status: Status::Pending,
            held: 0,
            captured: 0,
            refunded: 0,
        }
    }

    #[test]
    fn money_moves_once_under_a_key_and_the_journal_remembers_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut books = Books::open(&path).unwrap();
        books.charge(charge(1000).turned(Status::Captured)).unwrap();
        let asked = |key: &str, amount: i64| Movement {
            movement: key.into(),
            charge: "att_1".into(),
            kind: "refund".into(),
            amount: Money::new(amount, "USD".parse().unwrap()),
            moved: true,
        };
        assert!(books.movement(asked("one", 600)).unwrap().moved);
        assert!(books.movement(asked("one", 600)).unwrap().moved);
        assert!(!books.movement(asked("two", 600)).unwrap().moved, "there are only 400 left");
        File::options().append(true).open(&path).unwrap().write_all(b"{\"charge\":{\"cha").unwrap();

        let mut again = Books::open(&path).unwrap();

        assert_eq!(again.content, books.content);
        assert_eq!(again.content.charges["att_1"].refunded, 600);
        again.charge(charge(5)).unwrap();
        assert_eq!(Content::read(&path).unwrap().charges["att_1"].amount.amount, 5);
    }
}
