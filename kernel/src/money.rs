//! Exact money: whole minor units and a currency. There is no float anywhere near it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An ISO 4217 currency that a shop can sell in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// Active ISO 4217 codes (list one, as published 2026-01-01) with an exponent other than 2.
const ZERO_DECIMALS: [&[u8; 3]; 15] = [
    b"BIF", b"CLP", b"DJF", b"GNF", b"ISK", b"JPY", b"KMF", b"KRW", b"PYG", b"RWF", b"UGX", b"VND", b"VUV",
    b"XAF", b"XOF",
];
const THREE_DECIMALS: [&[u8; 3]; 7] = [b"BHD", b"IQD", b"JOD", b"KWD", b"LYD", b"OMR", b"TND"];
/// Active ISO 4217 codes with an exponent of 2, funds and test codes left out.
const TWO_DECIMALS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD \
    CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL \
    HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR \
    MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD \
    SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER \
    ZAR ZMW ZWG";

/// Why an amount cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an active ISO 4217 code in capitals.
    #[error("expected an ISO 4217 currency code such as EUR, USD or JPY")]
    UnknownCurrency,
    /// Two currencies in one sum.
    #[error("amounts in {0} and {1} cannot be combined")]
    CurrencyMismatch(Currency, Currency),
    /// The result is larger than a shop can mean.
    #[error("the amount is too large")]
    TooLarge,
    /// The text is not a decimal number with at most the currency's number of decimals.
    #[error("expected a decimal number with at most {0} decimals")]
    Malformed(u32),
}

impl Currency {
    /// Decimals between the minor and the major unit: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn exponent(self) -> u32 {
        if ZERO_DECIMALS.contains(&&self.0) {
            0
        } else if THREE_DECIMALS.contains(&&self.0) {
            3
        } else {
            2
        }
    }

    /// The code: `EUR`.
    pub fn code(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| MoneyError::UnknownCurrency)?;
        let known = ZERO_DECIMALS.contains(&&code)
            || THREE_DECIMALS.contains(&&code)
            || TWO_DECIMALS.as_bytes().chunks(4).any(|two| two.starts_with(&code));
        if known { Ok(Self(code)) } else { Err(MoneyError::UnknownCurrency) }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Currency {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .pattern(Some("^[A-Z]{3}$"))
            .description(Some("ISO 4217 code"))
            .examples([serde_json::json!("USD")])
            .into()
    }
}

impl utoipa::ToSchema for Currency {}

/// An amount of money in minor units: `Money { amount: 1999, currency: USD }` is 19.99 US dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units; negative where money goes back.
    pub amount: i64,
    /// The currency.
    pub currency: Currency,
}

impl Money {
    /// This many minor units.
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Nothing, in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { amount: 0, currency }
    }

    /// The sum of both.
    ///
    /// # Errors
    /// The currencies differ, or the sum does not fit.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount
            .checked_add(other.amount)
            .map(|amount| Self { amount, ..self })
            .ok_or(MoneyError::TooLarge)
    }

    /// This less the other; may be negative.
    ///
    /// # Errors
    /// The currencies differ, or the difference does not fit.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount
            .checked_sub(other.amount)
            .map(|amount| Self { amount, ..self })
            .ok_or(MoneyError::TooLarge)
    }

    /// This many times the amount.
    ///
    /// # Errors
    /// The product does not fit.
    pub fn times(self, quantity: i64) -> Result<Self, MoneyError> {
        self.amount.checked_mul(quantity).map(|amount| Self { amount, ..self }).ok_or(MoneyError::TooLarge)
    }

    /// The share of `basis_points` ten-thousandths, half a minor unit rounded away from zero.
    ///
    /// # Errors
    /// The result does not fit.
    pub fn share(self, basis_points: i64) -> Result<Self, MoneyError> {
        let exact = i128::from(self.amount) * i128::from(basis_points);
        let rounded = (exact.abs() + 5_000) / 10_000 * exact.signum();
        i64::try_from(rounded).map(|amount| Self { amount, ..self }).map_err(|_| MoneyError::TooLarge)
    }

    /// Splits the amount in proportion to `weights`, by largest remainder: the parts always add up to the whole.
    /// Without any positive weight the first part is the whole.
    pub fn allocate(self, weights: &[u64]) -> Vec<Self> {
        let total: u128 = weights.iter().map(|w| u128::from(*w)).sum();
        let whole = u128::from(self.amount.unsigned_abs());
        let mut parts: Vec<u128> =
            weights.iter().map(|w| (whole * u128::from(*w)).checked_div(total).unwrap_or(0)).collect();
        let mut rest = whole - parts.iter().sum::<u128>();
        let mut order: Vec<usize> = (0..weights.len()).collect();
        if total > 0 {
            order.sort_by_key(|i| std::cmp::Reverse((whole * u128::from(weights[*i])) % total));
        }
        if total == 0 && !parts.is_empty() {
            parts[0] = whole;
            rest = 0;
        }
        for index in order {
            if rest == 0 {
                break;
            }
            parts[index] += 1;
            rest -= 1;
        }
        let sign = self.amount.signum();
        parts.into_iter().map(|part| Self { amount: part as i64 * sign, ..self }).collect()
    }

    /// Reads a decimal in major units, as people and spreadsheets write it: `"19.99"` in USD is 1999.
    ///
    /// # Errors
    /// Not a plain decimal number, more decimals than the currency has, or too large.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let exponent = currency.exponent();
        let malformed = MoneyError::Malformed(exponent);
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let fraction = fraction.trim_end_matches('0');
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > exponent as usize {
            return Err(malformed);
        }
        let minor = format!("{whole}{fraction:0<width$}", width = exponent as usize);
        let amount: i64 = minor.parse().map_err(|_| MoneyError::TooLarge)?;
        Ok(Self { amount: if negative { -amount } else { amount }, currency })
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exponent = self.currency.exponent();
        let unit = 10_u64.pow(exponent);
        let amount = self.amount.unsigned_abs();
        let sign = if self.amount < 0 { "-" } else { "" };
        if exponent == 0 {
            return write!(f, "{sign}{amount} {}", self.currency);
        }
        write!(
            f,
            "{sign}{}.{:0width$} {}",
            amount / unit,
            amount % unit,
            self.currency,
            width = exponent as usize
        )
    }
}

