use serde_json::json;

use super::super::journal::Answer;
use super::*;

const KEY: &str = "key";

fn answer(status: u16, digest: &str) -> Answer {
    let told = json!({ "number": "N1", "total": 2000, "items": [["var_1", 2]] });
    Answer { status, digest: digest.to_owned(), told }
}

/// Somebody who bought two, and was told so.
fn purchase() -> Asked {
    let content = json!({ "variant": "var_1", "quantity": 2 });
    Asked { kind: Kind::Purchase, content, answer: Some(answer(201, "a")), replays: vec![answer(201, "a")] }
}

fn stored(rows: &[(&str, &str)]) -> Stored {
    let rows = rows.iter().map(|(name, content)| [(*name).to_owned(), (*content).to_owned()]).collect();
    Stored(BTreeMap::from([((Kind::Purchase, KEY.to_owned()), rows)]))
}

#[test]
fn an_order_that_was_acknowledged_and_is_there_as_told_is_kept_word() {
    assert_eq!(stored(&[("N1", "2/2000")]).broken_words(KEY, &purchase()), [""; 0]);
}

#[test]
fn an_order_that_was_acknowledged_and_is_not_there_is_lost() {
    let found = stored(&[]).broken_words(KEY, &purchase());
    assert_eq!(found, ["Purchase key was acknowledged and is not there"]);
}

#[test]
fn what_nobody_was_told_of_may_be_absent_or_be_what_was_asked_for_and_nothing_else() {
    let unknown = || Asked { answer: None, replays: Vec::new(), ..purchase() };
    assert_eq!(stored(&[]).broken_words(KEY, &unknown()), [""; 0]);
    assert_eq!(stored(&[("N1", "2/2000")]).broken_words(KEY, &unknown()), [""; 0]);
    assert_eq!(stored(&[("N1", "1/1000")]).broken_words(KEY, &unknown()).len(), 1);
}

#[test]
fn a_request_that_was_done_twice_is_found() {
    let found = stored(&[("N1", "2/2000"), ("N2", "2/2000")]).broken_words(KEY, &purchase());
    assert_eq!(found, ["Purchase key was done 2 times"]);
}

#[test]
fn an_order_with_another_content_or_number_than_was_told_is_found() {
    for row in [("N1", "2/1999"), ("N1", "3/3000"), ("N2", "2/2000")] {
        assert_eq!(stored(&[row]).broken_words(KEY, &purchase()).len(), 1, "{row:?}");
    }
}

#[test]
fn another_answer_to_the_same_key_is_found() {
    let asked = Asked { replays: vec![answer(201, "b")], ..purchase() };
    assert_eq!(stored(&[("N1", "2/2000")]).broken_words(KEY, &asked).len(), 1);
    let asked = Asked { replays: vec![answer(402, "a")], ..purchase() };
    assert_eq!(stored(&[("N1", "2/2000")]).broken_words(KEY, &asked).len(), 1);
}

#[test]
fn an_import_that_was_acknowledged_before_it_was_read_is_found() {
    let told = |status: &str| Answer { told: json!({ "status": status }), ..answer(201, "a") };
    let import = |status| Asked {
        kind: Kind::Import,
        content: json!({}),
        answer: Some(told(status)),
        replays: Vec::new(),
    };
    assert_eq!(stored(&[]).broken_words(KEY, &import("previewed")), [""; 0]);
    assert_eq!(stored(&[]).broken_words(KEY, &import("reading")).len(), 1);
}
