//! Whether two versions of a contract can talk: what one side writes, the other must be able to read.
//!
//! The caller writes requests, the callee writes answers and errors. New optional fields and new methods break
//! nothing; a new required field in a request, a new variant in an answer or an error does.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

/// What keeps a caller with `ours` from working with a callee that has `theirs`, a sentence each. Nothing: they fit.
pub fn breaks(ours: &Value, theirs: &Value) -> Vec<String> {
    let mut breaks = Vec::new();
    for method in list(&ours["methods"]) {
        let name = text(&method["name"]);
        let Some(other) = list(&theirs["methods"]).iter().find(|other| other["name"] == *name) else {
            breaks.push(format!("`{name}` is not offered"));
            continue;
        };
        if method["retry"] != other["retry"] {
            breaks.push(format!(
                "`{name}` may be repeated as {} here and as {} there",
                method["retry"], other["retry"]
            ));
        }
        let (ours, theirs) = (Side::of(ours), Side::of(theirs));
        let request = Flow { writer: ours, reader: theirs, seen: HashSet::new() };
        breaks.extend(request.named(
            &method["request"],
            &other["request"],
            &format!("the request of `{name}`"),
        ));
        let answer = Flow { writer: theirs, reader: ours, seen: HashSet::new() };
        breaks.extend(answer.named(&other["answer"], &method["answer"], &format!("the answer of `{name}`")));
    }
    let error = Flow { writer: Side::of(theirs), reader: Side::of(ours), seen: HashSet::new() };
    breaks.extend(error.named(&theirs["error"], &ours["error"], "the error"));
    breaks
}

/// The schemas of one side, by name.
#[derive(Clone, Copy)]
struct Side<'d>(&'d Value);

impl<'d> Side<'d> {
    fn of(descriptor: &'d Value) -> Self {
        Self(&descriptor["schemas"])
    }

    /// What a reference stands for.
    fn resolved(self, mut schema: &'d Value) -> &'d Value {
        // No chain of references is as long as this one.
        for _ in 0..32 {
            match schema["$ref"].as_str() {
                Some(reference) => {
                    let name = reference.rsplit('/').next().unwrap_or_default();
                    schema = &self.0[name];
                }
                None => break,
            }
        }
        schema
    }
}

/// Values on their way from one side to the other.
struct Flow<'d> {
    writer: Side<'d>,
    reader: Side<'d>,
    /// Pairs under way, so that a schema that mentions itself ends.
    seen: HashSet<(*const Value, *const Value)>,
}

impl<'d> Flow<'d> {
    fn named(mut self, written: &'d Value, read: &'d Value, place: &str) -> Vec<String> {
        let mut breaks = Vec::new();
        self.check(&self.writer.0[text(written)], &self.reader.0[text(read)], place, &mut breaks);
        breaks
    }

    fn check(&mut self, written: &'d Value, read: &'d Value, place: &str, breaks: &mut Vec<String>) {
        let (written, read) = (self.writer.resolved(written), self.reader.resolved(read));
        if !self.seen.insert((std::ptr::from_ref(written), std::ptr::from_ref(read))) {
            return;
        }
        let alternatives = (alternatives(written), alternatives(read));
        if alternatives.0.len() > 1 || alternatives.1.len() > 1 {
            for one in &alternatives.0 {
                let mut readable = alternatives.1.iter().map(|other| {
                    let mut amiss = Vec::new();
                    Flow { writer: self.writer, reader: self.reader, seen: self.seen.clone() }
                        .check(one, other, place, &mut amiss);
                    amiss.is_empty()
                });
                if !readable.any(|readable| readable) {
                    breaks.push(format!(
                        "{place} can be {} there and not here",
                        brief(self.writer.resolved(one))
                    ));
                }
            }
            return;
        }
        Self::check_kind(written, read, place, breaks);
        self.check_members(written, read, place, breaks);
        if !read["items"].is_null() {
            self.check(&written["items"], &read["items"], &format!("{place}[]"), breaks);
        }
        if read["additionalProperties"].is_object() {
            let inside = format!("{place}.*");
            self.check(&written["additionalProperties"], &read["additionalProperties"], &inside, breaks);
        }
    }

    fn check_kind(written: &Value, read: &Value, place: &str, breaks: &mut Vec<String>) {
        let (out, taken) = (kinds(written), kinds(read));
        let fits = |kind: &String| taken.contains(kind) || (kind == "integer" && taken.contains("number"));
        if !taken.is_empty() && !out.iter().all(fits) {
            breaks.push(format!("{place} is {out:?} where {taken:?} is read"));
        }
        let (out, taken) = (list(&written["enum"]), list(&read["enum"]));
        let unknown = out.iter().find(|word| !taken.contains(word));
        match unknown {
            Some(word) if !taken.is_empty() => {
                breaks.push(format!("{place} can be {word}, which is not known"));
            }
            None if out.is_empty() && !taken.is_empty() => {
                breaks.push(format!("{place} can be anything where one of {} words is read", taken.len()));
            }
            _ => {}
        }
    }

    fn check_members(&mut self, written: &'d Value, read: &'d Value, place: &str, breaks: &mut Vec<String>) {
        let required: BTreeSet<&str> = list(&written["required"]).iter().map(text).collect();
        for name in list(&read["required"]).iter().map(text).filter(|name| !required.contains(name)) {
            breaks.push(format!("{place} needs `{name}`, which is not always sent"));
        }
        for (name, schema) in written["properties"].as_object().into_iter().flatten() {
            let inside = format!("{place}.{name}");
            match read["properties"].get(name) {
                Some(other) => self.check(schema, other, &inside, breaks),
                None if read["additionalProperties"] == false => {
                    breaks.push(format!("{inside} is sent and refused"));
                }
                None => {}
            }
        }
    }
}

