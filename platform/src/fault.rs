//! Fault points: places where a tool outside can make the process die, stop, wait or fail, to see what the shop makes of
//! it.
//!
//! `fault!("refund.reserved")` is a statement in an async function. Without the feature `faults` it is nothing: no code,
//! no name in the binary. With it every point is known at link time (`points`), each hit is counted, and
//! `CLEAVE_FAULTS` says what happens where, such as `refund.reserved=kill,group.before_commit=delay:50@3`.
//!
//! A place that can fail names its error as well: `fault!("listener.after_read", DbError::Busy)` returns it when it is
//! armed with `error`.

#[cfg(feature = "faults")]
mod plan;
#[cfg(feature = "faults")]
mod point;
#[cfg(feature = "faults")]
mod tally;

#[cfg(feature = "faults")]
pub use inventory;
#[cfg(feature = "faults")]
pub use plan::{PlanError, arm};
#[cfg(feature = "faults")]
pub use point::{Point, Refused, Registered, hit, points};

/// Nothing: this binary was built without the feature `faults`.
#[cfg(not(feature = "faults"))]
#[macro_export]
macro_rules! fault {
    // Two places with nothing in them would be alike to a lint.
    ($name:literal $(, $error:expr)?) => {{
        const _: &str = $name;
    }};
}

/// A place where the process can be made to die, stop or wait, and to fail with the error if one is named.
#[cfg(feature = "faults")]
#[macro_export]
macro_rules! fault {
    ($name:literal) => {{
        let _ = $crate::fault::hit($crate::fault!(@point $name, false)).await;
    }};
    ($name:literal, $error:expr) => {{
        if $crate::fault::hit($crate::fault!(@point $name, true)).await.is_err() {
            return Err(From::from($error));
        }
    }};
    (@point $name:literal, $can_fail:literal) => {{
        static POINT: $crate::fault::Point = $crate::fault::Point::new($name, module_path!(), $can_fail);
        $crate::fault::inventory::submit! { $crate::fault::Registered(&POINT) }
        &POINT
    }};
}
