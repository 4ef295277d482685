//! The life of an intent: from where which news leads where. This table is all there is; the store goes by it.

use super::IntentStatus;

/// What happens to an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// The provider wants the payer to do something first.
    ActionAsked,
    /// The attempt was refused.
    Declined,
    /// The money is promised.
    Promised,
    /// The money is taken at once.
    Charged,
    /// A part of what is promised is taken.
    TakenInPart,
    /// All that is promised is taken.
    TakenWhole,
    /// What is promised is given up.
    GivenUp,
    /// It is ended before anything was promised.
    Abandoned,
}

/// One way from a status to the next.
pub(crate) type Way = (IntentStatus, News, IntentStatus);

/// All ways there are. What is not here does not happen: it is refused, and when a provider says it, set aside.
pub(crate) const LIFE: &[Way] = {
    use IntentStatus::{
        Canceled, PartiallyCaptured, Processing, RequiresAction, RequiresCapture, RequiresPaymentMethod,
        Succeeded,
    };
    use News::{Abandoned, ActionAsked, Charged, Declined, GivenUp, Promised, TakenInPart, TakenWhole};
    &[
        (Processing, ActionAsked, RequiresAction),
        (Processing, Declined, RequiresPaymentMethod),
        (Processing, Promised, RequiresCapture),
        (Processing, Charged, Succeeded),
        (RequiresAction, ActionAsked, RequiresAction),
        (RequiresAction, Declined, RequiresPaymentMethod),
        (RequiresAction, Promised, RequiresCapture),
        (RequiresAction, Charged, Succeeded),
        (RequiresAction, Abandoned, Canceled),
        (RequiresPaymentMethod, Abandoned, Canceled),
        (RequiresCapture, TakenInPart, PartiallyCaptured),
        (RequiresCapture, TakenWhole, Succeeded),
        (RequiresCapture, GivenUp, Canceled),
        (PartiallyCaptured, TakenInPart, PartiallyCaptured),
        (PartiallyCaptured, TakenWhole, Succeeded),
        (PartiallyCaptured, GivenUp, Succeeded),
        // Money that comes when all seemed over is real all the same: it is entered, and then it goes back.
        (RequiresPaymentMethod, Promised, RequiresCapture),
        (RequiresPaymentMethod, Charged, Succeeded),
        (Canceled, Promised, RequiresCapture),
        (Canceled, Charged, Succeeded),
    ]
};

impl News {
    /// Whether something is promised once it has happened. Of a part and the whole, the amounts decide by this which
    /// one it was.
    pub(crate) const fn leaves_a_promise(self) -> bool {
        matches!(self, Self::Promised | Self::TakenInPart)
    }
}

/// The ways that one of these can take.
pub(crate) fn ways(news: &[News]) -> impl Iterator<Item = Way> {
    LIFE.iter().copied().filter(move |(_, way, _)| news.contains(way))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const NEWS: [News; 8] = [
        News::ActionAsked,
        News::Declined,
        News::Promised,
        News::Charged,
        News::TakenInPart,
        News::TakenWhole,
        News::GivenUp,
        News::Abandoned,
    ];

    /// Where a piece of news leads.
    pub(crate) fn after(status: IntentStatus, news: News) -> Option<IntentStatus> {
        let mut ways = LIFE.iter().filter(|(from, way, _)| (*from, *way) == (status, news));
        let to = ways.next().map(|(_, _, to)| *to);
        assert!(ways.next().is_none(), "{status:?} with {news:?} leads to two places");
        to
    }

    #[test]
    fn every_piece_of_news_in_every_status_leads_where_it_should_or_nowhere() {
        // One column for each piece of news, in the order above; a status is its first letters.
        let life = [
            "                      asked decl prom char part whole given aband",
            "requiresPaymentMethod   .    .    rc   su   .    .     .     ca",
            "requiresAction          ra   rp   rc   su   .    .     .     ca",
            "processing              ra   rp   rc   su   .    .     .     .",
            "requiresCapture         .    .    .    .    pc   su    ca    .",
            "partiallyCaptured       .    .    .    .    pc   su    su    .",
            "succeeded               .    .    .    .    .    .     .     .",
            "canceled                .    .    rc   su   .    .     .     .",
        ];
        let short = |status: Option<IntentStatus>| match status.map(IntentStatus::as_str) {
            None => ".",
            Some("requiresPaymentMethod") => "rp",
            Some("requiresAction") => "ra",
            Some("processing") => "pr",
            Some("requiresCapture") => "rc",
            Some("partiallyCaptured") => "pc",
            Some("succeeded") => "su",
            Some(_) => "ca",
        };
        for (status, line) in IntentStatus::ALL.iter().zip(&life[1..]) {
            let mut words = line.split_whitespace();
            assert_eq!(words.next(), Some(status.as_str()));
            for news in NEWS {
                assert_eq!(words.next(), Some(short(after(*status, news))), "{status:?} with {news:?}");
            }
        }
    }

    #[test]
    fn money_that_was_promised_or_taken_is_never_forgotten() {
        for (from, news, to) in LIFE {
            let held = matches!(from, IntentStatus::RequiresCapture | IntentStatus::PartiallyCaptured);
            let holds = matches!(
                to,
                IntentStatus::RequiresCapture | IntentStatus::PartiallyCaptured | IntentStatus::Succeeded
            );
            assert!(!held || holds || *news == News::GivenUp, "{from:?} with {news:?} leads to {to:?}");
        }
    }
}
