use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::Error;
use crate::monitor::{Interrupted, Silent};

fn request(seed: &str) -> Request {
    Request::from([("seed".to_owned(), seed.to_owned())])
}

fn program(name: &str) -> Program {
    Program { blake3: format!("hash of {name}"), revision: name.to_owned() }
}

/// How [`open`] opens a pipeline.
#[derive(Clone, Copy)]
struct How {
    word: &'static str,
    program: &'static str,
    detector: &'static str,
    resume: bool,
    keep: bool,
}

const A: How = How { word: "a", program: "1", detector: "small", resume: false, keep: false };

fn open(folder: &Path, how: How) -> Result<Stages<'_>> {
    let How { word, resume, keep, .. } = how;
    let (program, request, detectors) = (program(how.program), request(word), how.detector.to_owned());
    Stages::open(Opening { out: folder, program, detectors, request, resume, keep, monitor: &Silent })
}

/// A stage whose one step is a word.
fn stage(name: &str, word: &str, inputs: Vec<PathBuf>, output: &Path) -> Stage<String> {
    let (steps, outputs) = (vec![word.to_owned()], vec![output.to_owned()]);
    Stage { name: name.to_owned(), steps, inputs, outputs, unfinished: vec![] }
}

fn failure(problem: &str) -> Error {
    Error::Invalid(problem.to_owned())
}

/// Two stages, the second made from the first's output; how many steps that took, and whether each was kept.
fn pipeline(folder: &Path, how: How) -> Result<(usize, Vec<bool>)> {
    let (first, second) = (folder.join("first"), folder.join("second"));
    let mut stages = open(folder, how)?;
    let n = AtomicUsize::new(0);
    stages.run(&[stage("first", how.word, vec![], &first)], 1, |_, word, _| {
        n.fetch_add(1, Ordering::Relaxed);
        Ok(fs::write(&first, word)?)
    })?;
    stages.run(&[stage("second", "copy", vec![first.clone()], &second)], 1, |_, _, _| {
        n.fetch_add(1, Ordering::Relaxed);
        Ok(fs::copy(&first, &second).map(drop)?)
    })?;
    assert_eq!(fs::read_to_string(second)?, how.word);
    let finished = stages.finished();
    assert_eq!(finished.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), ["first", "second"]);
    Ok((n.into_inner(), finished.iter().map(|stage| stage.kept).collect()))
}

#[test]
fn complete_stages_are_not_run_again_and_changed_ones_are_with_all_that_follow() {
    let folder = tempfile::tempdir().unwrap();
    let n = |how| pipeline(folder.path(), how).unwrap().0;
    assert_eq!(n(A), 2);
    assert_eq!(n(A), 0);
    // The second stage's step is the same; its input is not.
    let b = How { word: "b", resume: true, ..A };
    assert_eq!(n(b), 2);
    fs::remove_file(folder.path().join("second")).unwrap();
    assert_eq!(n(b), 1);
}

/// Requests know a detector by its name or file, whatever that holds.
#[test]
fn stages_of_another_detector_of_the_same_name_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let n = |how| pipeline(folder.path(), how).unwrap().0;
    assert_eq!(n(A), 2);
    assert_eq!(n(How { detector: "large", ..A }), 2);
    assert_eq!(n(How { detector: "large", ..A }), 0);
}

#[test]
fn stages_of_another_program_are_made_again_unless_they_are_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let run = |how| pipeline(folder.path(), how).unwrap();
    assert_eq!(run(A), (2, vec![false, false]));
    let newer = How { program: "2", ..A };
    let keeping = How { keep: true, ..newer };
    assert_eq!(run(keeping), (0, vec![true, true]));
    fs::remove_file(folder.path().join("second")).unwrap();
    assert_eq!(run(keeping), (1, vec![true, false]));
    assert_eq!(run(keeping), (0, vec![true, false]));
    assert_eq!(run(newer), (2, vec![false, false]));
    assert_eq!(run(newer), (0, vec![false, false]));
    let record: Record = read_json(&folder.path().join("stages.json")).unwrap();
    assert!(record.stages.iter().all(|stage| stage.revision == "2" && stage.binary == "hash of 2"));
}

