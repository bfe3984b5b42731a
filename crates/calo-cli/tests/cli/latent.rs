//! `calo encode`, `calo density` and `calo latent`: what they write, and what they refuse.

use std::fs;
use std::path::Path;

use calo_data::{TableReader, read_attributes};
use calo_latent::Kde;
use calo_report::latent::read_latent;
use calo_report::latent_comparison::read_latent_comparison;

use crate::common::{calo, sample, stderr, stdout};
use crate::trained::{ENCODED, Trained};

#[test]
fn latent_variables_depend_on_shower_and_seed_alone() {
    let trained = Trained::new();
    let encode = |name: &str, more: &[&str]| {
        stdout(&trained.command("encode", &trained.path(name)).args(more).assert().success())
    };
    let said = encode("all.hdf5", &["--part", "all"]);
    assert!(said.contains("200 showers (all) encoded in 4 variables by epoch"), "{said}");
    encode("again.hdf5", &["--part", "all", "--threads", "1"]);
    let table = |name: &str| TableReader::open(&trained.path(name)).unwrap();
    let all = table("all.hdf5");
    assert_eq!(table("again.hdf5").read("z").unwrap(), all.read("z").unwrap());

    // Training showers unless told, each with its own noise.
    let said = encode("train.hdf5", &["--epoch", "2"]);
    assert!(said.starts_with("160 showers (train)") && said.contains("by epoch 2"), "{said}");
    encode("all2.hdf5", &["--epoch", "2", "--part", "all"]);
    let (train, all2) = (table("train.hdf5"), table("all2.hdf5"));
    let noise = |table: &TableReader, row: usize| {
        let [z, mean, log_variance] =
            ["z", "mean", "log_variance"].map(|name| table.read(name).unwrap().row(row).to_owned());
        (z - mean) / log_variance.mapv(|x| (0.5 * x).exp())
    };
    for row in [0, 7, 159] {
        let shower = train.read("shower").unwrap()[[row, 0]] as usize;
        assert!((noise(&train, row) - noise(&all2, shower)).iter().all(|x| x.abs() < 1e-3));
        for name in ["energy_gev", "cog_z", "m2_z", "e_vis_mev", "n_hits"] {
            let [mine, theirs] =
                [(&train, row), (&all2, shower)].map(|(t, row)| t.read(name).unwrap()[[row, 0]]);
            assert!((mine - theirs).abs() < 1e-9, "{name}: {mine} {theirs}");
        }
    }
    encode("other.hdf5", &["--part", "all", "--seed", "2"]);
    let other = table("other.hdf5");
    assert_eq!(other.read("mean").unwrap(), all.read("mean").unwrap());
    assert_ne!(other.read("z").unwrap(), all.read("z").unwrap());

    // The noise of all showers together is that of N(0, 1), to five standard errors.
    let noises: Vec<f64> = (0..200).flat_map(|row| noise(&all, row).to_vec()).collect();
    let n = noises.len() as f64;
    let mean = noises.iter().sum::<f64>() / n;
    let variance = noises.iter().map(|x| x * x).sum::<f64>() / n;
    assert!(
        mean.abs() < 5.0 / n.sqrt() && (variance - 1.0).abs() < 5.0 * (2.0 / n).sqrt(),
        "{mean} {variance}"
    );

    let attributes = read_attributes(&trained.path("train.hdf5"), None).unwrap();
    for (name, expected) in [("part", "train"), ("epoch", "2"), ("model", "tiny"), ("seed", "1")] {
        assert!(attributes.contains(&(name.to_owned(), expected.to_owned())), "{name}: {attributes:?}");
    }
}

