//! The groups of a file, found by their paths.

use std::fmt;

use hdf5::{Group, LocationToken, LocationType};

use super::open::printable;

/// Groups deeper than this are not looked into, nor more than so many.
const MAX_DEPTH: usize = 12;
const MAX_GROUPS: usize = 100_000;

/// Whether `path`, `/` being the root, is a group that holds all of `names`.
pub(super) fn holds(file: &hdf5::File, path: &str, names: &[&str]) -> bool {
    let group = if path == "/" { file.as_group() } else { file.group(path) };
    group.is_ok_and(|group| names.iter().all(|name| group.link_exists(name)))
}

/// The paths of all groups, level by level; `/` is the root. A group within itself is not entered again.
pub(super) fn all(file: &hdf5::File) -> Vec<String> {
    let mut found = vec!["/".to_owned()];
    let Ok(root) = file.as_group() else { return found };
    let mut level = vec![(String::new(), root, Vec::new())];
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for (path, group, above) in &level {
            let above: Vec<_> = above.iter().copied().chain(identity(group)).collect();
            for name in group.member_names().unwrap_or_default() {
                if found.len() >= MAX_GROUPS {
                    return found;
                }
                let Some(inner) = inner_group(group, &name) else { continue };
                if identity(&inner).is_some_and(|inner| above.contains(&inner)) {
                    continue;
                }
                let path = if path.is_empty() { name } else { format!("{path}/{name}") };
                found.push(path.clone());
                next.push((path, inner, above.clone()));
            }
        }
        level = next;
    }
    found
}

fn inner_group(group: &Group, name: &str) -> Option<Group> {
    let is_group = group.loc_type_by_name(name).ok() == Some(LocationType::Group);
    is_group.then(|| group.group(name).ok()).flatten()
}

/// What tells an object from all others, whatever the path to it.
fn identity(group: &Group) -> Option<(u64, LocationToken)> {
    group.loc_info().ok().map(|info| (info.fileno, info.token))
}

/// What a file holds, for messages: names at the root and, behind groups, those in them.
pub(super) struct Contents(Vec<(String, Option<Vec<String>>)>);

impl Contents {
    /// Names shown of a group.
    const SHOWN: usize = 12;

    pub(super) fn of(file: &hdf5::File) -> Self {
        let names = file.member_names().unwrap_or_default();
        let described = names.into_iter().enumerate().map(|(i, name)| {
            let inner = if i < Self::SHOWN { file.group(&name).ok() } else { None };
            let inner = inner.map(|group| group.member_names().unwrap_or_default());
            (name, inner)
        });
        Self(described.collect())
    }
}

impl fmt::Display for Contents {
    /// Groups with what they hold, then data sets; a long list is cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (i, (name, inner)) in self.0.iter().take(Self::SHOWN).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}`{}`", printable(name))?;
            if let Some(names) = inner {
                let names: Vec<String> = names.iter().take(Self::SHOWN).map(|n| printable(n)).collect();
                write!(f, " ({})", names.join(", "))?;
            }
        }
        if self.0.len() > Self::SHOWN { f.write_str(", ...") } else { Ok(()) }
    }
}
