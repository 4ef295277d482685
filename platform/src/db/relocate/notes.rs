//! Triggers for the time of a move: the tables note what changes, and refuse changes once they were left.

use super::RelocateError;
use super::schema::Table;
use super::side::{Dialect, Side};

/// From now on every change of these tables is noted, with the keys it touched.
pub(super) async fn note(source: &mut Side<'_>, tables: &[Table]) -> Result<(), RelocateError> {
    for table in tables {
        let name = &table.name;
        let key = |of| table.key_in_trigger(source.dialect(), of);
        let (new, old) = (key("NEW"), key("OLD"));
        let note = |key: &str, only: &str| {
            format!("INSERT INTO moving_changes (name, key) SELECT '{name}', {key}{only};")
        };
        let both = format!("{} {}", note(&old, ""), note(&new, &format!(" WHERE {new} <> {old}")));
        if source.dialect() == Dialect::Sqlite {
            for (operation, notes) in
                [("INSERT", note(&new, "")), ("UPDATE", both), ("DELETE", note(&old, ""))]
            {
                let trigger = format!("moving_note_{name}_{operation}");
                let on = format!("AFTER {operation} ON \"{name}\"");
                source.run(format!("CREATE TRIGGER \"{trigger}\" {on} BEGIN {notes} END"), &[]).await?;
            }
            continue;
        }
        let function = format!(
            "CREATE FUNCTION \"moving_note_{name}\"() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
                 IF TG_OP = 'INSERT' THEN {} END IF;
                 IF TG_OP = 'UPDATE' THEN {both} END IF;
                 IF TG_OP = 'DELETE' THEN {} END IF;
                 RETURN NULL;
             END $$",
            note(&new, ""),
            note(&old, "")
        );
        source.run(function, &[]).await?;
        source
            .run(
                format!(
                    "CREATE TRIGGER moving_note AFTER INSERT OR UPDATE OR DELETE ON \"{name}\"
                     FOR EACH ROW EXECUTE FUNCTION \"moving_note_{name}\"()"
                ),
                &[],
            )
            .await?;
    }
    Ok(())
}

/// Changes are no longer noted.
pub(super) async fn note_no_more(source: &mut Side<'_>) -> Result<(), RelocateError> {
    let drops = match source.dialect() {
        Dialect::Sqlite => {
            "SELECT 'DROP TRIGGER \"' || name || '\"' FROM sqlite_schema
             WHERE type = 'trigger' AND name LIKE 'moving\\_note\\_%' ESCAPE '\\'"
        }
        Dialect::Postgres => {
            "SELECT format('DROP FUNCTION %I() CASCADE', proname) FROM pg_proc
             WHERE pronamespace = current_schema()::REGNAMESPACE AND proname LIKE 'moving\\_note\\_%'"
        }
    };
    for drop in source.texts(drops, &[]).await? {
        source.run(drop, &[]).await?;
    }
    source.run("DELETE FROM moving_changes", &[]).await?;
    Ok(())
}

/// From now on every change of these tables is refused: what writes here has not heard of the move.
pub(super) async fn refuse(source: &mut Side<'_>, tables: &[Table]) -> Result<(), RelocateError> {
    const SAYS: &str = "these tables were moved to another database";
    let postgres = source.dialect() == Dialect::Postgres;
    if postgres {
        let function = format!(
            "CREATE FUNCTION moving_left() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION '{SAYS}';
             END $$"
        );
        source.run(function, &[]).await?;
    }
    for Table { name, .. } in tables {
        if postgres {
            let trigger = format!(
                "CREATE TRIGGER moving_left BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON \"{name}\"
                 FOR EACH STATEMENT EXECUTE FUNCTION moving_left()"
            );
            source.run(trigger, &[]).await?;
            continue;
        }
        for operation in ["INSERT", "UPDATE", "DELETE"] {
            let trigger = format!(
                "CREATE TRIGGER \"moving_left_{name}_{operation}\" BEFORE {operation} ON \"{name}\"
                 BEGIN SELECT RAISE(ABORT, '{SAYS}'); END"
            );
            source.run(trigger, &[]).await?;
        }
    }
    Ok(())
}