#[test]
fn a_density_is_of_its_latent_file_and_its_weights() {
    let trained = Trained::new();
    let path = |name: &str| trained.path(name);
    trained.command("encode", &path("z.hdf5")).args(["--part", "all", "--epoch", "2"]).assert().success();
    let density = |out: &str, more: &[&str]| {
        calo()
            .arg("density")
            .arg("--latent")
            .arg(path("z.hdf5"))
            .arg("--out")
            .arg(path(out))
            .args(more)
            .assert()
    };
    let said = stdout(&density("each.safetensors", &[]).success());
    assert!(
        said.contains("4 variables and energy from 200 kernels") && said.contains("log likelihood"),
        "{said}"
    );
    let kde = Kde::load(&path("each.safetensors")).unwrap();
    assert_eq!((kde.latent_size(), kde.columns()[ENCODED].as_str()), (ENCODED, "energy_gev"));
    assert!(
        kde.provenance().contains_key("weights_blake3") && kde.provenance().contains_key("input_0_blake3")
    );
    density("again.safetensors", &["--threads", "1"]).success();
    let points = TableReader::open(&path("z.hdf5")).unwrap();
    let [z, energies] = ["z", "energy_gev"].map(|name| points.read(name).unwrap());
    let points = ndarray::concatenate![ndarray::Axis(1), z, energies];
    let again = Kde::load(&path("again.safetensors")).unwrap();
    assert_eq!(again.log_density(points.view()).unwrap(), kde.log_density(points.view()).unwrap());

    density("few.safetensors", &["--bandwidth", "0.25", "--covariance", "full", "--max-centres", "50"])
        .success();
    let few = Kde::load(&path("few.safetensors")).unwrap();
    assert_eq!(
        (few.n_centres(), few.bandwidths(), few.condition_bandwidth()),
        (50, &[0.25; ENCODED][..], Some(0.25))
    );
    density("one.safetensors", &["--bandwidth", "one"]).success();
    let one = Kde::load(&path("one.safetensors")).unwrap();
    assert_eq!(one.condition_bandwidth(), Some(one.bandwidths()[0]));
    for rule in ["cv", "one", "scott", "silverman"] {
        density("rule.safetensors", &["--bandwidth", rule, "--covariance", "standardised"]).success();
        let same = Kde::load(&path("rule.safetensors")).unwrap();
        assert!(
            same.bandwidths().iter().all(|h| h.to_bits() == same.bandwidths()[0].to_bits()),
            "{rule}: {:?}",
            same.bandwidths()
        );
    }
    density("given.safetensors", &["--energy-bandwidth", "0.1"]).success();
    assert_eq!(Kde::load(&path("given.safetensors")).unwrap().condition_bandwidth(), Some(0.1));
    let message =
        stderr(&density("no.safetensors", &["--bandwidth", "cv", "--energy-bandwidth", "0.1"]).code(2));
    assert!(message.contains("--energy-bandwidth goes with `each` or a number"), "{message}");
    density("no.safetensors", &["--bandwidth", "wide"]).code(2);
    assert!(!path("no.safetensors").exists());

    // Not for other weights, neither to look at nor to generate from.
    let with = |epoch: &str, command: &mut assert_cmd::Command| {
        command.args(["--epoch", epoch, "--density"]).arg(path("few.safetensors")).assert()
    };
    let latent =
        |epoch: &str| with(epoch, trained.command("latent", &path("out")).args(["--n-generated", "8"]));
    let generate = |epoch: &str| {
        let mut command = calo();
        command.arg("generate").arg("--run").arg(trained.run()).arg("--out").arg(path("generated.hdf5"));
        with(epoch, command.args(["--latent", "kde", "--energy", "20..80", "-n", "5"]))
    };
    for refused in [latent("1"), generate("1")] {
        let message = stderr(&refused.code(1));
        assert!(
            message.contains("few.safetensors: a density of showers that other weights encoded"),
            "{message}"
        );
    }
    generate("2").success();
    assert_eq!(crate::common::read(&path("generated.hdf5")).len(), 5);
    latent("2").success();
    assert_eq!(read_latent(&path("out")).unwrap().density.unwrap().n_centres, 50);
}

