use kernel::Clock;

use super::*;

const PREFIX: &str = "spiffe://cleave/shop/module/";
const DAY: Duration = Duration::from_hours(24);

fn now() -> Moment {
    Clock::system().now()
}

fn wanted(uri: &str, hosts: &[&str]) -> Wanted {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    Wanted { uris: vec![uri.to_owned()], hosts, from: now(), lasts: DAY }
}

fn issue(authority: &Authority, ca: &str, wanted: &Wanted) -> Pems {
    let Issued { certificate, key } = authority.issue(wanted).unwrap();
    Pems { ca: ca.to_owned(), certificate, key }
}

/// What is wrong with these.
fn amiss(pems: &Pems) -> TlsError {
    Tls::new(pems, PREFIX, now()).unwrap_err()
}

#[test]
fn what_cannot_work_is_refused_with_what_to_do() {
    let (authority, kept) = Authority::found(&Clock::system()).unwrap();
    let ours = wanted("spiffe://cleave/shop/module/order", &["order"]);
    let good = issue(&authority, &kept.certificate, &ours);
    assert!(Tls::new(&good, PREFIX, now()).unwrap().names().contains("order"));

    let empty = String::from("nothing");
    assert_eq!(amiss(&Pems { ca: empty.clone(), ..good.clone() }).part(), Part::Ca);
    let no_certificate = amiss(&Pems { certificate: empty.clone(), ..good.clone() });
    assert_eq!(no_certificate, TlsError::NoCertificate(Part::Certificate));
    assert_eq!(amiss(&Pems { key: empty, ..good.clone() }), TlsError::NoKey);

    let other = issue(&authority, &kept.certificate, &ours);
    assert_eq!(amiss(&Pems { key: other.key, ..good.clone() }), TlsError::OtherKey);
    let (_, stranger) = Authority::found(&Clock::system()).unwrap();
    assert_eq!(amiss(&Pems { ca: stranger.certificate, ..good.clone() }), TlsError::OtherAuthority);

    assert_eq!(Tls::new(&good, PREFIX, now().plus(DAY * 2)).unwrap_err(), TlsError::Expired);
    assert_eq!(Tls::new(&good, PREFIX, now().minus(DAY)).unwrap_err(), TlsError::NotYetValid);
    let elsewhere = wanted("spiffe://cleave/other/module/order", &[]);
    let elsewhere = amiss(&issue(&authority, &kept.certificate, &elsewhere));
    assert!(matches!(elsewhere, TlsError::OtherShop(_)), "{elsewhere}");
    let deeper = wanted("spiffe://cleave/shop/module/order/admin", &[]);
    assert!(matches!(amiss(&issue(&authority, &kept.certificate, &deeper)), TlsError::OtherShop(_)));
}

#[test]
fn a_certificate_covers_the_names_in_it() {
    let (authority, kept) = Authority::found(&Clock::system()).unwrap();
    let hosts = ["*.shop.example", "order.shop.example", "10.0.0.7", "::1"];
    let wanted = wanted("spiffe://cleave/shop/module/order", &hosts);
    let tls = Tls::new(&issue(&authority, &kept.certificate, &wanted), PREFIX, now()).unwrap();
    for covered in ["order.shop.example", "any.shop.example", "10.0.0.7", "[::1]"] {
        assert!(tls.covers(covered), "{covered}");
    }
    for strange in ["shop.example", "payment", "10.0.0.8", ""] {
        assert!(!tls.covers(strange), "{strange}");
    }
    assert_eq!(tls.host().as_deref(), Some("order.shop.example"));
}

#[test]
fn an_authority_goes_on_from_its_key() {
    let (authority, kept) = Authority::found(&Clock::system()).unwrap();
    let again = Authority::with_key(&kept.key).unwrap();
    let order = wanted("spiffe://cleave/shop/module/order", &[]);
    let (before, after) =
        (issue(&authority, &kept.certificate, &order), issue(&again, &kept.certificate, &order));
    let (before, after) =
        (Tls::new(&before, PREFIX, now()).unwrap(), Tls::new(&after, PREFIX, now()).unwrap());
    assert_eq!(before.believes(&after, now()), Ok(()));

    let (stranger, kept) = Authority::found(&Clock::system()).unwrap();
    let stranger = Tls::new(&issue(&stranger, &kept.certificate, &order), PREFIX, now()).unwrap();
    assert_eq!(before.believes(&stranger, now()), Err(TlsError::OtherAuthority));
}
