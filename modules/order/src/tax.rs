//! Tax by where the parcel goes: one rate for a country, or for a region of it.

pub(crate) mod http;
pub(crate) mod service;
pub(crate) mod store;

use kernel::address::is_a_country;
use kernel::{Moment, ids};

ids! {
    /// A region with its tax rate.
    TaxRegionId = TaxRegionKind("taxr");
}

/// A region with its tax rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaxRegion {
    /// Its id.
    pub id: TaxRegionId,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// A part of the country, as addresses write it; the whole country when absent.
    pub region: Option<String>,
    /// The rate in hundredths of a percent: 1900 is 19 %.
    pub basis_points: i64,
    /// Since when.
    pub created_at: Moment,
}

/// Why it cannot be a tax region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TaxRefusal {
    /// Not a country code.
    #[error("a country is an ISO 3166-1 code such as DE or US")]
    InvalidCountry,
    /// A rate below 0 or above 100 %.
    #[error("a rate is 0 to 10000 hundredths of a percent")]
    InvalidRate,
    /// There is a rate for that region.
    #[error("that region has a rate")]
    Exists,
}

impl TaxRegion {
    /// A tax region, if it can be one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn new(
        id: TaxRegionId,
        country: String,
        region: Option<String>,
        basis_points: i64,
        created_at: Moment,
    ) -> Result<Self, TaxRefusal> {
        if !is_a_country(&country) {
            return Err(TaxRefusal::InvalidCountry);
        }
        if !(0..=10_000).contains(&basis_points) {
            return Err(TaxRefusal::InvalidRate);
        }
        Ok(Self { id, country, region, basis_points, created_at })
    }
}

/// The rate for an address: the region's own before the country's; no tax where no rate is set.
pub(crate) fn rate(regions: &[TaxRegion], country: &str, region: Option<&str>) -> i64 {
    let of = |wanted: Option<&str>| {
        regions
            .iter()
            .find(|tax| tax.country == country && tax.region.as_deref() == wanted)
            .map(|tax| tax.basis_points)
    };
    region.and_then(|region| of(Some(region))).or_else(|| of(None)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tax(region: Option<&str>, basis_points: i64) -> TaxRegion {
        let id = kernel::Id::from_uuid(uuid::Uuid::nil());
        let region = region.map(str::to_owned);
        TaxRegion::new(id, "US".into(), region, basis_points, Moment::from_micros(0)).unwrap()
    }

    #[test]
    fn the_region_decides_before_the_country() {
        let regions = [tax(None, 0), tax(Some("CA"), 725)];
        assert_eq!(rate(&regions, "US", Some("CA")), 725);
        assert_eq!(rate(&regions, "US", Some("OR")), 0);
        assert_eq!(rate(&regions, "DE", None), 0);
    }

    #[test]
    fn a_rate_is_between_nothing_and_everything() {
        let new = |points| {
            TaxRegion::new(
                kernel::Id::from_uuid(uuid::Uuid::nil()),
                "US".into(),
                None,
                points,
                Moment::from_micros(0),
            )
        };
        assert_eq!(new(10_001), Err(TaxRefusal::InvalidRate));
        assert_eq!(new(-1), Err(TaxRefusal::InvalidRate));
    }
}
