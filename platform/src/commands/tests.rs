use super::*;
use crate::testing;

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
