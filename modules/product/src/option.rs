//! Option axes: in what a product's variants differ.

use serde::{Deserialize, Serialize};

use crate::refusal::{Fault, Place, Refusal, line, twice};

/// Axes of a product at the most.
pub(crate) const MOST_AXES: usize = 3;
const LONGEST_NAME: usize = 100;
const MOST_VALUES: usize = 500;

/// An axis, such as Size with the values S, M and L.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Axis {
    /// What it is called.
    pub name: String,
    /// What can be chosen, in the order in which it is offered.
    pub values: Vec<String>,
}

/// What a variant says about its values.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Chosen {
    /// Nothing.
    #[default]
    Nothing,
    /// One value for each axis, in their order.
    Values(Vec<String>),
    /// Each value with the name of its axis.
    Named(Vec<(String, String)>),
}

/// Checks axes as they are handed in.
///
/// # Errors
/// Names or values are blank, too long, there twice or too many.
pub(crate) fn check(axes: &[Axis]) -> Result<(), Refusal> {
    if axes.len() > MOST_AXES {
        return Err(Fault::TooMany(MOST_AXES).at(Place::Field("options")));
    }
    let names: Vec<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
    if let Some(at) = twice(&names) {
        return Err(Fault::Twice.at(Place::Option(at, "name")));
    }
    for (index, axis) in axes.iter().enumerate() {
        line(&axis.name, LONGEST_NAME).map_err(|fault| fault.at(Place::Option(index, "name")))?;
        let values = Place::Option(index, "values");
        if axis.values.len() > MOST_VALUES {
            return Err(Fault::TooMany(MOST_VALUES).at(values));
        }
        if twice(&axis.values).is_some() {
            return Err(Fault::Twice.at(values));
        }
        axis.values
            .iter()
            .try_for_each(|value| line(value, LONGEST_NAME))
            .map_err(|fault| fault.at(values))?;
    }
    Ok(())
}

/// Every combination of the values, the last axis changing fastest. Without axes there is one, of no values.
///
/// # Errors
/// An axis has no values, or there are more than `most` combinations.
pub(crate) fn combinations(axes: &[Axis], most: usize) -> Result<Vec<Vec<String>>, Refusal> {
    let mut combinations = vec![Vec::new()];
    for (index, axis) in axes.iter().enumerate() {
        if axis.values.is_empty() {
            return Err(Fault::Empty.at(Place::Option(index, "values")));
        }
        if combinations.len() * axis.values.len() > most {
            return Err(Fault::TooMany(most).at(Place::Field("options")));
        }
        combinations = combinations
            .iter()
            .flat_map(|begun| {
                axis.values.iter().map(|value| begun.iter().chain([value]).cloned().collect::<Vec<_>>())
            })
            .collect();
    }
    Ok(combinations)
}

/// The axes a first variant speaks of when the product names none.
pub(crate) fn implied(chosen: &Chosen) -> Vec<Axis> {
    match chosen {
        Chosen::Named(pairs) => {
            pairs.iter().map(|(name, _)| Axis { name: name.clone(), values: Vec::new() }).collect()
        }
        Chosen::Nothing | Chosen::Values(_) => Vec::new(),
    }
}

/// The value of a variant on each axis, in the order of the axes.
///
/// # Errors
/// An axis is left out, or one is named that there is not.
pub(crate) fn resolve(axes: &[Axis], chosen: Chosen) -> Result<Vec<String>, Fault> {
    match chosen {
        Chosen::Nothing if axes.is_empty() => Ok(Vec::new()),
        Chosen::Values(values) if values.len() == axes.len() => Ok(values),
        Chosen::Nothing | Chosen::Values(_) => Err(Fault::MissingOption),
        Chosen::Named(mut pairs) => {
            let mut values = Vec::with_capacity(axes.len());
            for axis in axes {
                let at = pairs.iter().position(|(name, _)| *name == axis.name).ok_or(Fault::MissingOption)?;
                values.push(pairs.swap_remove(at).1);
            }
            if pairs.is_empty() { Ok(values) } else { Err(Fault::UnknownOption) }
        }
    }
}

/// Adds values that are not yet on their axes.
pub(crate) fn extend(axes: &mut [Axis], values: &[String]) {
    for (axis, value) in axes.iter_mut().zip(values) {
        if !axis.values.contains(value) {
            axis.values.push(value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(name: &str, values: &[&str]) -> Axis {
        Axis { name: name.into(), values: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    #[test]
    fn every_combination_is_made_once() {
        let axes = [axis("Colour", &["Blue", "Red"]), axis("Size", &["S", "M"])];
        let made = combinations(&axes, 100).unwrap();
        assert_eq!(made, [["Blue", "S"], ["Blue", "M"], ["Red", "S"], ["Red", "M"]]);
        assert_eq!(combinations(&[], 100).unwrap(), [Vec::<String>::new()]);
    }

    #[test]
    fn a_matrix_has_an_end() {
        let values: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let axes = vec![Axis { name: "A".into(), values }; 3];
        assert_eq!(combinations(&axes, 500).unwrap_err().fault, Fault::TooMany(500));
    }

    #[test]
    fn values_can_be_named_in_any_order() {
        let axes = [axis("Colour", &[]), axis("Size", &[])];
        let named = |pairs: &[(&str, &str)]| {
            Chosen::Named(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
        };
        assert_eq!(resolve(&axes, named(&[("Size", "M"), ("Colour", "Red")])).unwrap(), ["Red", "M"]);
        assert_eq!(resolve(&axes, named(&[("Size", "M")])), Err(Fault::MissingOption));
        let three = named(&[("Size", "M"), ("Colour", "Red"), ("Fit", "Slim")]);
        assert_eq!(resolve(&axes, three), Err(Fault::UnknownOption));
        assert_eq!(resolve(&axes, Chosen::Nothing), Err(Fault::MissingOption));
    }

    #[test]
    fn axes_are_checked_where_they_stand() {
        let refused = |axes: &[Axis]| check(axes).unwrap_err().place.to_string();
        assert_eq!(refused(&[axis("A", &[]), axis("A", &[])]), "/options/1/name");
        assert_eq!(refused(&[axis("A", &["x", "x"])]), "/options/0/values");
        assert_eq!(refused(&[axis(" ", &[])]), "/options/0/name");
        assert_eq!(refused(&["A", "B", "C", "D"].map(|name| axis(name, &[]))), "/options");
    }
}
