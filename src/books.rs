//! The books of the whole shop: those of each module, and what two modules both keep, held against each other.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use platform::books::{Account, differences};
use platform::{Db, DbError};
use uuid::Uuid;

use crate::declared::Declared;

/// How soon what does not agree is looked at again.
const AGAIN: Duration = Duration::from_millis(250);

/// The books of these modules.
pub struct Books<'d>(Vec<(&'d Db, &'static Declared)>);

/// Something that does not agree.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// In whose tables.
    pub modules: Vec<&'static str>,
    /// What, as a sentence.
    pub says: String,
}

/// Two modules that both keep this, with what they know of it.
struct Pair<'d> {
    of: &'static str,
    sides: [(&'d Db, &'static Account); 2],
}

impl<'d> Books<'d> {
    /// The books of the modules on these databases. What two modules keep is looked at where both are among them.
    pub fn of(databases: impl IntoIterator<Item = (&'d Db, &'static Declared)>) -> Self {
        Self(databases.into_iter().collect())
    }

    /// What does not agree, after waiting so long for what is under way to come to its end. In a shop that is open the
    /// same thing must have been wrong at every look, so one that goes on changing is not named.
    ///
    /// # Errors
    /// A database cannot be read.
    pub async fn differences(&self, patience: Duration) -> Result<Vec<Difference>, DbError> {
        let give_up = Instant::now() + patience;
        let mut found = self.look().await?;
        while !found.is_empty() && Instant::now() < give_up {
            tokio::time::sleep(AGAIN).await;
            let now = self.look().await?;
            found.retain(|before| now.iter().any(|difference| difference.is_the_same(before)));
        }
        Ok(found.into_iter().map(Found::told).collect())
    }

    async fn look(&self) -> Result<Vec<Found>, DbError> {
        let mut found = Vec::new();
        for (db, module) in &self.0 {
            let alone = differences(db, &module.books).await?;
            found.extend(alone.into_iter().map(|says| Found::Alone { module: module.name, says }));
        }
        for pair in self.pairs() {
            found.extend(pair.look().await?);
        }
        Ok(found)
    }

    fn pairs(&self) -> Vec<Pair<'d>> {
        let mut pairs = Vec::new();
        for (at, (db, module)) in self.0.iter().enumerate() {
            for account in module.books.accounts {
                let others = self.0[at + 1..]
                    .iter()
                    .flat_map(|(db, other)| other.books.accounts.iter().map(move |account| (*db, account)));
                pairs.extend(
                    others
                        .filter(|(_, other)| other.of == account.of)
                        .map(|other| Pair { of: account.of, sides: [(*db, account), other] }),
                );
            }
        }
        pairs
    }
}

/// Something that did not agree at one look.
enum Found {
    Alone { module: &'static str, says: String },
    Between { modules: [&'static str; 2], of: &'static str, amounts: BTreeMap<Uuid, [i64; 2]> },
}

impl Found {
    /// Whether the other look found the same, apart from how much of it there is.
    fn is_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Alone { module, says }, Self::Alone { module: before, says: said }) => {
                let words = |says: &str| says.split_once(' ').map(|(_, words)| words.to_owned());
                module == before && words(says) == words(said)
            }
            (
                Self::Between { modules, of, amounts },
                Self::Between { modules: before, of: same, amounts: then },
            ) => {
                modules == before && of == same && amounts.iter().any(|(key, now)| then.get(key) == Some(now))
            }
            _ => false,
        }
    }

    fn told(self) -> Difference {
        match self {
            Self::Alone { module, says } => Difference { modules: vec![module], says },
            Self::Between { modules: [one, two], of, amounts } => {
                let first = amounts.first_key_value().map_or_else(String::new, |(key, [ours, theirs])| {
                    format!(" ({key}: {ours} in {one}, {theirs} in {two})")
                });
                let says = format!("{} times the two do not agree on {of}{first}", amounts.len());
                Difference { modules: vec![one, two], says }
            }
        }
    }
}

impl Pair<'_> {
    async fn look(&self) -> Result<Option<Found>, DbError> {
        let [(db, account), (other_db, other)] = self.sides;
        let (ours, theirs) = (account.read(db).await?, other.read(other_db).await?);
        let amount = |side: &BTreeMap<Uuid, i64>, key| side.get(key).copied().unwrap_or_default();
        let amounts: BTreeMap<Uuid, [i64; 2]> = ours
            .keys()
            .chain(theirs.keys())
            .map(|key| (*key, [amount(&ours, key), amount(&theirs, key)]))
            .filter(|(_, [ours, theirs])| ours != theirs)
            .collect();
        let modules = [db.module(), other_db.module()];
        Ok((!amounts.is_empty()).then_some(Found::Between { modules, of: self.of, amounts }))
    }
}
