//! The calorimeter as transport sees it: slabs along the depth, each of one material.

use calo_core::{Detector, Error};

use crate::magnetic_field::MagneticField;
use crate::material::Material;
use crate::particle::Particle;

/// Most different materials of a calorimeter: transport keeps one number for each.
pub(crate) const MAX_MATERIALS: usize = 16;

/// What is around the calorimeter, and how much of it counts.
const AIR: &str = "air";
/// A particle of 100 MeV/c turns round within this length in 3.5 T.
const AROUND_MM: f64 = 100.0;

/// Slabs of fewer radiation lengths scatter a hundred times less than what surrounds them: a gap of 1.5 mm of air has
/// 5e-6, 100 mm have 3e-4.
const VOID_X0: f64 = 5e-4;

/// One slab.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slab {
    pub(crate) from_mm: f64,
    pub(crate) to_mm: f64,
    /// Index into [`Geometry::materials`].
    pub(crate) material: u32,
    /// Layer it is read out as.
    pub(crate) layer: Option<u32>,
    /// Passive and so thin that electrons cross it as if it were empty, but for the field and some energy loss.
    pub(crate) is_void: bool,
}

/// Slabs front to back, and the plates' transverse extent.
#[derive(Debug, Clone)]
pub(crate) struct Geometry {
    /// The first and the last are air around the calorimeter.
    pub(crate) slabs: Vec<Slab>,
    /// Every material once.
    pub(crate) materials: Vec<Material>,
    /// Lower and upper edge of the plates along x and y, mm.
    pub(crate) x_mm: [f64; 2],
    pub(crate) y_mm: [f64; 2],
    pub(crate) magnetic_field: MagneticField,
}

impl Geometry {
    /// The slabs of `detector`. Neighbours of one material and one purpose become one slab.
    ///
    /// # Errors
    /// A material that is not known, or too many of them.
    pub(crate) fn new(detector: &Detector) -> calo_core::Result<Self> {
        let described = &detector.geometry;
        let mut materials: Vec<Material> = Vec::new();
        let mut slabs: Vec<Slab> = Vec::new();
        for placed in described.placed_slabs() {
            let known = materials.iter().position(|material| material.name == placed.material);
            let material = match known {
                Some(index) => index,
                None => {
                    materials.push(Material::named(placed.material)?);
                    materials.len() - 1
                }
            };
            let (material, layer) = (material as u32, placed.layer.map(|layer| layer as u32));
            match slabs.last_mut() {
                Some(last) if last.material == material && last.layer.is_none() && layer.is_none() => {
                    last.to_mm = placed.to_mm;
                }
                _ => slabs.push(Slab {
                    from_mm: placed.from_mm,
                    to_mm: placed.to_mm,
                    material,
                    layer,
                    is_void: false,
                }),
            }
        }
        // Air around: in a field, what leaves may come back.
        let air = materials.iter().position(|material| material.name == AIR);
        let air = match air {
            Some(index) => index,
            None => {
                materials.push(Material::named(AIR)?);
                materials.len() - 1
            }
        } as u32;
        if let (Some(first), Some(last)) = (slabs.first().copied(), slabs.last().copied()) {
            let around = |from_mm: f64, to_mm: f64| Slab {
                from_mm,
                to_mm,
                material: air,
                layer: None,
                is_void: false,
            };
            slabs.insert(0, around(first.from_mm - AROUND_MM, first.from_mm));
            slabs.push(around(last.to_mm, last.to_mm + AROUND_MM));
        }
        if materials.len() > MAX_MATERIALS {
            let expected = format!("at most {MAX_MATERIALS} different materials");
            return Err(Error::option("geometry.stack", format!("{} materials", materials.len()), expected));
        }
        for slab in &mut slabs {
            let depth_x0 =
                (slab.to_mm - slab.from_mm) / materials[slab.material as usize].radiation_length_mm();
            slab.is_void = slab.layer.is_none() && depth_x0 < VOID_X0;
        }
        let edges = |axis: usize| {
            let (centre, half) = (described.beam_mm[axis], 0.5 * described.plate_size_mm[axis]);
            [centre - half, centre + half]
        };
        Ok(Self {
            slabs,
            materials,
            x_mm: edges(0),
            y_mm: edges(1),
            magnetic_field: MagneticField::new(described.field_tesla),
        })
    }

    /// The slab that holds a particle.
    #[inline]
    pub(crate) fn slab(&self, particle: &Particle) -> &Slab {
        &self.slabs[particle.slab as usize]
    }

    /// Whether a particle is within the plates.
    #[inline]
    pub(crate) fn inside(&self, particle: &Particle) -> bool {
        let [x, _, y] = particle.position_mm;
        let ([x_low, x_high], [y_low, y_high]) = (self.x_mm, self.y_mm);
        x > x_low && x < x_high && y > y_low && y < y_high
    }

    /// Moves a particle at a face of its slab into the next one; false if there is none: the particle has escaped.
    #[inline]
    pub(crate) fn cross(&self, particle: &mut Particle) -> bool {
        if particle.direction[1] > 0.0 {
            particle.slab += 1;
            if particle.slab as usize == self.slabs.len() {
                return false;
            }
            particle.position_mm[1] = self.slab(particle).from_mm;
        } else {
            if particle.slab == 0 {
                return false;
            }
            particle.slab -= 1;
            particle.position_mm[1] = self.slab(particle).to_mm;
        }
        true
    }
}

impl Slab {
    /// Way to the face that lies ahead, mm; very far along the slab.
    #[inline]
    pub(crate) fn way_to_face_mm(&self, particle: &Particle) -> f64 {
        let cos_depth = particle.direction[1];
        // Without branches: no CPU can predict which way a particle flies.
        let face_mm = if cos_depth > 0.0 { self.to_mm } else { self.from_mm };
        let cos_depth = if cos_depth.abs() < 1e-12 { 1e-12_f64.copysign(cos_depth) } else { cos_depth };
        let way_mm = (face_mm - particle.position_mm[1]) / cos_depth;
        // Rounding may leave a particle a hair outside.
        if way_mm > 0.0 { way_mm } else { 0.0 }
    }

    /// Distance of a depth to the nearer face, mm.
    #[inline]
    pub(crate) fn clearance_mm(&self, depth_mm: f64) -> f64 {
        (depth_mm - self.from_mm).min(self.to_mm - depth_mm)
    }
}
