//! Reads showers from a file.

use calo_core::{ShowerBatch, ShowerSource};
use calo_data::{ReadOptions, ShowerReader};

fn main() -> calo_core::Result<()> {
    let mut showers = ShowerReader::open("photons.hdf5".as_ref(), &ReadOptions::default())?;
    let mut batch = ShowerBatch::<f32>::empty(ShowerSource::<f32>::grid(&showers));
    while showers.next_batch(1000, &mut batch)? {
        println!("{} showers", batch.len());
    }
    Ok(())
}
