//! What `configs/experiments` held when this library was built: experiments, and the configurations of their runs.

/// Names and texts of files.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/experiments.rs"));

/// The text of a file, by its name.
pub(super) fn text(file: &str) -> Option<&'static str> {
    FILES.iter().find(|(name, _)| *name == file).map(|(_, text)| *text)
}

/// Names of the experiments; only these files have a title.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let experiments = FILES.iter().filter(|(_, text)| text.lines().any(|line| line.starts_with("title")));
    experiments.filter_map(|(name, _)| name.strip_suffix(".toml"))
}
