//! Asks for the bandwidth of a density.

use calo_latent::Scaling;

fn main() {
    println!("{:?} {}", Scaling::default(), calo_latent::scott(1000, 25));
}
