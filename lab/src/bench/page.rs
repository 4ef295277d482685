//! A page on which several measurements stand, each between its marks.

use std::path::Path;

use crate::Failure;

const END: &str = "<!-- end -->";

/// Puts a report between the marks of its measurement. Without marks it takes the place of everything before the first
/// mark of another.
pub(super) fn put(file: &Path, what: &str, text: &str) -> Result<(), Failure> {
    let page = std::fs::read_to_string(file).unwrap_or_default();
    Ok(std::fs::write(file, placed(&page, what, text))?)
}

fn placed(page: &str, what: &str, text: &str) -> String {
    let mark = format!("<!-- cargo xtask bench {what} -->");
    let text = text.trim_end();
    let marked = page.split_once(&mark);
    if let Some((before, (_, after))) =
        marked.and_then(|(before, rest)| Some((before, rest.split_once(END)?)))
    {
        return format!("{before}{mark}\n\n{text}\n\n{END}{after}");
    }
    match page.find("\n## ") {
        Some(others) if page[others..].contains("<!-- cargo xtask bench ") => {
            format!("{text}\n{}", &page[others..])
        }
        _ => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_takes_its_own_place_and_no_other() {
        let page = "# All\n\nold\n\n## Overload\n\n<!-- cargo xtask bench overload -->\n\nold\n\n<!-- end -->\nlast\n";
        let overload = placed(page, "overload", "new\n");
        assert_eq!(overload, page.replace("overload -->\n\nold", "overload -->\n\nnew"));
        let floor = placed(page, "floor", "# All\n\nnew\n");
        assert_eq!(floor, page.replacen("old", "new", 1));
        assert_eq!(placed("anything", "floor", "new\n"), "new\n");
    }
}
