//! The fault points around the provider, which are other ones for each kind of movement.

use platform::{DbError, fault};

use super::MovementKind;

/// The amount is set aside and the provider not yet asked.
pub(super) async fn before_call(kind: MovementKind) {
    match kind {
        MovementKind::Capture => fault!("capture.before_call"),
        MovementKind::Void => fault!("compensate.void.before_call"),
        MovementKind::Refund => fault!("refund.reserved"),
    }
}

/// The provider has answered and nobody has written that down.
pub(super) async fn after_call(kind: MovementKind) -> Result<(), DbError> {
    match kind {
        MovementKind::Capture => fault!("capture.after_psp_before_db", DbError::Busy),
        MovementKind::Void => fault!("compensate.void.after_psp_before_db", DbError::Busy),
        MovementKind::Refund => fault!("refund.after_psp_before_db", DbError::Busy),
    }
    Ok(())
}

/// The answer is stored with all that follows from it.
pub(super) async fn after_commit(kind: MovementKind) {
    match kind {
        MovementKind::Capture => fault!("capture.after_db"),
        MovementKind::Void => fault!("compensate.void.after_db"),
        MovementKind::Refund => fault!("refund.finalised"),
    }
}
