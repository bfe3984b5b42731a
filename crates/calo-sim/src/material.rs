//! Materials by name.
/// A material.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    pub(crate) name: String,
}
impl Material {
    /// By name.
    pub(crate) fn named(name: &str) -> calo_data::Result<Self> {
        Ok(Self { name: name.to_owned() })
    }
}
