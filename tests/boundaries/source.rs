//! Rust source taken apart into what is code and what is text. Comments are dropped.

/// A source file without its comments.
#[derive(Default)]
pub(crate) struct Source {
    /// The code, with an empty pair of quotes where a text was.
    pub code: String,
    /// The texts, as they stand between their quotes.
    pub texts: Vec<String>,
}

impl Source {
    pub(crate) fn read(source: &str) -> Self {
        let mut read = Self::default();
        let mut rest = source;
        while let Some(first) = rest.chars().next() {
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                block_comment(rest)
            } else if first == '"' {
                1 + read.text(&rest[1..])
            } else if let Some(hashes) = raw_text(rest).filter(|_| !read.ends_in_a_word()) {
                read.raw(rest, hashes)
            } else if first == '\'' {
                character(rest)
            } else {
                read.code.push(first);
                first.len_utf8()
            };
            rest = &rest[length.min(rest.len())..];
        }
        read
    }

    /// A text with escapes; returns its length with the closing quote.
    fn text(&mut self, rest: &str) -> usize {
        let mut escaped = false;
        let length = rest.find(|letter| {
            let ends = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            ends
        });
        let length = length.unwrap_or(rest.len());
        self.keep(&rest[..length]);
        length + 1
    }

    fn raw(&mut self, rest: &str, hashes: usize) -> usize {
        let (open, end) = (hashes + 2, format!("\"{}", "#".repeat(hashes)));
        let length = rest[open..].find(&end).unwrap_or(rest.len() - open);
        self.keep(&rest[open..open + length]);
        open + length + end.len()
    }

    fn keep(&mut self, text: &str) {
        self.code.push_str("\"\"");
        // A line break behind a backslash, and escapes that are white space, separate words.
        self.texts.push(text.replace("\\\n", " ").replace("\\n", " ").replace("\\t", " "));
    }

    fn ends_in_a_word(&self) -> bool {
        self.code.ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
    }
}

/// How many `#` stand before the quote of a raw text that starts here.
fn raw_text(rest: &str) -> Option<usize> {
    let behind = rest.strip_prefix('r')?;
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    behind[hashes..].starts_with('"').then_some(hashes)
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// `'"'` and `'\''` are characters; `'a` is a lifetime and only its tick is taken.
fn character(rest: &str) -> usize {
    let mut letters = rest.char_indices().skip(1);
    match (letters.next(), letters.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let behind = at + escaped.len_utf8();
            rest[behind..].find('\'').map_or(1, |end| behind + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[test]
fn texts_are_told_from_code_and_comments() {
    let source = Source::read(
        "// \"no\"\n/* \"no /* \"no\" */ */ let a: &'static str = \"one \\\" \\\n two\"; 'x'; '\"'; '\\''; r#\"th\"ree\"#; b\"four\"; for\"five\"",
    );
    assert_eq!(source.texts, ["one \\\"   two", "th\"ree", "four", "five"]);
    assert!(source.code.contains("let a: &static str = \"\""), "{}", source.code);
    assert!(!source.code.contains("no"));
}
