//! Which tree of a file is read: by its path, or the only one there is.

use calo_core::{Error, Result};

use super::file::{Key, RootFile};
use super::hits::TreeName;

/// Folders within one another that are looked into, and objects in all.
const MAX_DEPTH: usize = 8;
const MAX_OBJECTS: usize = 100_000;

/// The newest cycle of the tree asked for. Its name is its path, as `sim/photonSIM`.
pub(super) fn choose_tree(file: &mut RootFile, keys: Vec<Key>, tree: TreeName<'_>) -> Result<Key> {
    let objects = with_folders(file, keys)?;
    let (TreeName::Exactly(name) | TreeName::OrTheOnlyOne(name)) = tree;
    let name = name.trim_matches('/');
    let newest = |path: &str| {
        let trees = objects.iter().filter(|key| is_tree(key) && key.name == path);
        trees.max_by_key(|key| key.cycle).cloned()
    };
    if let Some(key) = newest(name) {
        return Ok(key);
    }
    let mut names: Vec<&str> =
        objects.iter().filter(|key| is_tree(key)).map(|key| key.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let only =
        if let (TreeName::OrTheOnlyOne(_), [only]) = (tree, names.as_slice()) { newest(only) } else { None };
    only.ok_or_else(|| {
        let other = objects.iter().find(|key| key.name == name);
        let problem = match other.map(|key| key.class.as_str()) {
            Some("ROOT::RNTuple" | "ROOT::Experimental::RNTuple") => {
                format!("`{name}` is an RNTuple, which is not read")
            }
            Some("TChain") => format!("`{name}` is a TChain, a list of other files"),
            Some(class) => format!("`{name}` is a {class}, no TTree"),
            None => format!("no TTree `{name}`"),
        };
        Error::file(file.path(), problem, expected(&objects, &names, other.map(|key| key.class.as_str())))
    })
}

fn expected(objects: &[Key], trees: &[&str], class: Option<&str>) -> String {
    if !trees.is_empty() {
        return format!("one of its trees: {} (--tree)", listed(trees));
    }
    match class {
        Some("ROOT::RNTuple" | "ROOT::Experimental::RNTuple") => {
            "a TTree (uproot: file.mktree; ROOT: a Snapshot with fOutputFormat kTTree)".to_owned()
        }
        Some("TChain") => "the files that it lists, or one that hadd made of them".to_owned(),
        _ => {
            let others: Vec<String> =
                objects.iter().take(20).map(|key| format!("{} ({})", key.name, key.class)).collect();
            let others: Vec<&str> = others.iter().map(String::as_str).collect();
            format!("a TTree; there are {}", listed(&others))
        }
    }
}

fn is_tree(key: &Key) -> bool {
    key.class == "TTree"
}

/// The objects of the file with those in its folders, named by their paths.
fn with_folders(file: &mut RootFile, keys: Vec<Key>) -> Result<Vec<Key>> {
    let mut found = Vec::new();
    let mut level = keys;
    for _ in 0..MAX_DEPTH {
        let mut inner = Vec::new();
        for key in level {
            if key.class.starts_with("TDirectory") && found.len() + inner.len() < MAX_OBJECTS {
                for mut below in file.read_folder(&key)? {
                    below.name = format!("{}/{}", key.name, below.name);
                    inner.push(below);
                }
            }
            found.push(key);
        }
        level = inner;
    }
    Ok(found)
}

pub(super) fn listed(names: &[&str]) -> String {
    const MAX_CHARS: usize = 40;
    if names.is_empty() {
        return "none".to_owned();
    }
    let short = names.iter().map(|name| name.chars().take(MAX_CHARS).collect::<String>());
    short.collect::<Vec<_>>().join(", ")
}
