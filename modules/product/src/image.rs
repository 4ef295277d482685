//! Images of a product: addresses of pictures that somebody else keeps. The shop never fetches them.

use product_api::VariantId;
use serde::{Deserialize, Serialize};

use crate::refusal::{Fault, Place, Refusal, prose};

const MOST: usize = 250;
const LONGEST_URL: usize = 2048;
const LONGEST_ALT: usize = 1000;

/// An image. Its place in the product's list is its position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Image {
    /// Where it is.
    pub url: String,
    /// What it shows, for who cannot see it.
    pub alt: Option<String>,
    /// The variant it shows; all of them when absent.
    pub variant_id: Option<VariantId>,
}

/// Checks a product's images against its variants.
///
/// # Errors
/// There are too many, an address is none, or an image shows a variant of another product.
pub(crate) fn check(images: &[Image], variants: &[VariantId]) -> Result<(), Refusal> {
    if images.len() > MOST {
        return Err(Fault::TooMany(MOST).at(Place::Field("images")));
    }
    for (index, image) in images.iter().enumerate() {
        url(&image.url).map_err(|fault| fault.at(Place::Image(index, "url")))?;
        if let Some(alt) = &image.alt {
            prose(alt, LONGEST_ALT).map_err(|fault| fault.at(Place::Image(index, "alt")))?;
        }
        if image.variant_id.is_some_and(|id| !variants.contains(&id)) {
            return Err(Fault::UnknownVariant.at(Place::Image(index, "variantId")));
        }
    }
    Ok(())
}

/// Checks the address of an image.
///
/// # Errors
/// [`Fault::Url`]. Other schemes than http and https could run something in a browser that shows them.
pub(crate) fn url(url: &str) -> Result<(), Fault> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let clean =
        |rest: &str| !rest.is_empty() && !rest.chars().any(|letter| letter.is_control() || letter == ' ');
    if url.len() <= LONGEST_URL && rest.is_some_and(clean) { Ok(()) } else { Err(Fault::Url) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_addresses_are_images() {
        for bad in [
            "",
            "x.jpg",
            "javascript:alert(1)",
            "data:image/png;base64,",
            "https://",
            "https://a b",
            "ftp://a",
        ] {
            assert_eq!(url(bad), Err(Fault::Url), "{bad}");
        }
        assert_eq!(url("https://cdn.example/a_925x@2x.jpg"), Ok(()));
    }
}
