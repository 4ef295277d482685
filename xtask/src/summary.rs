//! What came of the steps, for people and for programs.

use std::fmt;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// An earlier step failed.
    NotRun,
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NotRun => "not run",
        }
    }
}

#[derive(Default)]
pub(crate) struct Summary(Vec<(&'static str, Outcome, Duration)>);

impl Summary {
    pub(crate) fn add(&mut self, step: &'static str, outcome: Outcome, took: Duration) {
        self.0.push((step, outcome, took));
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.0.iter().any(|(_, outcome, _)| *outcome == Outcome::Failed)
    }

    /// Steps and outcomes are words of ours, so nothing needs to be escaped.
    pub(crate) fn to_json(&self) -> String {
        let steps: Vec<String> = self
            .0
            .iter()
            .map(|(step, outcome, took)| {
                let (word, seconds) = (outcome.word(), took.as_secs_f64());
                format!(r#"{{"step":"{step}","outcome":"{word}","seconds":{seconds:.1}}}"#)
            })
            .collect();
        format!(r#"{{"passed":{},"steps":[{}]}}"#, !self.has_failed(), steps.join(","))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (step, outcome, took) in &self.0 {
            writeln!(f, "{step:<10} {:<8} {:>7.1} s", outcome.word(), took.as_secs_f64())?;
        }
        let total: Duration = self.0.iter().map(|(_, _, took)| took).sum();
        let word = if self.has_failed() { "failed" } else { "passed" };
        writeln!(f, "{:<10} {word:<8} {:>7.1} s", "all", total.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_step_fails_the_whole() {
        let mut summary = Summary::default();
        summary.add("format", Outcome::Passed, Duration::from_millis(1500));
        assert!(!summary.has_failed());
        summary.add("lints", Outcome::Failed, Duration::ZERO);
        summary.add("docs", Outcome::NotRun, Duration::ZERO);
        assert_eq!(
            summary.to_json(),
            r#"{"passed":false,"steps":[{"step":"format","outcome":"passed","seconds":1.5},{"step":"lints","outcome":"failed","seconds":0.0},{"step":"docs","outcome":"not run","seconds":0.0}]}"#
        );
        assert!(summary.to_string().ends_with("all        failed       1.5 s\n"), "{summary}");
    }
}
