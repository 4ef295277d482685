//! The catalogue's answers, kept in memory as they go out.
//!
//! Reading is what a shop does most, and a query costs ten times what the rest of a request does. So finished answers
//! are kept, and given out of date never: an answer remembers when its making began, a change leaves a mark when it
//! is durable, and an answer older than the mark of what it shows is not given again. It is the comparison at the
//! moment of giving that counts. An answer that was read before a change and kept after it is therefore harmless.
//!
//! Marks are numbers in a row of fixed length; products that share one by chance are made anew together, which
//! costs a query and harms nobody. Changes by other processes leave no mark here: a second is the most that an
//! answer lives.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actix_web::http::header::HeaderValue;
use actix_web::web::Bytes;
use moka::sync::Cache;
use platform::Tx;
use product_api::ProductId;
use tokio::sync::Mutex;

const LONGEST_LIFE: Duration = Duration::from_secs(1);
const MARKS: usize = 4096;
const LANES: usize = 64;
/// What an answer costs beside its bytes.
const OVERHEAD: usize = 256;

/// The answers that are kept.
#[derive(Clone)]
pub(crate) struct Kept(Arc<Shelf>);

struct Shelf {
    answers: Cache<Arc<str>, Answer>,
    /// Counts changes; the time by which answers and marks are compared.
    now: AtomicU64,
    /// When products of each mark changed last.
    products: Box<[AtomicU64]>,
    /// When any product changed last.
    lists: AtomicU64,
    /// Who makes an answer holds its lane, so that a thousand readers of a changed product ask the database once.
    lanes: Box<[Mutex<()>]>,
}

/// What an answer shows, and so which changes end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    /// One product.
    Product(ProductId),
    /// A page of products.
    List,
}

/// A finished answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The body.
    pub body: Bytes,
    /// Its strong entity tag.
    pub etag: HeaderValue,
    shows: Shows,
    began: u64,
}

/// The moment the making of an answer began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Began(u64);

impl Kept {
    /// A place for answers of so many bytes in all.
    pub(crate) fn new(bytes: u64) -> Self {
        let answers = Cache::builder()
            .max_capacity(bytes)
            .weigher(|path: &Arc<str>, answer: &Answer| {
                u32::try_from(path.len() + answer.body.len() + OVERHEAD).unwrap_or(u32::MAX)
            })
            .time_to_live(LONGEST_LIFE)
            .build();
        Self(Arc::new(Shelf {
            answers,
            now: AtomicU64::new(0),
            products: (0..MARKS).map(|_| AtomicU64::new(0)).collect(),
            lists: AtomicU64::new(0),
            lanes: (0..LANES).map(|_| Mutex::new(())).collect(),
        }))
    }

    /// The answer for this path and query, unless what it shows has changed.
    pub(crate) fn get(&self, path: &str) -> Option<Answer> {
        self.0.answers.get(path).filter(|answer| self.0.changed(answer.shows) <= answer.began)
    }

    /// Waits until nobody else makes the answer for this path. Look once more before making it.
    pub(crate) async fn lane(&self, path: &str) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.lanes[slot(path.as_bytes(), LANES)].lock().await
    }

    /// To be called before the first query of an answer.
    pub(crate) fn begin(&self) -> Began {
        Began(self.0.now.load(Ordering::SeqCst))
    }

    /// Keeps an answer.
    pub(crate) fn put(&self, path: &str, body: Vec<u8>, shows: Shows, Began(began): Began) -> Answer {
        let etag = format!("\"{:016x}\"", digest(&body));
        let etag = HeaderValue::try_from(etag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        let answer = Answer { body: body.into(), etag, shows, began };
        self.0.answers.insert(path.into(), answer.clone());
        answer
    }

    /// Ends the answers about these products and all lists, in the same moment as the change is durable.
    pub(crate) fn end_with(&self, tx: &mut Tx, products: impl IntoIterator<Item = ProductId>) {
        let products: Vec<ProductId> = products.into_iter().collect();
        if products.is_empty() {
            return;
        }
        let answers = Arc::clone(&self.0);
        tx.after_commit(move || answers.end(&products));
    }
}

impl Shelf {
    fn end(&self, products: &[ProductId]) {
        // First the number, then the marks: who begins between the two has read the number and sees the change.
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.lists.fetch_max(now, Ordering::SeqCst);
        for product in products {
            self.mark(*product).fetch_max(now, Ordering::SeqCst);
        }
    }

    fn changed(&self, shows: Shows) -> u64 {
        match shows {
            Shows::Product(id) => self.mark(id).load(Ordering::SeqCst),
            Shows::List => self.lists.load(Ordering::SeqCst),
        }
    }

    fn mark(&self, id: ProductId) -> &AtomicU64 {
        &self.products[slot(id.uuid().as_bytes(), MARKS)]
    }
}

fn slot(bytes: &[u8], slots: usize) -> usize {
    digest(bytes) as usize % slots
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Id;

    fn product(number: u128) -> ProductId {
        Id::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_change_ends_what_shows_it_and_nothing_else() {
        let kept = Kept::new(1 << 20);
        kept.put("/a", b"1".into(), Shows::Product(product(1)), kept.begin());
        kept.put("/b", b"2".into(), Shows::Product(product(2)), kept.begin());
        kept.put("/", b"[]".into(), Shows::List, kept.begin());
        assert_eq!(kept.get("/a").unwrap().body, "1");

        kept.0.end(&[product(1)]);

        assert!(kept.get("/a").is_none());
        assert!(kept.get("/").is_none());
        assert!(kept.get("/b").is_some());
    }

    #[test]
    fn what_was_read_before_a_change_is_not_given_after_it() {
        let kept = Kept::new(1 << 20);
        let began = kept.begin();
        kept.0.end(&[product(1)]);
        kept.put("/a", b"old".into(), Shows::Product(product(1)), began);
        assert!(kept.get("/a").is_none());

        kept.put("/a", b"new".into(), Shows::Product(product(1)), kept.begin());
        assert_eq!(kept.get("/a").unwrap().body, "new");
    }

    #[test]
    fn memory_is_bounded() {
        let kept = Kept::new(10_000);
        for number in 0..1000 {
            kept.put(&format!("/{number}"), vec![0; 1000], Shows::List, kept.begin());
        }
        kept.0.answers.run_pending_tasks();
        assert!(kept.0.answers.weighted_size() <= 10_000);
    }
}
