//! Densities on disk: what is read back, and what is refused.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report of a test")]

use std::fs;
use std::path::Path;

use calo_latent::{Bandwidth, CrossValidation, Kde, KdeSettings, KernelCovariance, Storage};
use ndarray::{Array2, Axis};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn points(n: usize, d: usize) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    Array2::from_shape_simple_fn((n, d), || rng.random::<f64>() + rng.random::<f64>())
}

fn density() -> Kde {
    let cross_validation = CrossValidation { n_points: 60, n_coarse: 20, ..Default::default() };
    density_of(KernelCovariance::FullCovariance, Bandwidth::CrossValidated(cross_validation))
}

fn density_of(covariance: KernelCovariance, bandwidth: Bandwidth) -> Kde {
    let settings = KdeSettings {
        covariance,
        bandwidth,
        condition: Some(3),
        columns: ["z 0", "z 1", "z 2", "E"].map(str::to_owned).to_vec(),
        ..Default::default()
    };
    let mut kde = Kde::fit(points(80, 4).view(), &settings).unwrap();
    kde.provenance_mut().insert("run".to_owned(), "runs/1 \"quoted\"".to_owned());
    kde
}

fn refusal(path: &Path) -> String {
    Kde::load(path).unwrap_err().to_string()
}

#[test]
fn a_density_comes_back_as_it_was_and_equal_densities_are_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let [path, again] = ["a", "b"].map(|name| folder.path().join(name));
    for kde in [density(), density_of(KernelCovariance::Regressed, Bandwidth::default())] {
        kde.save(&path, Storage::F64).unwrap();
        let loaded = Kde::load(&path).unwrap();
        loaded.save(&again, Storage::F64).unwrap();
        assert!(fs::read(&path).unwrap() == fs::read(&again).unwrap());
        assert_eq!((loaded.columns(), loaded.condition()), (kde.columns(), kde.condition()));
        assert_eq!((loaded.provenance(), loaded.covariance()), (kde.provenance(), kde.covariance()));
        assert_eq!((loaded.search(), loaded.bandwidths()), (kde.search(), kde.bandwidths()));
        let queries = points(9, 4);
        assert_eq!(loaded.log_density(queries.view()).unwrap(), kde.log_density(queries.view()).unwrap());
        let rng = || ChaCha8Rng::seed_from_u64(3);
        assert_eq!(loaded.given(1.0).unwrap().sample(&mut rng()), kde.given(1.0).unwrap().sample(&mut rng()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2); // nothing temporary stays
    }
}

#[test]
fn shipped_densities_are_smaller_and_hardly_differ() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let (kde, queries) = (density(), points(9, 4));
    let exact = kde.log_density(queries.view()).unwrap();
    for (storage, tolerance) in [(Storage::F32, 1e-5), (Storage::F16, 0.05)] {
        kde.save(&path, storage).unwrap();
        let difference = Kde::load(&path).unwrap().log_density(queries.view()).unwrap() - &exact;
        assert!(difference.iter().all(|x| x.abs() < tolerance), "{storage:?}: {difference}");
    }
    let reduced = kde.reduced(20, 5).unwrap();
    assert_eq!((reduced.n_centres(), reduced.bandwidths()), (20, kde.bandwidths()));
    assert_eq!(reduced.provenance()["reduced_from"], "80");
    assert!(reduced.given(1.0).is_ok());
    assert!(kde.reduced(0, 5).is_err());
    assert_eq!(kde.reduced(500, 5).unwrap().n_centres(), 80);
    let huge =
        KdeSettings { covariance: KernelCovariance::None, bandwidth: Bandwidth::Scott, ..Default::default() };
    let huge = Kde::fit((points(9, 2) * 1e6).view(), &huge).unwrap();
    assert!(huge.save(&path, Storage::F16).unwrap_err().to_string().contains("centres too large for F16"));
}

