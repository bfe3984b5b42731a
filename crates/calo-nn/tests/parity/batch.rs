//! The batch-difference embedding inside a critic: no published network is built with it yet, so this one is made up.

use calo_nn::Result;
use calo_nn::autograd::backward;
use calo_nn::candle::Tensor;
use calo_nn::layers::Linear;
use calo_nn::losses::gradient_penalty;
use calo_nn::ops::{BatchDifference, batch_difference, leaky_relu, log_scaled};
use calo_nn::parameters::{Init, Path};

use crate::golden::{Golden, OUTPUT, check};
use crate::networks::{check_gradients, network};

const SLOPE: f64 = 0.01;
const CELLS: usize = 3 * 4 * 4;
const WIDTH: usize = 7;
const EMBEDDING: [usize; 3] = [6, 5, 3];

/// `ComparingCritic` of the script that makes the goldens.
struct Critic {
    features: Linear,
    deviation: [Tensor; 3],
    sum: [Tensor; 3],
    connected: [Linear; 2],
}

impl Critic {
    fn new(path: &Path<'_>) -> Result<Self> {
        let embedding = path.join("embedding");
        let weight = |name: &str, i: usize| {
            let inputs = if i == 0 { 1 } else { EMBEDDING[i - 1] };
            let path = embedding.join(format_args!("{name}{}", i + 1));
            path.parameter("weight", &[EMBEDDING[i], inputs, 1], Init::Conv)
        };
        let weights =
            |name: &str| Ok::<_, calo_nn::Error>([weight(name, 0)?, weight(name, 1)?, weight(name, 2)?]);
        Ok(Self {
            features: Linear::new(&path.join("features"), CELLS, WIDTH)?,
            deviation: weights("deviation")?,
            sum: weights("sum")?,
            connected: [
                Linear::new(&path.join("fc1"), WIDTH + 8 * EMBEDDING[2] + 1, WIDTH)?,
                Linear::new(&path.join("fc2"), WIDTH, 1)?,
            ],
        })
    }

    fn forward(&self, showers: &Tensor, energies: &Tensor) -> Result<Tensor> {
        let weights = BatchDifference { deviation: self.deviation.each_ref(), sum: self.sum.each_ref() };
        let features = leaky_relu(&self.features.forward(&showers.flatten_from(1)?)?, SLOPE)?;
        let differences = batch_difference(showers, &weights)?;
        let of_logarithms = batch_difference(&log_scaled(showers)?, &weights)?;
        let seen = Tensor::cat(&[&features, &differences, &of_logarithms, energies], 1)?;
        let [first, last] = &self.connected;
        last.forward(&leaky_relu(&first.forward(&seen)?, SLOPE)?)
    }
}

#[test]
fn batch_differences_in_a_critic() {
    let golden = Golden::own("batch_difference");
    let (critic, parameters) = network(&golden, "critic", Critic::new);
    let [x, y, energies] = ["x", "y", "e_inc_gev"].map(|name| golden.get(name));
    let real = critic.forward(&x, &energies).unwrap();
    let fake = critic.forward(&y, &energies).unwrap();
    check("score of real", &real, &golden.get("critic.real_score"), OUTPUT);
    check("score of fake", &fake, &golden.get("critic.fake_score"), OUTPUT);
    let objective = (fake - real.sqr().unwrap()).unwrap().mean_all().unwrap();
    check("objective", &objective, &golden.get("critic.objective"), OUTPUT);
    check_gradients(&golden, "critic", &parameters, &backward(&objective).unwrap());

    // The score of a shower depends on all of its batch: the penalty is on what they add up to.
    let score = |mixed: &Tensor| critic.forward(mixed, &energies);
    let penalty = gradient_penalty(score, &x, &y, &golden.get("alpha"), 1.0).unwrap();
    check("penalty", &penalty, &golden.get("penalty"), OUTPUT);
    check_gradients(&golden, "penalty", &parameters, &backward(&penalty).unwrap());
}
