//! What is wrong with the settings, all of it at once.

use std::fmt;

/// One thing to put right. Holds no value of any setting, since a misplaced one may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting, or `None` when it is the source as a whole.
    pub key: Option<String>,
    /// Where it was said: a file, an environment variable, a flag.
    pub source: String,
    /// What to do about it.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(f, "`{key}` in {}: {}", self.source, self.what),
            None => write!(f, "{}: {}", self.source, self.what),
        }
    }
}

/// The settings cannot be used. One line for each problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings cannot be used")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl std::error::Error for ConfigError {}
