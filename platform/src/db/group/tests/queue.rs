//! Those who wait for the lease.

use super::*;

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
    // The tables are made with more patience: a slow disk is not what is tried here.
    let (store, first) = opened(patient()).await;
    first.close().await;
    let db = open(&store, Queue { patience: Duration::from_millis(50), ..patient() }).await;
    let holder = db.begin().await.unwrap();
    assert!(matches!(db.begin().await, Err(DbError::Busy)));
    holder.commit().await.unwrap();

    write(&db, &[1]).await.unwrap();

    assert_eq!(written(&db).await, [1]);
    assert!(shared(&db).lock().resting.is_some());
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
