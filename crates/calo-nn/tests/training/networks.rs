//! What critic and post-processor see and give inside a run.

use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::components::Scaling;
use calo_nn::components::post_processor::{PostProcessor, PostProcessorConfig, PostProcessorOutput};
use calo_nn::engine::{Event, Flow, ShowerModel, Trainer, train};
use calo_nn::families;
use calo_nn::parameters::{Parameters, checkpoint};

use super::{GRID, Showers, model, recipe, save_changing, training};

/// Where networks work on roots of cells, so does the post-processor: showers in MeV stand outside.
#[test]
fn the_post_processor_maps_what_stands_for_a_cell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    save_changing(&path);
    let model = ShowerModel::load(&path, families::ALL, &Device::Cpu, DType::F32).unwrap();
    let mut tensors = checkpoint::load(&path, &Device::Cpu).unwrap().tensors;
    tensors.retain(|name, _| name.starts_with("post_processor."));
    let parameters = Parameters::new(0, DType::F32, &Device::Cpu);
    let mut config = super::model().post_processor.unwrap();
    config.output = PostProcessorOutput::Change;
    let network = PostProcessor::new(&parameters.path().join("post_processor"), &config).unwrap();
    parameters.restore(&tensors).unwrap();

    let cells: usize = GRID.iter().product();
    assert_eq!(model.stages(), ["decoder", "post-processor"]);
    let z = Tensor::from_vec((0..5).map(|i| i as f32 - 2.0).collect(), (1, 5), &Device::Cpu).unwrap();
    let [energy, condition] = [50_f32, 1.0].map(|e| Tensor::new(&[[e]], &Device::Cpu).unwrap());
    let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let [showers, processed] = model.sample(&z, &energy, 2).unwrap().try_into().unwrap();
    assert_eq!(showers.elem_count(), cells);
    let processed = values(processed);
    let roots = values(network.forward(&showers.sqrt().unwrap(), &condition).unwrap());
    assert!(roots.iter().any(|root| *root < 0.0) && roots.iter().any(|root| *root > 0.0), "{roots:?}");
    for (energy_mev, root) in processed.iter().zip(roots) {
        assert!((energy_mev - root.max(0.0).powi(2)).abs() < 1e-6, "{energy_mev} of {root}");
    }
}

/// Without normalisation a cell's energy depends on itself and the two energies alone, and a gated change leaves empty
/// cells empty.
#[test]
fn a_post_processor_without_normalisation_maps_cells_one_by_one() {
    let parameters = Parameters::new(3, DType::F32, &Device::Cpu);
    let config = |output| PostProcessorConfig {
        grid: [1, 2, 3],
        width: 4,
        condition: 3,
        layer_norm: false,
        output,
        log_per_mev: 10.0,
        condition_per_mev: 0.1,
    };
    let build = |output| PostProcessor::new(&parameters.path(), &config(output)).unwrap();
    let cells = |values: [f32; 6]| Tensor::from_slice(&values, (1, 1, 1, 2, 3), &Device::Cpu).unwrap();
    let energy = |gev: f32| Tensor::new(&[[gev]], &Device::Cpu).unwrap();
    let values = |network: &PostProcessor, x: &Tensor, gev: f32| -> Vec<f32> {
        network.forward(x, &energy(gev)).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let network = build(PostProcessorOutput::Cell);
    let y = values(&network, &cells([0.0, 1.0, 2.0, 3.0, 0.5, 0.0]), 1.0);
    // Permuted cells of the same sum: permuted results.
    let permuted = values(&network, &cells([3.0, 0.0, 1.0, 0.5, 0.0, 2.0]), 1.0);
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&[y[3], y[0], y[1], y[4], y[5], y[2]]), bits(&permuted));
    assert_eq!(y[0].to_bits(), y[5].to_bits());
    // The incident energy counts, and so does the visible one.
    assert_ne!(y, values(&network, &cells([0.0, 1.0, 2.0, 3.0, 0.5, 0.0]), 2.0));
    let alone = values(&network, &cells([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]), 1.0);
    assert_ne!(bits(&y[1..2]), bits(&alone[1..2]));
    let x = [0.0, 1.0, 2.0, 3.0, 0.5, 0.0];
    let added = values(&build(PostProcessorOutput::Change), &cells(x), 1.0);
    let gated = values(&build(PostProcessorOutput::GatedChange), &cells(x), 1.0);
    for i in 0..6 {
        assert!((added[i] - (x[i] + y[i])).abs() < 1e-6);
        let seen = (1.0 + 10.0 * x[i]).ln();
        assert!((gated[i] - (x[i] + seen * y[i])).abs() < 1e-5);
    }
}

/// For a small k the critic sees k y, for a large one something else.
#[test]
fn the_critic_sees_the_logarithm_that_is_asked_for() {
    let distance = |critic_log: f64, critic_factor: f64| {
        let mut model = model();
        model.scaling = Scaling { critic_log, critic_factor, ..model.scaling };
        let mut trainer = Trainer::new(recipe(model, training()), 5, &Device::Cpu).unwrap();
        let mut value = None;
        let mut source = Showers { batches: 2, read: Vec::new() };
        train::<Box<dyn std::error::Error>>(&mut trainer, &mut source, |_, event| {
            let Event::Step(losses) = event else { return Ok(Flow::GoOn) };
            value = losses.iter().find(|(name, _)| *name == "critic_distance").map(|(_, value)| *value);
            Ok(Flow::Stop)
        })
        .unwrap();
        value.unwrap()
    };
    let plain = distance(0.0, 1.0);
    let nearly = distance(1e-3, 1e3);
    assert!((nearly - plain).abs() < 0.01 * plain.abs(), "{nearly}, {plain}");
    let other = distance(1.0, 1.0);
    assert!((other - plain).abs() > 0.02 * plain.abs(), "{other}, {plain}");
}