#[test]
fn foreign_corrupt_and_truncated_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("density.safetensors");
    assert!(refusal(&path).contains("cannot read"), "{}", refusal(&path));
    density().save(&path, Storage::F32).unwrap();
    let bytes = fs::read(&path).unwrap();
    for length in [0, 5, 100, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        let message = refusal(&path);
        assert!(message.contains("density.safetensors: not a safetensors file, or truncated"), "{message}");
    }
    let replaced = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let at = bytes.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
        let mut changed = bytes.clone();
        changed[at..at + to.len()].copy_from_slice(to.as_bytes());
        fs::write(&path, changed).unwrap();
        refusal(&path)
    };
    assert!(replaced("calo_kde", "calo_xyz").contains("no entry `calo_kde` in the header"));
    assert!(replaced(r#"version\":2"#, r#"version\":7"#).contains("version 7 of the format"));
    assert!(replaced(r#""factor""#, r#""foctor""#).contains("no tensor `factor`"));
    assert!(
        replaced(r#"condition\":3"#, r#"condition\":8"#)
            .contains("`condition`: 8; expected a column below 4")
    );
    // A NaN among the centres, which are the last numbers of the file.
    let mut changed = bytes.clone();
    let end = changed.len() - 4;
    changed[end..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, changed).unwrap();
    assert!(refusal(&path).contains("NaN at entry 319 of tensor `centres`"), "{}", refusal(&path));
}

/// Version 1 had one bandwidth for all columns, and no list of them.
#[test]
fn densities_of_the_first_version_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let kde = density();
    kde.save(&path, Storage::F64).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for (from, to) in [(r#"version\":2"#, r#"version\":1"#), (r#"bandwidths\":["#, r#"no_longers\":["#)] {
        let at = bytes.windows(from.len()).position(|found| found == from.as_bytes()).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let loaded = Kde::load(&path).unwrap();
    assert_eq!(loaded.bandwidths(), kde.bandwidths());
    let queries = points(9, 4);
    assert_eq!(loaded.log_density(queries.view()).unwrap(), kde.log_density(queries.view()).unwrap());
}

#[test]
fn a_density_for_another_latent_size_is_named() {
    let message = density().check_latent_size(24).unwrap_err().to_string();
    assert_eq!(message, "latent variables of the density: found 3; expected 24");
    assert!(density().check_latent_size(3).is_ok());
    let message = density().log_density(points(2, 25).view()).unwrap_err().to_string();
    assert_eq!(message, "columns of points: found 25; expected 4");
}

#[test]
fn a_place_that_cannot_be_written_is_named_and_bad_samples_too() {
    let message = density().save(Path::new("/nowhere/at/all"), Storage::F64).unwrap_err().to_string();
    assert!(message.starts_with("/nowhere/at/all: the folder /nowhere/at does not exist"), "{message}");
    let fit = |points: &Array2<f64>, bandwidth| {
        let settings = KdeSettings { bandwidth, ..Default::default() };
        Kde::fit(points.view(), &settings).unwrap_err().to_string()
    };
    let mut sample = points(20, 2);
    assert!(fit(&sample.select(Axis(0), &[]), Bandwidth::Scott).contains("points: empty"));
    assert!(
        fit(&sample.select(Axis(0), &[0]), Bandwidth::Scott)
            .contains("points: 1 points; expected at least 2")
    );
    for h in [0.0, -1.0, f64::NAN] {
        let message = fit(&sample, Bandwidth::Fixed { bandwidth: h, condition: None });
        assert!(message.contains("expected a finite number above 0"), "{message}");
    }
    let repeated = sample.select(Axis(0), &[0, 1, 2].repeat(10));
    let settings = CrossValidation { n_coarse: 30, ..Default::default() };
    for searched in [Bandwidth::CrossValidated(settings), Bandwidth::default()] {
        let message = fit(&repeated, searched);
        assert!(message.contains("expected points that do not repeat"), "{message}");
    }
    let message = fit(&sample.select(Axis(0), &[0, 1, 2]), Bandwidth::default());
    assert!(message.contains("bandwidths of each column: 3 points; expected at least 10"), "{message}");
    let unscaled = KdeSettings { covariance: KernelCovariance::None, ..Default::default() };
    let message = Kde::fit(sample.view(), &unscaled).unwrap_err().to_string();
    assert!(message.contains("`covariance`: None; expected one in standard deviations"), "{message}");
    sample[[3, 1]] = f64::NAN;
    assert_eq!(fit(&sample, Bandwidth::Scott), "points: NaN at index [3, 1]; expected finite numbers");
}
