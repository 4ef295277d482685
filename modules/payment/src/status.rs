//! A status: a closed set of words, the same in the database, in the API and in the code.
//!
//! The words are `tt` and not `literal`, which the description of the API would not see through: it named the variants.

/// Declares one.
macro_rules! status {
    ($(#[$doc:meta])* $Status:ident { $( $(#[$variant_doc:meta])* $Variant:ident = $text:tt, )+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub(crate) enum $Status { $( $(#[$variant_doc])* #[serde(rename = $text)] $Variant, )+ }

        impl $Status {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$( Self::$Variant ),+];

            /// As it is stored and shown.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $( Self::$Variant => $text, )+ }
            }
        }

        impl TryFrom<String> for $Status {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let known = Self::ALL.iter().copied().find(|status| status.as_str() == text);
                known.ok_or_else(|| format!("`{text}` is none of {:?}", Self::ALL))
            }
        }
    };
}

pub(crate) use status;
