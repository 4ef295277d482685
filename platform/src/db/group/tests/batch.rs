//! Those who share a commit.

use super::*;

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
