//! The page of models side by side: ranking, scores, figures.

use std::fmt::Write as _;

use crate::html::frame::{gap_list, grid, start};
use crate::html::tables;
use crate::joined::{EntryKind, Joined};
use crate::plots::{Figure, Section};
use crate::text::{escape, plain};

/// The whole document.
pub(crate) fn page(joined: &Joined, figures: &[Figure]) -> String {
    let mut page = start(&format!("{}: models side by side", joined.detector), &joined.calo_version);
    let n = joined.entries.iter().filter(|entry| entry.kind == EntryKind::Candidate).count();
    let _ = writeln!(
        page,
        "<header>\n<h1>Which model is best?</h1>\n<p class=\"lead\">{n} candidates in <b>{}</b>.</p>\n</header>",
        escape(&joined.detector)
    );
    page.push_str(&gap_list(&joined.gaps, &[]));
    page.push_str(&ranking(joined));
    page.push_str("<section id=\"figures\">\n<h2>Score against score, and against time</h2>\n");
    page.push_str(&grid(Section::Distributions, figures));
    let _ = writeln!(
        page,
        "</section>\n<section id=\"provenance\">\n<h2>Provenance</h2>\n<p>calo {}, schema {}. All numbers are in \
         <code>compare.json</code>, every figure as SVG and PNG in <code>figures/</code>, next to this page.</p>\n</section>\n\
         </main>\n</body>\n</html>",
        escape(&joined.calo_version),
        joined.schema_version
    );
    page
}

fn ranking(joined: &Joined) -> String {
    let ranked = joined.ranked();
    let kinds = joined.score_kinds();
    let by = ranked
        .by
        .map_or_else(String::new, |by| format!("<p>Candidates are in the order of {}.</p>\n", escape(&by)));
    let mut table = format!("<section id=\"scores\">\n<h2>Ranking</h2>\n{by}");
    tables::open(&mut table, "Ranking");
    table.push_str("<thead><tr><th scope=\"col\">model</th><th scope=\"col\">ms a shower</th>");
    for (_, label) in &kinds {
        let _ = write!(table, "<th scope=\"col\">{}</th>", tables::score_label(label));
    }
    table.push_str("<th scope=\"col\">from</th></tr></thead>\n<tbody>\n");
    for entry in ranked.entries {
        let quoted = if entry.kind == EntryKind::Quoted { " <small>quoted</small>" } else { "" };
        let time = entry.milliseconds.map_or_else(|| tables::NONE.to_owned(), plain);
        let _ = write!(table, "<tr><th scope=\"row\">{}{quoted}</th><td>{time}</td>", escape(&entry.name));
        for (id, _) in &kinds {
            let _ = write!(table, "<td>{}</td>", tables::score_cell(entry.score(id)));
        }
        let _ = writeln!(table, "<td class=\"files\"><code>{}</code></td></tr>", escape(&entry.source));
    }
    tables::close(&mut table);
    table.push_str(
        "<p class=\"note\">Quoted numbers were published by others, on their own showers and with their own classifiers; they \
         are not ranked. ± is one standard error.</p>\n</section>\n",
    );
    table
}