/// A trainer would resume the run of another program and call it its own.
#[test]
fn what_another_stage_left_is_gone_before_a_stage_begins() {
    let folder = tempfile::tempdir().unwrap();
    let (output, work) = (folder.path().join("output"), folder.path().join("work"));
    let stage = |word: &str| Stage { unfinished: vec![work.clone()], ..stage("only", word, vec![], &output) };
    let attempt = |how: How, expected: bool| {
        let mut stages = open(folder.path(), how).unwrap();
        let result = stages.run(&[stage(how.word)], 1, |_, _, _| {
            assert_eq!(work.join("half").exists(), expected);
            fs::create_dir_all(&work)?;
            fs::write(work.join("half"), "")?;
            Err(failure("killed"))
        });
        assert!(result.unwrap_err().to_string().contains("only"));
    };
    attempt(A, false);
    attempt(A, true);
    attempt(How { program: "2", ..A }, false);
    attempt(How { program: "2", word: "b", resume: true, ..A }, false);
    // Only complete stages of another program are kept.
    attempt(How { program: "3", word: "b", resume: true, keep: true, ..A }, false);
}

#[test]
fn another_request_is_refused_by_name_and_so_is_a_foreign_folder() {
    let folder = tempfile::tempdir().unwrap();
    pipeline(folder.path(), A).unwrap();
    let message = pipeline(folder.path(), How { word: "b", ..A }).unwrap_err().to_string();
    assert!(message.contains("seed = a, not b"), "{message}");
    fs::remove_file(folder.path().join("stages.json")).unwrap();
    let message = pipeline(folder.path(), How { resume: true, ..A }).unwrap_err().to_string();
    assert!(message.contains("holds something else"), "{message}");
}

#[test]
fn a_failed_stage_is_run_again_and_its_time_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("output");
    let attempt = |works: bool| {
        let mut stages = open(folder.path(), A).unwrap();
        let result = stages.run(&[stage("only", "a", vec![], &output)], 1, |_, _, _| {
            std::thread::sleep(Duration::from_millis(20));
            if works { Ok(fs::write(&output, "")?) } else { Err(failure("not yet")) }
        });
        (result, stages.finished()[0].seconds)
    };
    let (result, first) = attempt(false);
    assert!(result.is_err());
    let (result, both) = attempt(true);
    result.unwrap();
    assert!(both > first && first > 0.0, "{first} {both}");
}

#[test]
fn an_output_that_was_not_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut stages = open(folder.path(), A).unwrap();
    let stage = stage("nothing", "a", vec![], &folder.path().join("missing"));
    let error = stages.run(&[stage], 1, |_, _, _| Ok(())).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(error.to_string() == "nothing" && source.contains("missing was not made"), "{error}: {source}");
}

#[test]
fn times_are_for_people() {
    assert_eq!([12.34, 300.0, 7200.0].map(shown), ["12.3 s", "5.0 min", "2.0 h"]);
}

#[test]
fn stages_run_at_the_same_time_and_a_failure_leaves_the_others_complete() {
    let folder = tempfile::tempdir().unwrap();
    let outputs = ["a", "b", "c"].map(|name| folder.path().join(name));
    let run = |works: bool| {
        let mut stages = open(folder.path(), A).unwrap();
        let all = ["a", "b", "c"].map(|name| stage(name, name, vec![], &folder.path().join(name)));
        // Each of the first two waits for the other, so that neither could end before the other began.
        let (n, both) = (AtomicUsize::new(0), Barrier::new(2));
        let result = stages.run(&all, 2, |name, _, _| {
            n.fetch_add(1, Ordering::Relaxed);
            if name != "c" {
                both.wait();
            } else if !works {
                return Err(failure("c fails"));
            }
            Ok(fs::write(&outputs[usize::from(name.as_bytes()[0] - b'a')], "")?)
        });
        (result, n.into_inner(), stages.finished().iter().map(|stage| stage.complete).collect::<Vec<_>>())
    };
    let (result, n, complete) = run(false);
    assert_eq!(result.unwrap_err().to_string(), "c");
    assert_eq!((n, complete), (3, vec![true, true, false]));
    let (result, n, complete) = run(true);
    result.unwrap();
    assert_eq!((n, complete), (1, vec![true, true, true]));
}

#[test]
fn a_failure_stops_the_stages_beside_it_and_those_behind() {
    let folder = tempfile::tempdir().unwrap();
    let all = ["a", "b", "c"].map(|name| stage(name, name, vec![], &folder.path().join(name)));
    let mut stages = open(folder.path(), A).unwrap();
    let (n, both_begin) = (AtomicUsize::new(0), Barrier::new(2));
    let result = stages.run(&all, 2, |name, _, stop| {
        n.fetch_add(1, Ordering::Relaxed);
        both_begin.wait();
        if name == "a" {
            // Without being told, it would never end.
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(1));
            }
            return Err(Interrupted.into());
        }
        Err(failure("b fails"))
    });
    let error = result.unwrap_err();
    assert!(error.to_string() == "b" && !error.is_interruption(), "{error}");
    assert_eq!(n.into_inner(), 2);
    assert!(stages.finished().iter().all(|stage| !stage.complete));
}
