use kernel::Clock;

use super::*;
use crate::testing::{self, TestDb};

fn key(body: u8) -> IdempotencyKey {
    IdempotencyKey {
        scope: "staff".into(),
        operation: "POST /v1/admin/refunds".into(),
        key: "k".into(),
        fingerprint: [body; 32],
        sent: None,
    }
}

fn refused(status: u16) -> Result<Answer, Problem> {
    Err(Problem::new(StatusCode::from_u16(status).unwrap(), "no", "no"))
}

#[tokio::test]
async fn a_key_is_free_again_after_what_was_sent_was_against_a_rule() {
    let db = testing::db("shop", &[]).await;
    assert_eq!(once(&db, &key(1), async |_| refused(422)).await.unwrap().status(), 422);

    let mended = once(&db, &key(2), async |_| Ok(Answer::no_content())).await.unwrap();
    let again = once(&db, &key(2), async |_| refused(500)).await.unwrap();
    let other = once(&db, &key(1), async |_| Ok(Answer::no_content())).await;

    assert_eq!((mended.status().as_u16(), again.status().as_u16()), (204, 204), "the kept answer");
    assert_eq!(other.unwrap_err().status(), 422, "what was done keeps its key");
}

#[tokio::test]
async fn a_conflict_is_kept_and_a_failure_of_ours_resumes_under_the_same_identity() {
    let db = testing::db("shop", &[]).await;
    assert_eq!(once(&db, &key(1), async |_| refused(409)).await.unwrap().status(), 409);
    assert_eq!(once(&db, &key(1), async |_| Ok(Answer::no_content())).await.unwrap().status(), 409);

    let resumed = IdempotencyKey { key: "resumed".into(), ..key(1) };
    let mut effects = Vec::new();
    for status in [500, 422, 503] {
        let answer = once(&db, &resumed, |held| {
            effects.push(held.effect_id);
            async move { refused(status) }
        });
        assert_eq!(answer.await.unwrap().status(), status);
    }
    assert!(
        effects.iter().all(|effect| *effect == effects[0]),
        "what may have been begun keeps its identity"
    );
}

/// A shop whose clock the test holds.
async fn shop() -> TestDb {
    testing::db_at("shop", &[], Clock::held_at("2026-05-01T12:00:00Z".parse().unwrap())).await
}

#[tokio::test]
async fn whoever_was_given_up_for_dead_gives_the_answer_that_is_kept() {
    let db = shop().await;
    for (late, kept) in [(409, 204), (500, 204), (422, 409)] {
        let key = IdempotencyKey { key: format!("{late} after {kept}"), ..key(1) };
        let slow = async |first: Held| {
            db.clock().advance(LEASE + Duration::from_secs(1));
            let taken_over = once(&db, &key, async |second| {
                assert_eq!((second.effect_id, second.fence), (first.effect_id, 2));
                if kept == 204 { Ok(Answer::no_content()) } else { refused(kept) }
            });
            assert_eq!(taken_over.await.unwrap().status(), kept);
            refused(late)
        };

        assert_eq!(once(&db, &key, slow).await.unwrap().status(), kept, "instead of {late}");
        let again = once(&db, &key, async |_| refused(500)).await.unwrap();
        assert_eq!(again.status(), kept, "after {late}");
    }
}

#[tokio::test]
async fn whoever_was_given_up_for_dead_has_no_answer_while_another_is_at_work() {
    let db = shop().await;
    let key = key(1);
    let slow = async |_| {
        db.clock().advance(LEASE + Duration::from_secs(1));
        let mut tx = db.begin().await?;
        assert!(matches!(idempotency::claim(&mut tx, &key, LEASE).await?, Claim::Ours(_)));
        tx.commit().await?;
        Ok(Answer::no_content())
    };

    let problem = once(&db, &key, slow).await.unwrap_err();

    assert_eq!((problem.status().as_u16(), problem.code()), (409, "idempotency_in_progress"));
    assert!(matches!(idempotency::peek(&db, &key).await.unwrap(), Some(Claim::Running(_))));
}
