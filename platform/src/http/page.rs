//! Lists in pages: how a position becomes an opaque cursor, and how a cursor is known to be ours.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Page, PageRequest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};

use super::params::invalid_parameter;
use super::problem::Problem;

const DEFAULT_LIMIT: u32 = 25;
const LARGEST_LIMIT: u32 = 100;
const LONGEST_CURSOR: usize = 512;
const SEAL: usize = 12;

/// The two parameters of every list. A list with filters has fields of the same names in its own struct, since
/// serde cannot flatten and be strict at once.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many items, 1 to 100; 25 when left out.
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// The `nextCursor` of the page before.
    pub after: Option<String>,
}

/// Which part of the list is wanted.
///
/// `scope` names the route and every filter, such as `orders?status=paid`: a cursor of another list, or of the same
/// list filtered differently, is refused rather than understood wrongly.
///
/// # Errors
/// 400 `invalid_parameter` for the limit, 400 `invalid_cursor` for the cursor.
pub fn page_request<P: DeserializeOwned>(
    scope: &str,
    limit: Option<u32>,
    after: Option<&str>,
) -> Result<PageRequest<P>, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(invalid_parameter("limit", "invalid_value", &out_of_range()));
    }
    let after = after.map(|cursor| decode(scope, cursor).ok_or_else(invalid_cursor)).transpose()?;
    Ok(PageRequest { after, limit })
}

fn out_of_range() -> String {
    format!("Expected 1 to {LARGEST_LIMIT}")
}

fn invalid_cursor() -> Problem {
    Problem::bad_request("invalid_cursor", "The cursor was not given out by this list with these filters")
}

/// One page of a list, as it goes out.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PageView<T> {
    /// The items.
    pub data: Vec<T>,
    /// Whether there is another page.
    pub has_more: bool,
    /// What to send as `after` for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T: Serialize> PageView<T> {
    /// The page, with a cursor when there is more. `position` says where its last item stands in the list's order.
    ///
    /// # Errors
    /// The position cannot be written as JSON: an internal problem.
    pub fn new<P: Serialize>(
        scope: &str,
        page: Page<T>,
        position: impl FnOnce(&T) -> P,
    ) -> Result<Self, Problem> {
        let next_cursor = match page.data.last() {
            Some(last) if page.has_more => Some(encode(scope, &position(last))?),
            _ => None,
        };
        Ok(Self { data: page.data, has_more: page.has_more, next_cursor })
    }

    /// A page of a list that grows at its end: there is always a cursor, to ask again for what comes later.
    ///
    /// # Errors
    /// The position cannot be said in JSON.
    pub fn tail<P: Serialize>(scope: &str, data: Vec<T>, has_more: bool, position: &P) -> Result<Self, Problem> {
        Ok(Self { data, has_more, next_cursor: Some(encode(scope, position)?) })
    }
}

fn encode<P: Serialize>(scope: &str, position: &P) -> Result<String, Problem> {
    let position = serde_json::to_vec(position).map_err(|error| Problem::caused_by(&error))?;
    let mut sealed = seal(scope, &position).to_vec();
    sealed.extend_from_slice(&position);
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

fn decode<P: DeserializeOwned>(scope: &str, cursor: &str) -> Option<P> {
    if cursor.len() > LONGEST_CURSOR {
        return None;
    }
    let sealed = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (digest, position) = sealed.split_at_checked(SEAL)?;
    if digest != seal(scope, position) {
        return None;
    }
    serde_json::from_slice(position).ok()
}

/// Binds a position to its list. Not a secret: a position may be known, it grants nothing; it must only not be
/// mistaken.
fn seal(scope: &str, position: &[u8]) -> [u8; SEAL] {
    let mut digest = Sha256::new();
    digest.update(scope.len().to_be_bytes());
    digest.update(scope);
    digest.update(position);
    let digest = digest.finalize();
    let mut seal = [0; SEAL];
    seal.copy_from_slice(&digest[..SEAL]);
    seal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(more: bool) -> PageView<u32> {
        let page = Page { data: vec![1, 2, 7], has_more: more };
        PageView::new("orders?status=paid", page, |last| (*last, "b")).unwrap()
    }

    #[test]
    fn the_next_page_starts_where_this_one_ended() {
        let cursor = view(true).next_cursor.unwrap();
        let request = page_request::<(u32, String)>("orders?status=paid", None, Some(&cursor)).unwrap();
        assert_eq!((request.limit, request.after), (25, Some((7, "b".into()))));
        assert_eq!(view(false).next_cursor, None);
    }

    #[test]
    fn a_cursor_that_is_not_of_this_list_is_refused() {
        let cursor = view(true).next_cursor.unwrap();
        let mut tampered = cursor.clone().into_bytes();
        tampered[20] = if tampered[20] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).unwrap();
        let long = "A".repeat(10_240);
        let ask = |scope: &str, cursor: &str| page_request::<(u32, String)>(scope, None, Some(cursor));

        for cursor in ["", "x", "!!!", "AAAA", &tampered, &long] {
            assert_eq!(ask("orders?status=paid", cursor).unwrap_err().code(), "invalid_cursor", "{cursor}");
        }
        assert_eq!(ask("orders?status=placed", &cursor).unwrap_err().code(), "invalid_cursor");
        assert_eq!(ask("products", &cursor).unwrap_err().code(), "invalid_cursor");
    }

    #[test]
    fn a_page_has_one_to_a_hundred_items() {
        for limit in [0, 101, u32::MAX] {
            assert_eq!(page_request::<u32>("x", Some(limit), None).unwrap_err().code(), "invalid_parameter");
        }
        assert!([1, 100].iter().all(|limit| page_request::<u32>("x", Some(*limit), None).is_ok()));
    }
}