#[test]
fn a_latent_space_is_a_file_of_numbers_a_page_and_figures() {
    let trained = Trained::new();
    let latent = |out: &Path| {
        let mut command = trained.command("latent", out);
        stdout(&command.args(["--epoch", "2", "--n-generated", "12"]).assert().success())
    };
    let out = trained.path("out");
    let said = latent(&out);
    assert!(said.contains("nats in 4 variables (epoch 2)") && said.contains("z_0 (variable"), "{said}");
    let results = read_latent(&out).unwrap();
    assert_eq!((results.data.part.as_str(), results.data.n_showers), ("test", 20));
    assert_eq!((results.model.beta_kld, results.model.post_processed), (Some(0.05), true));
    assert_eq!(results.density.as_ref().unwrap().n_centres, 160);
    assert_eq!((results.joints.len(), results.traversals.len(), results.marginals.len()), (8, 2, 2));
    assert_eq!(
        results.cog_z.len() + results.gaps.iter().filter(|gap| gap.what.contains("gravity")).count(),
        3
    );
    // Sorted, and their sums.
    let nats = &results.divergence.nats;
    assert!(nats.is_sorted_by(|a, b| a >= b), "{nats:?}");
    assert!((results.divergence.cumulative_nats[3] - nats.iter().sum::<f64>()).abs() < 1e-9);
    for marginal in &results.marginals {
        assert_eq!(marginal.counts.iter().sum::<u64>() + marginal.n_outside, 20);
        let width = marginal.edges[1] - marginal.edges[0];
        let area: f64 = marginal.density.as_ref().unwrap().iter().map(|density| density * width).sum();
        assert!((area - 1.0).abs() < 0.05, "the density's marginal covers {area}");
    }
    for name in ["latent.html", "figures/kld.svg", "figures/correlations.png", "figures/marginal_0.svg"] {
        assert!(out.join(name).is_file(), "{name}");
    }
    // Of another file there are no training showers: the density is not made from those that it would be compared with.
    let other = trained.path("other.hdf5");
    crate::common::rewrite(&trained.data(), &other, |batch| batch.energies_gev[0] += 1.0);
    let of_other = |more: &[&str]| {
        let mut command = calo();
        command.arg("latent").arg("--run").arg(trained.run()).arg("--data").arg(&other);
        command.args(["--epoch", "2", "--n-generated", "8"]).args(more).arg("--out").arg(trained.path("o"));
        command.assert().success();
        read_latent(&trained.path("o")).unwrap()
    };
    let results = of_other(&[]);
    assert!(results.density.is_none());
    assert!(
        results.gaps.iter().any(|gap| gap.why.contains("expected --train or --density")),
        "{:?}",
        results.gaps
    );
    let results = of_other(&["--train", &trained.data().display().to_string()]);
    assert_eq!(results.density.unwrap().n_centres, 160);

    let again = trained.path("again");
    latent(&again);
    assert_eq!(fs::read(out.join("latent.json")).unwrap(), fs::read(again.join("latent.json")).unwrap());
}

#[test]
fn latent_spaces_of_two_epochs_stand_side_by_side() {
    let trained = Trained::new();
    let path = |name: &str| trained.path(name);
    for (epoch, space, z) in [("1", "one", "one.hdf5"), ("2", "two", "two.hdf5")] {
        trained
            .command("latent", &path(space))
            .args(["--epoch", epoch, "--n-generated", "8"])
            .assert()
            .success();
        trained.command("encode", &path(z)).args(["--epoch", epoch]).assert().success();
    }
    let mut density = calo();
    density.arg("density").arg("--latent").arg(path("two.hdf5")).args(["--bandwidth", "scott"]);
    density.arg("--out").arg(path("d.safetensors")).assert().success();
    let named = |name: &str, file: &str| format!("{name}={}", path(file).display());
    let compare = |correlations: &str| {
        let mut command = calo();
        command.arg("compare-latent").args(["--latent", &named("second", "two")]);
        command.args(["--latent", &named("first", "one"), "--correlations", correlations]);
        command.args(["--encoded", &named("second", "two.hdf5"), "--encoded", &named("first", "one.hdf5")]);
        command.args(["--density", &named("KDE", "d.safetensors"), "--max-showers", "150"]);
        command.arg("--out").arg(path("compared")).assert()
    };
    let message = stderr(&compare("third").code(2));
    assert!(message.contains("--correlations third: expected one of second, first"), "{message}");
    let said = stdout(&compare("first").success());
    assert!(said.contains("second: ") && said.contains("nats in 4 variables"), "{said}");
    let compared = read_latent_comparison(&path("compared/latent-comparison.json")).unwrap();
    assert_eq!((compared.spaces.len(), &compared.correlated[..], compared.marginals.len()), (2, &[1][..], 2));
    let two = read_latent(&path("two")).unwrap();
    assert_eq!(compared.spaces[0].divergence, two.divergence);
    for marginal in &compared.marginals {
        for sample in &marginal.samples {
            assert_eq!(sample.counts.iter().sum::<u64>() + sample.n_outside, 150);
        }
        let width = marginal.edges[1] - marginal.edges[0];
        let area: f64 = marginal.density.as_ref().unwrap().values.iter().map(|value| value * width).sum();
        assert!((area - 1.0).abs() < 0.05, "the density's marginal covers {area}");
    }
    for name in
        ["latent-comparison.html", "figures/kld.svg", "figures/correlations_0.png", "figures/sampled_1.svg"]
    {
        assert!(path("compared").join(name).is_file(), "{name}");
    }
    assert!(!path("compared/figures/correlations_1.svg").exists());
    let again = stdout(&calo().arg("report").arg(path("compared")).assert().success());
    assert!(again.contains("latent-comparison.html"), "{again}");
}

