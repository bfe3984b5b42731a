//! Runs that are scanned over values of a field: one run for each value, and one candidate and page for each run.

use toml::Value;

use super::description::Experiment;
use super::plan::{Candidate, LatentPage, RunPlan};
use crate::Result;

impl Experiment {
    /// Puts runs of single values in the place of those that are scanned, and the same for what names them.
    ///
    /// # Errors
    /// A scan without values, of a run that is repeated too, or with a published number, which belongs to one value alone.
    pub(super) fn expand_scans(&mut self) -> Result<()> {
        let scanned: Vec<RunPlan> = self.runs.iter().filter(|run| run.scan.is_some()).cloned().collect();
        for run in &scanned {
            self.check_scan(run)?;
            let values: Vec<String> = run.scan.iter().flat_map(|scan| &scan.values).map(shown).collect();
            replace(
                &mut self.runs,
                |other| other.name == run.name,
                &values,
                |of_all, value| {
                    of_all.name = format!("{}-{value}", of_all.name);
                    of_all.label = format!("{} {value}", of_all.label);
                    of_all.overrides.extend(of_all.scan.take().map(|scan| format!("{}={value}", scan.field)));
                },
            );
            let of_candidate = |candidate: &Candidate| candidate.run == run.name;
            replace(&mut self.candidates, of_candidate, &values, |candidate, value| {
                candidate.name = format!("{} {value}", candidate.name);
                candidate.run = format!("{}-{value}", candidate.run);
            });
            let of_page = |page: &LatentPage| page.run == run.name;
            replace(&mut self.latent_pages, of_page, &values, |page, value| {
                page.run = format!("{}-{value}", page.run);
            });
        }
        Ok(())
    }

    fn check_scan(&self, run: &RunPlan) -> Result<()> {
        let name = &run.name;
        if run.scan.as_ref().is_some_and(|scan| scan.values.is_empty()) {
            return Err(self.wrong("run.scan.values", &format!("none in run {name}; expected at least one")));
        }
        if run.repeated {
            let problem = format!("true in run {name}, which is scanned; expected one or the other");
            return Err(self.wrong("run.repeated", &problem));
        }
        let is_published = run.published_s_jsd.is_some()
            || self.latent_pages.iter().any(|page| page.run == *name && page.published_cog_z.is_some());
        if is_published {
            let problem = format!(
                "a published number of run {name}, which is scanned; expected none, for it belongs to one value"
            );
            return Err(self.wrong("run.scan", &problem));
        }
        let published =
            self.candidates.iter().find(|other| other.run == *name && !other.published.is_empty());
        match published {
            Some(candidate) => {
                let problem = format!(
                    "some for {}, whose run {name} is scanned; expected none, for they belong to one value",
                    candidate.name
                );
                Err(self.wrong("candidate.published", &problem))
            }
            None => Ok(()),
        }
    }
}

/// Puts a changed copy for each value in the place of every item that `is_of_all`, in order.
fn replace<T: Clone>(
    items: &mut Vec<T>,
    is_of_all: impl Fn(&T) -> bool,
    values: &[String],
    change: impl Fn(&mut T, &str),
) {
    let single = |item: &T, value: &String| {
        let mut single = item.clone();
        change(&mut single, value);
        single
    };
    let expanded = items.iter().flat_map(|item| -> Vec<T> {
        if is_of_all(item) {
            values.iter().map(|value| single(item, value)).collect()
        } else {
            vec![item.clone()]
        }
    });
    *items = expanded.collect();
}

/// A value as an override and a name have it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::built_in;
    use super::*;
    use crate::experiment::source::Source;

    fn with_scan(values: &str, of_run: &str, of_candidate: &str) -> Result<Experiment> {
        let text = built_in::text("table2.toml").unwrap_or_default();
        let scan = format!(
            "\n[[run]]\nname = \"kld\"\nlabel = \"beta\"\nscan = {{ field = \"losses.kld\", values = {values} }}\n{of_run}\n"
        );
        let candidate = format!(
            "\n[[candidate]]\nname = \"scan\"\nrun = \"kld\"\nepoch = \"last\"\nsampling = \"normal\"\n{of_candidate}"
        );
        Experiment::parse(Source::new(&format!("{text}{scan}{candidate}"), Path::new("mine.toml"), None)?)
    }

    #[test]
    fn a_scan_is_a_run_and_a_candidate_for_each_value() {
        let experiment = with_scan("[0.05, 1e-3]", "", "").unwrap();
        let names: Vec<&str> = experiment.runs.iter().map(|run| run.name.as_str()).collect();
        assert_eq!(names, ["beta-0.05", "beta-0.4", "kld-0.05", "kld-0.001"]);
        let last = experiment.runs.last().unwrap();
        assert_eq!(
            (last.label.as_str(), &last.overrides[..]),
            ("beta 0.001", &["losses.kld=0.001".to_owned()][..])
        );
        let scanned = &experiment.candidates[5..];
        let named: Vec<[&str; 2]> = scanned.iter().map(|c| [c.name.as_str(), c.run.as_str()]).collect();
        assert_eq!(named, [["scan 0.05", "kld-0.05"], ["scan 0.001", "kld-0.001"]]);
    }

    #[test]
    fn scans_that_cannot_be_are_named() {
        for (values, of_run, of_candidate, part) in [
            ("[]", "", "", "`run.scan.values`: none in run kld"),
            ("[0.1]", "repeated = true", "", "`run.repeated`: true in run kld"),
            ("[0.1]", "", "published = { s_jsd = 1.0 }", "`candidate.published`: some for scan"),
            ("[0.1]", "published_s_jsd = \"1\"", "", "`run.scan`: a published number of run kld"),
            ("[0.1, 0.1]", "", "", "`kld-0.1` twice"),
        ] {
            let message = with_scan(values, of_run, of_candidate).unwrap_err().to_string();
            assert!(message.starts_with("mine.toml: ") && message.contains(part), "{message}");
        }
    }
}
