//! The page of a latent space: its figures with their captions, and where they come from.

use std::fmt::Write as _;

use crate::html::frame::{gap_list, grid, start};
use crate::latent::LatentResults;
use crate::plots::{Figure, Section};
use crate::text::{escape, plain};

const INFORMATION: &str = "The Kullback-Leibler divergence of a variable's encoded distribution N(<i>μ</i>, <i>σ</i><sup>2</sup>) \
    from N(0, 1), averaged over the showers, counts what the variable says about its shower. Variables are numbered by it: \
    <i>z</i><sub>0</sub> says most.";
const CORRELATIONS: &str = "Which properties of a shower the leading variables hold.";
const TRAVERSALS: &str = "What the decoder makes of one variable alone.";
const SAMPLING: &str =
    "What new showers are made from: N(0, 1), or the kernel density of sampled <i>z</i> and incident energy.";

/// The whole document.
pub(crate) fn page(results: &LatentResults, figures: &[Figure]) -> String {
    let name = escape(&results.model.name);
    let mut page = start(&format!("{}: latent space", results.model.name), &results.calo_version);
    let data = &results.data;
    let [low, high] = data.energy_range_gev.map(plain);
    let beta = results.model.beta_kld.map(|beta| format!(", <i>β</i><sub>KLD</sub> = {}", plain(beta)));
    let _ = writeln!(
        page,
        "<header>\n<h1>What does <span>{name}</span> encode?</h1>\n<p class=\"lead\">{} of {} latent variables are encoded{}; \
         epoch {}, {} showers of {low} to {high} GeV in {}.</p>\n</header>",
        results.model.encoded,
        results.model.latent,
        beta.unwrap_or_default(),
        results.model.epoch,
        data.n_showers,
        escape(&results.detector.name)
    );
    page.push_str(&gap_list(&results.gaps, &[]));
    for (section, heading, introduction) in [
        (Section::Information, "Information", INFORMATION),
        (Section::Correlations, "Correlations", CORRELATIONS),
        (Section::Traversals, "Traversals", TRAVERSALS),
        (Section::Sampling, "Sampling", SAMPLING),
    ] {
        let id = heading.to_lowercase();
        let _ = writeln!(page, "<section id=\"{id}\">\n<h2>{heading}</h2>\n<p>{introduction}</p>");
        page.push_str(&grid(section, figures));
        page.push_str("</section>\n");
    }
    page.push_str(&provenance(results));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn provenance(results: &LatentResults) -> String {
    let (data, model) = (&results.data, &results.model);
    let density = results.density.as_ref().map_or_else(String::new, |density| {
        let from = density.path.as_deref().map(|path| format!(" from <code>{}</code>", escape(path)));
        format!(
            " Kernel density{} of {} points, bandwidths {} to {}, of the energy {}.",
            from.unwrap_or_default(),
            density.n_centres,
            plain(density.bandwidths.iter().copied().fold(f64::INFINITY, f64::min)),
            plain(density.bandwidths.iter().copied().fold(0.0, f64::max)),
            plain(density.condition_bandwidth)
        )
    });
    let post_processed = if model.post_processed { "with" } else { "without" };
    format!(
        "<section id=\"provenance\">\n<h2>Provenance</h2>\n<p>Showers: <code>{}</code> ({}), <code class=\"hash\">{}</code>. \
         Weights: epoch {}, <code class=\"hash\">{}</code>; showers decoded {post_processed} post-processor.{density}</p>\n\
         <p>calo {}, schema {}, seed {}. All numbers are in <code>latent.json</code>, every figure as SVG and PNG in \
         <code>figures/</code>, next to this page.</p>\n</section>\n",
        escape(&data.path),
        escape(&data.part),
        escape(&data.blake3),
        model.epoch,
        escape(&model.weights_blake3),
        escape(&results.calo_version),
        results.schema_version,
        results.seed
    )
}
