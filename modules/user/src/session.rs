//! A session: somebody stays signed in by exchanging one refresh token for the next.
//!
//! The tokens of a session form a chain. The first is random, and each next one is made from the one before with a key
//! that only the session's row holds. So a client that lost an answer, or whose twenty tabs asked at once, is given
//! the very token it missed, while the database keeps no more than the last one's digest. Anybody can show an old
//! token; only who was given the newest can show that one. An old token coming back after its successor was used means
//! that two parties hold the session, and ends it for both.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;
pub(crate) mod token;

use std::time::Duration;

use kernel::Moment;
use subtle::ConstantTimeEq as _;
use user_api::{AccountId, SessionId};

pub(crate) use token::RefreshToken;

/// So long a token may be shown again as if it were for the first time.
const GRACE: Duration = Duration::from_secs(30);

/// How far back a token is recognised. At an exchange every ten minutes it is a month; what is older has expired.
const LONGEST_CHAIN: i64 = 5_000;

/// A session, as it is kept.
#[derive(Clone)]
pub(crate) struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub account_id: AccountId,
    /// The account's generation when it began; it ends when that rises.
    pub token_generation: i64,
    /// What its tokens are made with.
    pub chain_key: Vec<u8>,
    /// The digest of its newest token.
    pub token_hash: Vec<u8>,
    /// The newest token's place in the chain.
    pub position: i64,
    /// The place of the token that the newest was given for; none for the first.
    pub previous: Option<i64>,
    /// When the newest was given.
    pub exchanged_at: Moment,
    /// What the client called itself.
    pub user_agent: Option<String>,
    /// Since when.
    pub created_at: Moment,
    /// When it ends, unless it is used before.
    pub expires_at: Moment,
    /// Why it was ended, if it was.
    pub revoked: Option<Revocation>,
}

/// Why a session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// Its owner signed out.
    SignedOut,
    /// An old token came back.
    Reused,
}

impl Revocation {
    /// As it is stored.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signedOut",
            Self::Reused => "reused",
        }
    }
}

impl TryFrom<String> for Revocation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        [Self::SignedOut, Self::Reused]
            .into_iter()
            .find(|revocation| revocation.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no reason to end a session"))
    }
}

/// What is due when a token of the session is shown.
#[derive(PartialEq, Eq)]
pub(crate) enum Shown {
    /// It is exchanged: the session moves on to this newest token, given for the one at `previous`.
    Exchanged {
        /// The next token.
        next: RefreshToken,
        /// The place of the token it is given for.
        previous: i64,
    },
    /// It was exchanged a moment ago; this is what it was exchanged for, still unused.
    Again(RefreshToken),
    /// Its successor was used: somebody holds a copy.
    Reused,
}

/// Why a token opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// It is no token of this session, or the session is over.
    #[error("the refresh token is not valid; sign in again")]
    Invalid,
    /// The session was ended because an old token came back.
    #[error("the refresh token was used before, so the session was ended; sign in again")]
    Reused,
}

impl Session {
    /// A new session, and its first token.
    pub(crate) fn begin(
        id: SessionId,
        account_id: AccountId,
        token_generation: i64,
        user_agent: Option<&str>,
        now: Moment,
        lifetime: Duration,
    ) -> (Self, RefreshToken) {
        let token = RefreshToken::first(id);
        let chain_key: [u8; 32] = rand::random();
        let session = Self {
            id,
            account_id,
            token_generation,
            chain_key: chain_key.to_vec(),
            token_hash: token.hash(),
            position: 0,
            previous: None,
            exchanged_at: now,
            user_agent: user_agent.map(presentable),
            created_at: now,
            expires_at: now.plus(lifetime),
            revoked: None,
        };
        (session, token)
    }

    /// Decides what is due when this token is shown.
    ///
    /// # Errors
    /// It opens nothing, and nothing changes.
    pub(crate) fn show(&self, token: &RefreshToken, now: Moment) -> Result<Shown, SessionRefusal> {
        if !self.knows(token) {
            return Err(SessionRefusal::Invalid);
        }
        match self.revoked {
            Some(Revocation::Reused) => return Err(SessionRefusal::Reused),
            Some(Revocation::SignedOut) => return Err(SessionRefusal::Invalid),
            None if self.expires_at <= now => return Err(SessionRefusal::Invalid),
            None => {}
        }
        let exchanged =
            |previous| Shown::Exchanged { next: token.at(self.position + 1, &self.chain_key), previous };
        Ok(if token.position == self.position {
            exchanged(token.position)
        } else if Some(token.position) != self.previous {
            Shown::Reused
        } else if now.since(self.exchanged_at) <= GRACE {
            Shown::Again(token.at(self.position, &self.chain_key))
        } else {
            // The answer was lost and is asked for late, or somebody stole the token. The successor is passed over:
            // an honest client never had it, and if anybody shows it, there are two of them.
            exchanged(token.position)
        })
    }

    /// Whether a token is one of this session's, old or new: it is, when the chain leads from it to the newest.
    pub(crate) fn knows(&self, token: &RefreshToken) -> bool {
        let behind = self.position - token.position;
        (0..=LONGEST_CHAIN).contains(&behind)
            && token.session == self.id
            && token.at(self.position, &self.chain_key).hash().ct_eq(&self.token_hash).into()
    }
}

