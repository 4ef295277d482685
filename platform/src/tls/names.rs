//! What a certificate says its holder runs.

use std::collections::BTreeSet;
use std::fmt;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Who passes requests on and puts answers together: every process of a shop, whatever it runs.
pub const GATEWAY: &str = "gateway";
/// Who reads the logs of others: likewise every process.
pub const READER: &str = "events";
/// Who changes what a process does while it runs.
pub const OPERATOR: &str = "operator";

/// The modules that a certificate names, and perhaps `gateway` or `operator`: each the end of a URI that begins with
/// the words of this shop, such as `spiffe://cleave/shop/module/order`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// What it names of this shop; nothing when it is of another.
    pub(super) fn of(certificate: &CertificateDer<'_>, prefix: &str) -> Self {
        let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Self(BTreeSet::new()) };
        let names = certificate.valid_uri_names().filter_map(|uri| uri.strip_prefix(prefix));
        Self(names.filter(|name| !name.is_empty() && !name.contains('/')).map(str::to_owned).collect())
    }

    /// Whether its holder is of this shop at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it names this one.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether its holder may call under this name a process that has those names.
    ///
    /// Who holds all the names of a process may operate it: with them it could be started anew under other settings.
    pub(crate) fn may_call_as(&self, caller: &str, asked: &Self) -> bool {
        match caller {
            GATEWAY | READER => !self.is_empty(),
            OPERATOR => self.contains(OPERATOR) || asked.0.is_subset(&self.0),
            module => self.contains(module),
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Names {
        Names(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn a_module_is_called_only_by_whom_a_certificate_names() {
        let (payment, order) = (names(&["payment"]), names(&["order", "user"]));
        assert!(order.may_call_as("order", &payment));
        assert!(!payment.may_call_as("order", &payment));
        for everybody in [GATEWAY, READER] {
            assert!(payment.may_call_as(everybody, &order));
            assert!(!names(&[]).may_call_as(everybody, &order));
        }
    }

    #[test]
    fn a_process_is_operated_with_all_its_names_or_by_an_operator() {
        let shop = names(&["order", "user"]);
        assert!(shop.may_call_as(OPERATOR, &shop));
        assert!(names(&["order", "payment", "user"]).may_call_as(OPERATOR, &shop));
        assert!(names(&["operator"]).may_call_as(OPERATOR, &shop));
        assert!(!names(&["order"]).may_call_as(OPERATOR, &shop));
        assert!(!names(&["gateway"]).may_call_as(OPERATOR, &shop));
    }
}
