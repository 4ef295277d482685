//! The words of `kernel`.

use kernel::{Address, Currency, Entity, Id, Moment, Money, MoneyError};

use super::line;

#[derive(Debug)]
struct Thing;

impl Entity for Thing {
    const PREFIX: &'static str = "thing";
}

/// An amount that is taken is written back as the same amount, and no currency is mistaken for another.
pub fn money(bytes: &[u8]) {
    let Some((code, text)) = line(bytes) else { return };
    let Ok(currency) = code.parse::<Currency>() else { return };
    assert_eq!(currency.code(), code);
    match Money::from_decimal(text, currency) {
        Ok(money) => {
            let written = money.to_string();
            let written = written.strip_suffix(code).map(str::trim_end).unwrap_or_default();
            assert_eq!(Money::from_decimal(written, currency), Ok(money), "{written}");
            let parts = money.allocate(&[3, 0, 5, 1]);
            assert_eq!(
                parts.iter().map(|part| i128::from(part.amount)).sum::<i128>(),
                i128::from(money.amount)
            );
        }
        Err(MoneyError::Malformed(_) | MoneyError::TooLarge) => {}
        Err(other) => panic!("{other}"),
    }
}

/// A moment that is taken is said back as the same moment.
pub fn moment(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(moment) = text.parse::<Moment>() {
        assert_eq!(moment.to_string().parse(), Ok(moment), "{text}");
    }
}

/// An id has one text.
pub fn id(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(id) = text.parse::<Id<Thing>>() {
        assert_eq!(id.to_string(), text);
    }
}

/// An address that is taken is within its limits and taken again as it is.
pub fn address(bytes: &[u8]) {
    let Ok(read) = serde_json::from_slice::<Address>(bytes) else { return };
    match read.check() {
        Ok(address) => {
            for text in [&address.name, &address.line1, &address.city, &address.country] {
                assert!((1..=200).contains(&text.chars().count()) && !text.contains(['\r', '\n', '\0']));
            }
            let digits =
                address.phone.iter().flat_map(|phone| phone.bytes()).filter(u8::is_ascii_digit).count();
            assert!(digits <= 15);
            assert_eq!(address.clone().check(), Ok(address));
        }
        Err(fault) => assert!(!fault.field.is_empty() && !fault.code.is_empty()),
    }
}