/// What a client calls itself, as far as it is fit to be kept and shown.
fn presentable(user_agent: &str) -> String {
    user_agent.chars().filter(|letter| !letter.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use uuid::Uuid;

    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(0).plus(Duration::from_secs(seconds))
    }

    fn begin() -> (Session, RefreshToken) {
        Session::begin(id(1), Id::from_uuid(Uuid::nil()), 1, None, at(0), Duration::from_hours(24))
    }

    fn id(number: u128) -> SessionId {
        Id::from_uuid(Uuid::from_u128(number))
    }

    /// Shows a token and lets the session move on as the store would.
    fn show(
        session: &mut Session,
        token: &RefreshToken,
        seconds: u64,
    ) -> Result<Option<RefreshToken>, SessionRefusal> {
        match session.show(token, at(seconds))? {
            Shown::Exchanged { next, previous } => {
                session.token_hash = next.hash();
                session.position = next.position;
                session.previous = Some(previous);
                session.exchanged_at = at(seconds);
                Ok(Some(next))
            }
            Shown::Again(next) => Ok(Some(next)),
            Shown::Reused => {
                session.revoked = Some(Revocation::Reused);
                Ok(None)
            }
        }
    }

    fn exchange(session: &mut Session, token: &RefreshToken, seconds: u64) -> RefreshToken {
        show(session, token, seconds).unwrap().expect("the session was ended")
    }

    #[test]
    fn each_token_leads_to_the_next() {
        let (mut session, first) = begin();
        let second = exchange(&mut session, &first, 600);
        let third = exchange(&mut session, &second, 1200);

        assert!(first != second && second != third);
        assert_eq!(session.position, 2);
        assert!(session.knows(&first) && session.knows(&second) && session.knows(&third));
    }

    #[test]
    fn a_client_that_missed_the_answer_gets_the_same_one() {
        let (mut session, first) = begin();
        let second = exchange(&mut session, &first, 600);

        for _ in 0..20 {
            assert!(exchange(&mut session, &first, 630) == second, "a tab of twenty");
        }
        exchange(&mut session, &second, 640);
    }

    #[test]
    fn a_client_that_missed_the_answer_for_long_is_not_signed_out_either() {
        let (mut session, first) = begin();
        let lost = exchange(&mut session, &first, 600);
        let second = exchange(&mut session, &first, 7200);
        assert!(second != lost);
        assert!(exchange(&mut session, &first, 7201) == second);

        let third = exchange(&mut session, &second, 7800);
        exchange(&mut session, &third, 8400);
    }

    #[test]
    fn a_copy_shown_after_its_successor_was_used_ends_the_session() {
        let (mut session, first) = begin();
        let second = exchange(&mut session, &first, 600);
        let third = exchange(&mut session, &second, 601);

        assert!(show(&mut session, &first, 602).unwrap().is_none());
        for token in [&first, &second, &third] {
            assert!(show(&mut session, token, 603) == Err(SessionRefusal::Reused));
        }
    }

    #[test]
    fn a_thief_who_comes_late_is_found_out_when_the_owner_goes_on() {
        let (mut session, stolen) = begin();
        let owners = exchange(&mut session, &stolen, 600);
        let thiefs = exchange(&mut session, &stolen, 700);

        assert!(show(&mut session, &owners, 1200).unwrap().is_none());
        assert!(show(&mut session, &thiefs, 1201) == Err(SessionRefusal::Reused));
    }

    #[test]
    fn a_thief_who_comes_first_is_found_out_when_the_owner_goes_on() {
        let (mut session, stolen) = begin();
        let thiefs = exchange(&mut session, &stolen, 600);
        exchange(&mut session, &thiefs, 1200);

        assert!(show(&mut session, &stolen, 1201).unwrap().is_none());
    }

    #[test]
    fn a_token_that_was_not_given_opens_nothing_and_ends_nothing() {
        let (mut session, first) = begin();
        let second = exchange(&mut session, &first, 600);
        let guess = |position, session| RefreshToken { session, position, secret: [7; 32] };
        let moved = RefreshToken { position: 0, ..second.clone() };
        let ahead = RefreshToken { position: 2, ..second.clone() };
        let far = RefreshToken { position: i64::MAX, ..second.clone() };
        for token in [
            guess(0, id(1)),
            guess(1, id(1)),
            moved,
            ahead,
            far,
            RefreshToken { session: id(2), ..second.clone() },
        ] {
            assert!(show(&mut session, &token, 601) == Err(SessionRefusal::Invalid));
        }
        exchange(&mut session, &second, 602);
    }

    #[test]
    fn nobody_can_make_the_next_token_without_the_sessions_key() {
        let (mut session, first) = begin();
        exchange(&mut session, &first, 600);
        let guessed = first.at(1, b"");
        assert!(show(&mut session, &guessed, 601) == Err(SessionRefusal::Invalid));
    }

    #[test]
    fn a_session_ends_by_itself_and_by_signing_out() {
        let (mut session, token) = begin();
        assert!(session.show(&token, at(24 * 3600)) == Err(SessionRefusal::Invalid));
        assert!(session.show(&token, at(24 * 3600 - 1)).is_ok());

        session.revoked = Some(Revocation::SignedOut);
        assert!(session.show(&token, at(1)) == Err(SessionRefusal::Invalid));
    }

    #[test]
    fn what_a_client_calls_itself_is_cut_and_cleaned() {
        assert_eq!(presentable("Mozilla\r\n\u{1b}[31m/5.0"), "Mozilla[31m/5.0");
        assert_eq!(presentable(&"x".repeat(8192)).len(), 200);
    }
}
