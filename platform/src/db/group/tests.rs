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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_transactions_share_commits_and_all_of_them_last() {
    let (store, db) = opened(Queue::default()).await;
    let before = db.stats().counts();

    let writers = (0..64_i64).map(|writer| {
        let db = db.clone();
        async move {
            for round in 0..4 {
                write(&db, &[writer * 100 + round]).await.unwrap();
            }
        }
    });
    futures::future::join_all(writers).await;

    let counts = db.stats().counts();
    assert_eq!(counts.commits - before.commits, 256);
    assert!(counts.batches - before.batches < 128, "{counts:?}");
    db.close().await;
    assert_eq!(written(&open(&store, Queue::default()).await).await.len(), 256);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_dropped_at_any_await_point_is_whole_or_absent_and_harms_no_other() {
    let (_store, db) = opened(Queue::default()).await;
    let mut number = 0;
    let mut kept = Vec::new();

    let mut absent = 0;
    let mut completed = 0;

    // How often it is polled to its end depends on who is faster, so every number of polls has several turns.
    for turn in 0..120 {
        let (polls, others) = (turn % 12, turn / 12 % 4);
        let mine = [number, number + 1, number + 2];
        let theirs: Vec<i64> = (number + 3..).take(others).collect();
        let last = number + 9;
        number += 10;
        let well_behaved = theirs.iter().map(|line| write(&db, std::slice::from_ref(line)));
        let (outcome, answers) =
            tokio::join!(limited(polls, write(&db, &mine)), futures::future::join_all(well_behaved));

        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        kept.extend(theirs);
        // What was let go of may still be on its way; whoever comes next comes after it.
        write(&db, &[last]).await.unwrap();
        kept.push(last);
        let there = written(&db).await;
        let of_mine = mine.iter().filter(|line| there.contains(line)).count();
        match (of_mine, outcome) {
            (3, Some(Ok(()))) => completed += 1,
            (3, None) => {}
            (0, None) => absent += 1,
            (count, outcome) => panic!("{count} of 3 lines after {polls} polls that ended in {outcome:?}"),
        }
        if of_mine == 3 {
            kept.extend(mine);
        }
    }

    assert!(absent > 20 && completed > 20, "{absent} absent, {completed} completed");
    kept.sort_unstable();
    assert_eq!(written(&db).await, kept);
}

#[tokio::test]
async fn a_failed_commit_fails_every_member() {
    let (_store, db) = opened(patient()).await;
    let hooks = Arc::new(AtomicUsize::new(0));
    let mut bad = db.begin().await.unwrap();
    let second = queued_line(&db, 2, &hooks).await;
    let third = queued_line(&db, 3, &hooks).await;

    // The order is not there; the database looks only when it commits.
    bad.query("INSERT INTO lines (number, order_id) VALUES (1, 99)").run().await.unwrap();
    let first = bad.commit().await;

    for answer in [first, second.await.unwrap(), third.await.unwrap()] {
        assert!(answer.unwrap_err().maybe_committed());
    }
    assert_eq!(hooks.load(Ordering::SeqCst), 0);
    write(&db, &[4]).await.unwrap();
    assert_eq!(written(&db).await, [4]);
}

#[tokio::test]
async fn a_statement_that_undoes_everything_fails_its_batch_and_nothing_slips_out() {
    let (_store, db) = opened(patient()).await;
    write(&db, &[1]).await.unwrap();
    let hooks = Arc::new(AtomicUsize::new(0));
    let mut first = db.begin().await.unwrap();
    let ours = db.clone();
    let second = queued(&db, async move {
        let mut tx = ours.begin().await.unwrap();
        let conflict = tx.query("INSERT OR ROLLBACK INTO lines (number) VALUES (1)").run().await;
        assert!(matches!(conflict, Err(DbError::Unique(_))));
        let outside = tx.query("INSERT INTO lines (number) VALUES (20)").run().await;
        assert!(matches!(outside, Err(DbError::Aborted)));
        tx.commit().await
    })
    .await;
    let third = queued_line(&db, 3, &hooks).await;

    first.query("INSERT INTO lines (number) VALUES (10)").run().await.unwrap();
    let first = first.commit().await.unwrap_err();

    assert!(matches!(first, DbError::Undone(_)) && first.is_worth_repeating() && !first.maybe_committed());
    assert!(matches!(second.await.unwrap(), Err(DbError::Aborted)));
    third.await.unwrap().unwrap();
    assert_eq!(hooks.load(Ordering::SeqCst), 1);
    assert_eq!(written(&db).await, [1, 3]);
}

#[tokio::test]
async fn a_statement_that_undoes_everything_while_nobody_listens_lets_nothing_slip_out() {
    let (_store, db) = opened(patient()).await;
    write(&db, &[1]).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO lines (number) VALUES (2)").run().await.unwrap();

    let conflict = tx.query("INSERT OR ROLLBACK INTO lines (number) VALUES (1)").run();
    // Mostly the answer is still to come.
    drop(limited(1, conflict).await);

    let later = tx.query("INSERT INTO lines (number) VALUES (3)").run().await;
    assert!(matches!(later, Err(DbError::Aborted)));
    assert!(matches!(tx.commit().await, Err(DbError::Aborted)));
    write(&db, &[4]).await.unwrap();
    assert_eq!(written(&db).await, [1, 4]);
}

#[tokio::test]
async fn a_full_disk_lets_nothing_slip_out() {
    let (_store, db) = opened(patient()).await;
    let mut tx = db.begin().await.unwrap();
    // Asks for fewer pages than there are, which SQLite answers with as many as there are.
    tx.query("PRAGMA max_page_count = 1").all::<(i64,)>().await.unwrap();
    let full = loop {
        let insert = "INSERT INTO lines (number) SELECT COALESCE(MAX(number), 0) + 1 FROM lines";
        if let Err(error) = tx.query(insert).run().await {
            break error;
        }
    };
    assert!(matches!(full, DbError::Full(_)), "{full:?}");
    let _ = tx.query("DELETE FROM lines").run().await;
    drop(tx);

    let mut tx = db.begin().await.unwrap();
    tx.query("PRAGMA max_page_count = 1000000").all::<(i64,)>().await.unwrap();
    tx.rollback().await.unwrap();
    write(&db, &[7]).await.unwrap();
    assert_eq!(written(&db).await, [7]);
}

#[tokio::test]
async fn a_mistake_in_one_member_harms_no_other() {
    let (_store, db) = opened(patient()).await;
    let hooks = Arc::new(AtomicUsize::new(0));
    let first = db.begin().await.unwrap();
    let second = queued_line(&db, 2, &hooks).await;
    let ours = db.clone();
    let panicking = queued(&db, async move {
        let mut tx = ours.begin().await.unwrap();
        tx.query("INSERT INTO lines (number) VALUES (3)").run().await.unwrap();
        panic!("on purpose");
    })
    .await;
    let ours = db.clone();
    let wrong = queued(&db, async move {
        let mut tx = ours.begin().await.unwrap();
        tx.query("INSERT INTO lines (number) VALUES (4)").run().await.unwrap();
        tx.query("INSERT INTO nowhere (number) VALUES (4)").run().await.unwrap_err()
    })
    .await;
    let fifth = queued_line(&db, 5, &hooks).await;

    drop(first);

    assert!(panicking.await.unwrap_err().is_panic());
    assert!(matches!(wrong.await.unwrap(), DbError::Other(_)));
    second.await.unwrap().unwrap();
    fifth.await.unwrap().unwrap();
    assert_eq!(written(&db).await, [2, 5]);
    assert_eq!(hooks.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refused_statement_leaves_the_rest_of_its_transaction_usable() {
    let (_store, db) = opened(Queue::default()).await;
    write(&db, &[1]).await.unwrap();

    let mut tx = db.begin().await.unwrap();
    tx.query("INSERT INTO lines (number) VALUES (2)").run().await.unwrap();
    let taken = tx.query("INSERT INTO lines (number) VALUES (1)").run().await;
    tx.query("INSERT INTO lines (number) VALUES (3)").run().await.unwrap();
    tx.commit().await.unwrap();

    assert!(matches!(taken, Err(DbError::Unique(_))));
    assert_eq!(written(&db).await, [1, 2, 3]);
}

#[tokio::test]
async fn hooks_run_once_and_before_the_answer_and_never_for_what_was_undone() {
    let (_store, db) = opened(Queue::default()).await;
    let hooks = Arc::new(AtomicUsize::new(0));
    let hooked = async |number: i64| {
        let mut tx = db.begin().await.unwrap();
        tx.query("INSERT INTO lines (number) VALUES ($1)").bind(number).run().await.unwrap();
        let hooks = Arc::clone(&hooks);
        tx.after_commit(move || {
            hooks.fetch_add(1, Ordering::SeqCst);
        });
        tx
    };

    drop(hooked(1).await);
    hooked(2).await.rollback().await.unwrap();
    assert_eq!(hooks.load(Ordering::SeqCst), 0);
    let mut panics = hooked(3).await;
    panics.after_commit(|| panic!("on purpose"));
    panics.commit().await.unwrap();
    assert_eq!(hooks.load(Ordering::SeqCst), 1);
    hooked(4).await.commit().await.unwrap();
    assert_eq!(hooks.load(Ordering::SeqCst), 2);
    assert_eq!(written(&db).await, [3, 4]);
}

#[tokio::test]
async fn a_full_queue_sends_the_next_one_away_at_once() {
    let (_store, db) = opened(Queue { length: 2, ..patient() }).await;
    let hooks = Arc::new(AtomicUsize::new(0));
    let holder = db.begin().await.unwrap();
    let first = queued_line(&db, 1, &hooks).await;
    {
        let mut gives_up = limited(1, db.begin());
        assert!((&mut gives_up).await.is_none());
        assert!(matches!(db.begin().await, Err(DbError::Busy)));
    }

    // Whoever gave up leaves a free place.
    let second = queued_line(&db, 2, &hooks);
    drop(holder);
    second.await.await.unwrap().unwrap();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_waiter_whose_patience_ended_never_gets_the_lease() {
    let (_store, db) = opened(Queue { patience: Duration::from_millis(50), ..patient() }).await;
    let holder = db.begin().await.unwrap();
    assert!(matches!(db.begin().await, Err(DbError::Busy)));
    holder.commit().await.unwrap();

    write(&db, &[1]).await.unwrap();

    assert_eq!(written(&db).await, [1]);
    assert!(shared(&db).lock().resting.is_some());
}

#[tokio::test]
async fn a_batch_whose_age_is_up_commits_although_somebody_waits() {
    let (_store, db) = opened(Queue { batch_age: Duration::ZERO, ..Queue::default() }).await;
    let hooks = Arc::new(AtomicUsize::new(0));
    let holder = db.begin().await.unwrap();
    let waiting = queued_line(&db, 1, &hooks).await;

    holder.commit().await.unwrap();
    waiting.await.unwrap().unwrap();

    assert_eq!(db.stats().counts().batches, db.stats().counts().commits);
}

#[tokio::test]
async fn closing_waits_for_the_last_batch() {
    let (store, db) = opened(patient()).await;
    let hooks = Arc::new(AtomicUsize::new(0));
    let mut first = db.begin().await.unwrap();
    let second = queued_line(&db, 2, &hooks).await;
    let ours = db.clone();
    let closing = shared(&db).tasks.spawn(async move { ours.close().await });
    while !shared(&db).lock().closed {
        tokio::task::yield_now().await;
    }

    first.query("INSERT INTO lines (number) VALUES (1)").run().await.unwrap();
    first.commit().await.unwrap();
    second.await.unwrap().unwrap();
    closing.await.unwrap();

    assert!(matches!(db.begin().await, Err(DbError::Busy)));
    assert_eq!(written(&open(&store, Queue::default()).await).await, [1, 2]);
}

#[tokio::test]
async fn another_process_that_writes_delays_but_does_not_break() {
    let (store, db) = opened(Queue { patience: Duration::from_millis(400), ..Queue::default() }).await;
    let other = open(&store, Queue::default()).await;
    let mut theirs = other.begin().await.unwrap();
    theirs.query("INSERT INTO lines (number) VALUES (1)").run().await.unwrap();

    // Too long for one of us, and only a delay for the next.
    assert!(matches!(write(&db, &[2]).await, Err(DbError::Busy)));
    let (ours, committed) = tokio::join!(write(&db, &[3]), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        theirs.commit().await
    });

    committed.unwrap();
    ours.unwrap();
    assert_eq!(written(&db).await, [1, 3]);
}
