mod batch;
mod queue;
mod undone;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll};

use kernel::Clock;

use super::*;
use crate::Db;
use crate::db::{Engine, Migration, Store};
use crate::testing::{self, TestStore};

const TABLES: &[Migration] = &[Migration::new(
    1,
    "lines",
    "CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY);
     CREATE TABLE lines (
         number   BIGINT NOT NULL PRIMARY KEY,
         order_id BIGINT REFERENCES orders (id) DEFERRABLE INITIALLY DEFERRED
     );",
)];

/// A queue that commits only when nobody waits, so that a test decides who shares a batch.
fn patient() -> Queue {
    Queue { batch_age: Duration::from_mins(1), ..Queue::default() }
}

async fn opened(queue: Queue) -> (TestStore, Db) {
    let store = testing::sqlite_store("shop");
    let db = open(&store, queue).await;
    db.migrate(TABLES).await.unwrap();
    (store, db)
}

async fn open(store: &TestStore, queue: Queue) -> Db {
    let Store::Sqlite(mut options) = Store::clone(store) else { panic!("not a file") };
    options.queue = queue;
    Db::open("shop", &Store::Sqlite(options), Clock::system(), &Tasks::new()).await.unwrap()
}

async fn write(db: &Db, numbers: &[i64]) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    for number in numbers {
        tx.query("INSERT INTO lines (number) VALUES ($1)").bind(*number).run().await?;
    }
    tx.commit().await
}

async fn written(db: &Db) -> Vec<i64> {
    let rows: Vec<(i64,)> = db.query("SELECT number FROM lines ORDER BY number").all().await.unwrap();
    rows.into_iter().map(|(number,)| number).collect()
}

fn shared(db: &Db) -> &Shared {
    let Engine::Sqlite { writer, .. } = &db.0.engine else { panic!("not a file") };
    &writer.0
}

/// Starts work that begins a transaction, and returns once it stands in the queue.
async fn queued<F>(db: &Db, work: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let before = shared(db).lock().waiting.len();
    let handle = shared(db).tasks.spawn(work);
    while shared(db).lock().waiting.len() == before {
        tokio::task::yield_now().await;
    }
    handle
}

/// Writes one line behind those who already wait, and counts when its hook runs.
async fn queued_line(
    db: &Db,
    number: i64,
    hooks: &Arc<AtomicUsize>,
) -> tokio::task::JoinHandle<Result<(), DbError>> {
    let (ours, hooks) = (db.clone(), Arc::clone(hooks));
    queued(db, async move {
        let mut tx = ours.begin().await?;
        tx.query("INSERT INTO lines (number) VALUES ($1)").bind(number).run().await?;
        tx.after_commit(move || {
            hooks.fetch_add(1, Ordering::SeqCst);
        });
        tx.commit().await
    })
    .await
}

/// Polls a future so many times and lets go of it right there.
struct Limited<F> {
    work: Pin<Box<F>>,
    polls: usize,
}

impl<F: Future> Future for Limited<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        match self.work.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn limited<F: Future>(polls: usize, work: F) -> Limited<F> {
    Limited { work: Box::pin(work), polls }
}