#[test]
fn what_does_not_fit_is_one_line_and_exit_code_1() {
    let trained = Trained::new();
    let (run, path) = (trained.run(), |name: &str| trained.path(name));
    let refuses = |assert: assert_cmd::assert::Assert, expected: &str| {
        let message = stderr(&assert.code(1));
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(expected), "{message}\nexpected {expected}");
    };
    let out = path("z.hdf5");
    let encode = |more: &[&str]| trained.command("encode", &out).args(more).assert();
    let of = |run: &Path, data: &Path, part: &str| {
        let mut command = calo();
        command.arg("encode").arg("--run").arg(run).arg("--data").arg(data).args(["--part", part]);
        command.arg("--out").arg(&out).assert()
    };
    refuses(of(&path("none"), &trained.data(), "all"), "expected the folder of a run");
    refuses(encode(&["--epoch", "7"]), "epoch-0007.safetensors: there is no such file");
    encode(&["--epoch", "first"]).code(2);
    encode(&["--part", "some"]).code(2);
    refuses(encode(&["--device", "tpu"]), "no device is called so");

    // Another file, another grid.
    let copy = path("other.hdf5");
    crate::common::rewrite(&trained.data(), &copy, |batch| batch.energies_gev[0] += 1.0);
    refuses(of(&run, &copy, "train"), "not the file that the run was trained on");
    refuses(of(&run, &sample("photons.hdf5"), "all"), "photons.hdf5");

    // Files that are no latent files, or were cut off.
    let density = |latent: &Path| {
        let mut command = calo();
        command.arg("density").arg("--latent").arg(latent).arg("--out").arg(path("d.safetensors")).assert()
    };
    refuses(density(&trained.data()), "not a latent file; expected what `calo encode` writes");
    refuses(density(&run.join("run.json")), "run.json: not HDF5");
    assert!(!out.exists());
    encode(&[]).success();
    let bytes = fs::read(&out).unwrap();
    fs::write(&out, &bytes[..bytes.len() * 2 / 3]).unwrap();
    refuses(density(&out), "z.hdf5: truncated");
    assert!(!path("d.safetensors").exists());

    // Damaged and foreign pieces of a run folder.
    let latent = |more: &[&str]| trained.command("latent", &path("l")).args(more).assert();
    let json = run.join("run.json").display().to_string();
    refuses(latent(&["--density", &json]), "a density written by `calo`");
    let weights = run.join("epochs/epoch-0002.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    refuses(latent(&["--epoch", "2"]), "epoch-0002.safetensors");
    let validation = run.join("validation.jsonl");
    fs::write(&validation, "{\"epoch\": 1}\n").unwrap();
    refuses(latent(&[]), "validation.jsonl: line 1 is not what calo train writes");
    fs::write(&validation, "").unwrap();
    refuses(latent(&[]), "no epoch was validated");
    fs::write(run.join("run.json"), "{}").unwrap();
    refuses(latent(&[]), "run.json: is not what calo train writes");
}

#[test]
fn a_density_of_another_latent_size_is_refused() {
    let trained = Trained::new();
    let points = ndarray::Array2::from_shape_fn((50, 3), |(i, j)| ((i * (j + 2)) % 17) as f64 + 10.0);
    let columns = ["z 0", "z 1", "energy_gev"].map(str::to_owned).to_vec();
    let bandwidth = calo_latent::Bandwidth::Scott;
    let settings = calo_latent::KdeSettings { bandwidth, condition: Some(2), columns, ..Default::default() };
    let density = trained.path("d.safetensors");
    Kde::fit(points.view(), &settings).unwrap().save(&density, calo_latent::Storage::F64).unwrap();
    let mut command = trained.command("latent", &trained.path("l"));
    let message = stderr(&command.arg("--density").arg(&density).assert().code(1));
    assert!(
        message.contains("a density of 2 latent variables; expected 4, as the model encodes"),
        "{message}"
    );
}
