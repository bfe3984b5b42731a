//! Spoiled files: a report or a one-line error, never a panic.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a test's report")]

mod common;

use std::fs;

use calo_report::{read_results, read_showers, render};
use common::{VERSION_1, fixture};
use proptest::prelude::*;

/// One change of a file's bytes.
#[derive(Debug, Clone)]
enum Change {
    Replace(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, String),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    let token =
        prop::sample::select(vec!["1e308", "-1", "null", "\"", "[]", "{}", ",", "9", "e", "1e-320", "NaN"]);
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (index(), prop::sample::select(b"0123456789-.eE,[]{}\":n".to_vec()))
            .prop_map(|(at, byte)| Change::Replace(at, byte)),
        index().prop_map(Change::Truncate),
        (index(), 1usize..40).prop_map(|(at, n)| Change::Remove(at, n)),
        (index(), token).prop_map(|(at, token)| Change::Insert(at, token.to_owned())),
    ]
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    match change {
        Change::Replace(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Change::Truncate(at) => bytes.truncate(at.index(bytes.len())),
        Change::Remove(at, n) => {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + n).min(bytes.len()));
        }
        Change::Insert(at, token) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, token.bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoiled_results_are_read_or_refused_in_one_line(changes in prop::collection::vec(change(), 1..4), file in 0..3) {
        let dir = fixture();
        let path = dir.path().join(if file == 0 { "showers.json" } else { "results.json" });
        if file == 1 {
            fs::write(&path, VERSION_1).unwrap();
        }
        let mut bytes = fs::read(&path).unwrap();
        changes.iter().for_each(|change| apply(&mut bytes, change));
        fs::write(&path, &bytes).unwrap();
        let read = read_results(dir.path()).and_then(|results| read_showers(dir.path(), &results));
        if let Err(error) = read {
            let message = error.to_string();
            prop_assert!(!message.contains('\n') && message.contains(".json"), "{}", message);
        }
    }
}

/// A number in the text of the results, replaced by an extreme one.
fn with_number(text: &str, which: usize, number: &str) -> String {
    let bytes = text.as_bytes();
    let starts: Vec<_> = (1..bytes.len())
        .filter(|&i| bytes[i].is_ascii_digit() && matches!(bytes[i - 1], b',' | b'[' | b':'))
        .collect();
    let start = starts[which % starts.len()];
    let end = (start..bytes.len()).find(|&i| matches!(bytes[i], b',' | b']' | b'}')).unwrap();
    format!("{}{number}{}", &text[..start], &text[end..])
}

proptest! {
    // Few, because each that is accepted draws a whole report.
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn extreme_numbers_draw_or_are_refused(
        changes in prop::collection::vec((any::<usize>(), prop::sample::select(vec!["0", "1e99", "1e-300", "1e30", "12345678"])), 1..6)
    ) {
        let dir = fixture();
        let path = dir.path().join("results.json");
        let mut text = fs::read_to_string(&path).unwrap();
        for (which, number) in changes {
            text = with_number(&text, which, number);
        }
        fs::write(&path, &text).unwrap();
        match render(dir.path()) {
            Ok(files) => {
                for figure in files.figures.iter().filter(|path| path.extension().is_some_and(|e| e == "svg")) {
                    let svg = fs::read_to_string(figure).unwrap();
                    prop_assert!(roxmltree::Document::parse(&svg).is_ok());
                    prop_assert!(!svg.contains("NaN") && !svg.contains("inf\"") && !svg.contains("inf "), "{}", figure.display());
                }
            }
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }
}
