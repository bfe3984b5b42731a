//! The page of several latent spaces: information, correlations, and what z is sampled from.

use std::fmt::Write as _;

use crate::html::frame::{grid, start};
use crate::html::tables;
use crate::latent_comparison::{LatentComparison, Space};
use crate::plots::{Figure, Section};
use crate::text::{escape, number, plain};

const INFORMATION: &str = "The Kullback-Leibler divergence of a variable's encoded distribution from N(0, 1), averaged over the \
    showers, counts what the variable says about its shower.";
const CORRELATIONS: &str = "Which properties of a shower the leading variables hold, model by model.";
const SAMPLING: &str = "Sampled <i>z</i> of encoded showers, next to what new showers are made from: N(0, 1), or a kernel density.";

/// The whole document.
pub(crate) fn page(comparison: &LatentComparison, figures: &[Figure]) -> String {
    let mut page = start(&format!("{}: latent spaces", comparison.detector.name), &comparison.calo_version);
    let _ = writeln!(
        page,
        "<header>\n<h1>What do the models encode?</h1>\n<p class=\"lead\">{} models on showers in <b>{}</b>.</p>\n</header>",
        comparison.spaces.len(),
        escape(&comparison.detector.name)
    );
    for (section, heading, introduction) in [
        (Section::Information, "Information", INFORMATION),
        (Section::Correlations, "Correlations", CORRELATIONS),
        (Section::Sampling, "Sampling", SAMPLING),
    ] {
        let id = heading.to_lowercase();
        let _ = writeln!(page, "<section id=\"{id}\">\n<h2>{heading}</h2>\n<p>{introduction}</p>");
        page.push_str(&grid(section, figures));
        if section == Section::Information {
            models(&mut page, &comparison.spaces);
        }
        page.push_str("</section>\n");
    }
    let _ = writeln!(
        page,
        "<section id=\"provenance\">\n<h2>Provenance</h2>\n<p>calo {}, schema {}. All numbers are in \
         <code>latent-comparison.json</code>, every figure as SVG and PNG in <code>figures/</code>, next to this page.</p>\n\
         </section>\n</main>\n</body>\n</html>",
        escape(&comparison.calo_version),
        comparison.schema_version
    );
    page
}

/// A table of the models.
fn models(page: &mut String, spaces: &[Space]) {
    tables::open(page, "Models");
    page.push_str(
        "<thead><tr><th scope=\"col\">model</th><th scope=\"col\">variables</th><th scope=\"col\"><i>β</i><sub>KLD</sub></th>\
         <th scope=\"col\">epoch</th><th scope=\"col\">KLD / nats</th></tr></thead>\n<tbody>\n",
    );
    for space in spaces {
        let total = space.divergence.cumulative_nats.last().copied().unwrap_or(f64::NAN);
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&space.name),
            space.encoded,
            space.beta_kld.map_or_else(String::new, plain),
            space.epoch,
            number(total, 2)
        );
    }
    tables::close(page);
}
