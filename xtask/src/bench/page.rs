//! The table of ratios, and its place in `docs/performance.md`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Longest line of a paragraph, in characters.
const LINE_WIDTH: usize = 120;

/// A part of the page, written by one group of measurements.
pub(crate) struct Section {
    pub(crate) heading: &'static str,
    /// Machine, tables and what has to be said about them, as Markdown.
    pub(crate) text: String,
}

/// One measurement.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    threads: usize,
    ours_s: f64,
    peer: Option<(&'static str, f64)>,
    wanted: Option<f64>,
}

impl Row {
    pub(crate) fn new(what: String, threads: usize, ours_s: f64) -> Self {
        Self { what, threads, ours_s, peer: None, wanted: None }
    }

    pub(crate) fn against(self, name: &'static str, peer_s: f64) -> Self {
        Self { peer: Some((name, peer_s)), ..self }
    }

    /// The least ratio of the peer's time to ours that we are content with.
    pub(crate) fn wanted(self, ratio: Option<f64>) -> Self {
        Self { wanted: ratio, ..self }
    }
}

/// A paragraph in lines of at most 120 characters.
pub(crate) fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        let separator = match width {
            0 => "",
            _ if width + 1 + length > LINE_WIDTH => "\n",
            _ => " ",
        };
        width = if separator == " " { width + 1 + length } else { length };
        lines.push_str(separator);
        lines.push_str(word);
    }
    lines
}

/// The rows as a Markdown table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| what | threads | ours | peer | peer's time | ratio | at least |\n| --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let (peer, peer_s, ratio) = match row.peer {
            Some((name, seconds)) => {
                (name, format!("{seconds:.3} s"), format!("{:.2}", seconds / row.ours_s))
            }
            None => ("-", "-".to_owned(), "-".to_owned()),
        };
        let wanted = row.wanted.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.1}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {:.3} s | {peer} | {peer_s} | {ratio} | {wanted} |",
            row.what, row.threads, row.ours_s
        );
    }
    text
}

const INTRODUCTION: &str = "# Performance

Written by `cargo xtask bench`, which measures our code and the peer one after the other on the same input. Times are
medians of five runs after a warm-up run, so files are in the page cache. The ratio is the peer's time over ours; above
1 we are faster.

Photon showers are 30x30x30 cells; the large files are made from the sample in `data/`, every shower different
(`xtask/peers/make_showers.py`). The peers may use as many threads as ours: h5py and most of NumPy use one. Our writer
syncs its file to the disk before it renames it, h5py does not. FPD draws with replacement here, as JetNet does.
";

/// Replaces the sections of the groups just measured in the page at `path`, and leaves the others.
pub(crate) fn update(path: &Path, sections: &[Section]) -> Result<()> {
    let mut page = fs::read_to_string(path).unwrap_or_else(|_| INTRODUCTION.to_owned());
    for Section { heading, text } in sections {
        let title = format!("## {heading}\n");
        page = replace_section(&page, &title, &format!("{title}\n{text}"));
    }
    fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// `page` with the section that starts with `title` replaced, or `section` at the end where there is none.
fn replace_section(page: &str, title: &str, section: &str) -> String {
    let (before, after) = match page.split_once(title) {
        Some((before, rest)) => (before, rest.find("\n## ").map_or("", |end| &rest[end + 1..])),
        None => (page, ""),
    };
    let parts = [before, section, after].map(str::trim_end);
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_above_one_means_ours_is_faster() {
        let row = Row::new("read".to_owned(), 2, 0.5).against("h5py", 1.0).wanted(Some(1.3));
        let text = table(&[row]);
        assert!(text.ends_with("| read | 2 | 0.500 s | h5py | 1.000 s | 2.00 | 1.3 |\n"), "{text}");
    }

    #[test]
    fn paragraphs_wrap_between_words() {
        let words = ["ninechars"; 25].join(" ");
        let text = wrapped(&words);
        assert_eq!(text.replace('\n', " "), words);
        assert_eq!(text.lines().map(str::len).collect::<Vec<_>>(), [119, 119, 9]);
    }

    #[test]
    fn a_section_is_replaced_and_its_neighbours_stay() {
        let page = "# P\n\n## data\nold\n\n## metrics\nkept\n";
        assert_eq!(
            replace_section(page, "## data\n", "## data\nnew\n"),
            "# P\n\n## data\nnew\n\n## metrics\nkept\n"
        );
        assert_eq!(
            replace_section(page, "## metrics\n", "## metrics\nnew\n"),
            "# P\n\n## data\nold\n\n## metrics\nnew\n"
        );
        assert_eq!(replace_section("# P\n", "## data\n", "## data\nnew\n"), "# P\n\n## data\nnew\n");
    }
}
