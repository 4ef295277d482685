//! What breaks off in the middle.

use super::*;

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