/// The forms a value can have: one, unless the schema lists several.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let listed = ["oneOf", "anyOf"].into_iter().find_map(|key| schema[key].as_array());
    listed.map_or_else(|| vec![schema], |all| all.iter().collect())
}

fn kinds(schema: &Value) -> BTreeSet<String> {
    match &schema["type"] {
        Value::String(kind) => BTreeSet::from([kind.clone()]),
        Value::Array(kinds) => kinds.iter().map(|kind| text(kind).to_owned()).collect(),
        _ => BTreeSet::new(),
    }
}

/// A form in a few words: the variant's own tag where it has one.
fn brief(schema: &Value) -> String {
    let members = schema["properties"].as_object();
    let tag = members.and_then(|members| members.values().find_map(|member| member["enum"][0].as_str()));
    let word = tag.or_else(|| schema["enum"][0].as_str()).or_else(|| schema["type"].as_str());
    word.map_or_else(|| "something".to_owned(), |word| format!("`{word}`"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn contract(request: Value, answer: Value, error: Value) -> Value {
        json!({
            "contract": "tea.v1",
            "methods": [{ "name": "brew", "retry": "keyed", "request": "Brew", "answer": "Tea" }],
            "error": "TeaError",
            "schemas": { "Brew": request, "Tea": answer, "TeaError": error },
        })
    }

    fn object(properties: Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    fn usual() -> [Value; 3] {
        [
            object(json!({ "leaf": { "type": "string" } }), &["leaf"]),
            object(json!({ "minutes": { "type": "integer" } }), &["minutes"]),
            json!({ "oneOf": [
                object(json!({ "code": { "type": "string", "enum": ["cold"] } }), &["code"]),
                object(json!({ "code": { "type": "string", "enum": ["empty"] } }), &["code"]),
            ] }),
        ]
    }

    /// The breaks between a caller of the usual contract and a callee of this one, and the other way round.
    fn both_ways(change: impl FnOnce(&mut [Value; 3])) -> (Vec<String>, Vec<String>) {
        let [request, answer, error] = usual();
        let ours = contract(request, answer, error);
        let mut changed = usual();
        change(&mut changed);
        let [request, answer, error] = changed;
        let theirs = contract(request, answer, error);
        (breaks(&ours, &theirs), breaks(&theirs, &ours))
    }

    #[test]
    fn a_contract_fits_itself() {
        assert_eq!(both_ways(|_| {}), (vec![], vec![]));
    }

    #[test]
    fn a_new_optional_field_breaks_nothing() {
        let (old_caller, new_caller) = both_ways(|[request, answer, _]| {
            request["properties"]["milk"] = json!({ "type": "boolean" });
            answer["properties"]["cups"] = json!({ "type": "integer" });
        });
        assert_eq!((old_caller, new_caller), (vec![], vec![]));
    }

    #[test]
    fn a_new_required_field_breaks_who_does_not_send_it() {
        let (old_caller, new_caller) = both_ways(|[request, ..]| {
            request["properties"]["cup"] = json!({ "type": "string" });
            request["required"] = json!(["leaf", "cup"]);
        });
        assert_eq!(old_caller, ["the request of `brew` needs `cup`, which is not always sent"]);
        assert_eq!(new_caller, Vec::<String>::new());
    }

    #[test]
    fn a_field_gone_from_the_answer_breaks_who_reads_it() {
        let (old_caller, new_caller) = both_ways(|[_, answer, _]| *answer = object(json!({}), &[]));
        assert_eq!(old_caller, ["the answer of `brew` needs `minutes`, which is not always sent"]);
        assert_eq!(new_caller, Vec::<String>::new());
    }

    #[test]
    fn another_type_breaks_both() {
        let (old_caller, new_caller) =
            both_ways(|[request, ..]| request["properties"]["leaf"] = json!({ "type": "integer" }));
        assert_eq!((old_caller.len(), new_caller.len()), (1, 1));
    }

    #[test]
    fn a_new_error_breaks_who_does_not_know_it() {
        let (old_caller, new_caller) = both_ways(|[_, _, error]| {
            let burnt = object(json!({ "code": { "type": "string", "enum": ["burnt"] } }), &["code"]);
            error["oneOf"].as_array_mut().unwrap().push(burnt);
        });
        assert_eq!(old_caller, ["the error can be `burnt` there and not here"]);
        assert_eq!(new_caller, Vec::<String>::new());
    }

    #[test]
    fn a_method_that_is_gone_or_repeated_otherwise_is_named() {
        let [request, answer, error] = usual();
        let ours = contract(request, answer, error);
        let mut theirs = ours.clone();
        theirs["methods"][0]["retry"] = json!("once");
        assert_eq!(breaks(&ours, &theirs).len(), 1);
        theirs["methods"] = json!([]);
        assert_eq!(breaks(&ours, &theirs), ["`brew` is not offered"]);
        assert_eq!(breaks(&theirs, &ours), Vec::<String>::new());
    }

    #[test]
    fn a_schema_that_mentions_itself_ends() {
        let tree = object(json!({ "branches": { "type": "array", "items": { "$ref": "#/x/Brew" } } }), &[]);
        let [_, answer, error] = usual();
        let ours = contract(tree, answer, error);
        assert_eq!(breaks(&ours, &ours.clone()), Vec::<String>::new());
    }
}