#[cfg(feature = "sql")]
mod sql {
    use super::Currency;
    use sqlx::{Database, Decode, Encode, Type, encode::IsNull, error::BoxDynError};

    impl<DB: Database> Type<DB> for Currency
    where
        String: Type<DB>,
    {
        fn type_info() -> DB::TypeInfo {
            String::type_info()
        }
        fn compatible(ty: &DB::TypeInfo) -> bool {
            String::compatible(ty)
        }
    }

    impl<'q, DB: Database> Encode<'q, DB> for Currency
    where
        String: Encode<'q, DB>,
    {
        fn encode_by_ref(&self, buf: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
            self.code().to_owned().encode(buf)
        }
    }

    impl<'r, DB: Database> Decode<'r, DB> for Currency
    where
        String: Decode<'r, DB>,
    {
        fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
            Ok(String::decode(value)?.parse()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    proptest! {
        #[test]
        fn a_split_never_creates_or_loses_a_minor_unit(
            amount in -1_000_000_000_000_i64..1_000_000_000_000,
            weights in proptest::collection::vec(0_u64..1_000_000, 1..20),
        ) {
            let parts = Money::new(amount, currency("KWD")).allocate(&weights);
            prop_assert_eq!(parts.len(), weights.len());
            prop_assert_eq!(parts.iter().map(|p| p.amount).sum::<i64>(), amount);
        }

        #[test]
        fn no_part_is_more_than_one_unit_from_its_exact_share(
            amount in 0_i64..1_000_000_000,
            weights in proptest::collection::vec(1_u64..1000, 1..12),
        ) {
            let total: u64 = weights.iter().sum();
            for (part, weight) in Money::new(amount, currency("USD")).allocate(&weights).iter().zip(&weights) {
                let difference = i128::from(part.amount) * i128::from(total) - i128::from(amount) * i128::from(*weight);
                prop_assert!(difference.abs() < i128::from(total));
            }
        }

        #[test]
        fn decimals_survive(amount in -10_000_000_i64..10_000_000, code in prop::sample::select(vec!["USD", "JPY", "KWD"])) {
            let money = Money::new(amount, currency(code));
            let text = money.to_string();
            prop_assert_eq!(Money::from_decimal(text.strip_suffix(&format!(" {code}")).unwrap(), currency(code)), Ok(money));
        }
    }

    #[test]
    fn currencies_that_are_none_are_refused() {
        for code in ["eur", "XXX", "EURO", "€", "DEM", "", "US"] {
            assert_eq!(code.parse::<Currency>(), Err(MoneyError::UnknownCurrency), "{code}");
        }
        assert_eq!(
            [currency("JPY").exponent(), currency("EUR").exponent(), currency("TND").exponent()],
            [0, 2, 3]
        );
    }

    #[test]
    fn a_share_is_rounded_half_away_from_zero() {
        let share = |amount, points| Money::new(amount, currency("USD")).share(points).unwrap().amount;
        assert_eq!([share(1000, 1900), share(1, 5000), share(-1, 5000), share(99, 725)], [190, 1, -1, 7]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let money = Money::new(i64::MAX, currency("USD"));
        assert_eq!(money.plus(Money::new(1, currency("USD"))), Err(MoneyError::TooLarge));
        assert_eq!(money.times(2), Err(MoneyError::TooLarge));
        assert!(matches!(money.plus(Money::zero(currency("EUR"))), Err(MoneyError::CurrencyMismatch(..))));
    }

    #[test]
    fn decimals_that_are_no_amount_are_refused() {
        for (text, code) in
            [("1.5", "JPY"), ("1.999", "USD"), ("", "USD"), (".5", "USD"), ("1e3", "USD"), ("1,50", "USD")]
        {
            assert!(Money::from_decimal(text, currency(code)).is_err(), "{text} {code}");
        }
        assert_eq!(Money::from_decimal("9.990", currency("USD")).unwrap().amount, 999);
    }
}
