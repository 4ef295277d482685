//! How levels change: the one way, whoever asks.

use platform::{DbError, Tx};
use product_api::{StockBack, StockOut};

use super::{Level, LevelChange, at_the_edge, net, store};
use crate::catalogue::kept::Kept;

/// Changes levels, if every one of them allows it. `None` when one does not; then the transaction must be undone.
///
/// What is in memory about their products ends with the transaction, and who waits for a variant to run out or to
/// come back is told.
pub(crate) async fn apply(
    tx: &mut Tx,
    kept: &Kept,
    changes: &[LevelChange],
) -> Result<Option<Vec<Level>>, DbError> {
    let after = store::change(tx, changes).await?;
    if after.len() < changes.len() {
        return Ok(None);
    }
    kept.end_with(tx, after.iter().map(|level| level.product_id));
    tell(tx, changes, &after).await?;
    Ok(Some(after))
}

async fn tell(tx: &mut Tx, changes: &[LevelChange], after: &[Level]) -> Result<(), DbError> {
    let edge = at_the_edge(changes, after);
    if edge.is_empty() {
        return Ok(());
    }
    let net = net(changes);
    for (variant_id, available) in store::available(tx, &edge).await? {
        let change = net.get(&variant_id).copied().unwrap_or(0);
        if change < 0 && available == 0 {
            tx.publish(&StockOut { variant_id }).await?;
        }
        if change > 0 && available == change {
            tx.publish(&StockBack { variant_id, available }).await?;
        }
    }
    Ok(())
}
