//! How staff ask for imports.

use actix_web::web::Data;
use actix_web::{get, post};
use kernel::{Currency, Id, Moment};
use platform::http::{Answer, Caller, Command, LargeBody, PathId, Problem, RequiredKey, Routes};
use product_api::{ImportId, ImportKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service::{ImportError, Imports};
use super::{Counts, Import, ImportStatus, RowFault};

/// Bytes of a file that comes over HTTP at the most. Larger ones are for the command line, which reads them from disk.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

const PERMISSION: &str = "imports:write";

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(
        utoipa_actix_web::scope("/v1/admin/imports")
            .app_data(LargeBody { most: LARGEST_BODY, permission: PERMISSION })
            .service(create)
            .service(read)
            .service(confirm),
    );
}

/// A file of products.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportBody {
    /// The file's text: CSV in Shopify's product format.
    #[schema(example = "Handle,Title,Variant Price\nmug,Mug,9.99\n")]
    pub csv: String,
    /// The currency of its prices; the shop's own when absent.
    #[serde(default)]
    pub currency: Option<Currency>,
}

/// A file on its way into the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImportView {
    /// Its id.
    pub id: ImportId,
    /// Where it is in its life. Only one that is `previewed` can be confirmed.
    pub status: ImportStatus,
    /// The currency of its prices.
    pub currency: Currency,
    /// What was counted.
    pub counts: Counts,
    /// Products that are applied.
    pub applied: i64,
    /// What keeps it out; the first of them.
    pub errors: Vec<RowFault>,
    /// How many there are in all.
    pub error_count: u64,
    /// What is taken otherwise than it is written; the first of them.
    pub warnings: Vec<RowFault>,
    /// How many there are in all.
    pub warning_count: u64,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

impl From<Import> for ImportView {
    fn from(import: Import) -> Self {
        Self {
            id: import.id,
            status: import.status,
            currency: import.currency,
            counts: import.counts,
            applied: import.applied,
            errors: import.faults.errors,
            error_count: import.faults.error_count,
            warnings: import.faults.warnings,
            warning_count: import.faults.warning_count,
            created_at: import.created_at,
            updated_at: import.updated_at,
        }
    }
}

/// Read a file of products and say what it would do
#[utoipa::path(
    tag = "imports", params(RequiredKey), request_body = ImportBody, responses((status = 201, body = ImportView))
)]
#[post("")]
async fn create(imports: Data<Imports>, command: Command<ImportBody>) -> Result<Answer, Problem> {
    command.caller.require(PERMISSION)?;
    command.require_key()?;
    let service = imports.clone();
    let work = move |body: ImportBody, effect: platform::Effect| async move {
        let currency = body.currency.unwrap_or(service.currency());
        let file = std::io::Cursor::new(body.csv);
        let import = service.preview(Id::from_uuid(effect.id), file, currency, |_| {}).await?;
        Ok(Answer::created(format!("/v1/admin/imports/{}", import.id), &ImportView::from(import)))
    };
    imports.commands.run(command, work).await
}

/// An import
#[utoipa::path(tag = "imports", params(("id" = ImportId, Path)), responses((status = 200, body = ImportView)))]
#[get("/{id}")]
async fn read(
    imports: Data<Imports>,
    PathId(id): PathId<ImportKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    caller.require(PERMISSION)?;
    Ok(Answer::ok(&ImportView::from(imports.find(id).await?)))
}

/// Put the products of a previewed file into the catalogue
#[utoipa::path(
    tag = "imports", params(("id" = ImportId, Path), RequiredKey), responses((status = 200, body = ImportView))
)]
#[post("/{id}/confirm")]
async fn confirm(
    imports: Data<Imports>,
    PathId(id): PathId<ImportKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    command.caller.require(PERMISSION)?;
    command.require_key()?;
    let service = imports.clone();
    let work = move |(), _| async move {
        let import = service.confirm(id, |_| {}).await?;
        Ok(Answer::ok(&ImportView::from(import)))
    };
    imports.commands.run(command, work).await
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let detail = error.to_string();
        match error {
            ImportError::File(_) => Self::unprocessable("invalid_import", "The file cannot be read").field(
                "/csv",
                "invalid_file",
                detail,
            ),
            ImportError::Refused => Self::conflict("import_refused", detail),
            ImportError::NotReady => Self::conflict("import_not_ready", detail).retryable(true),
            ImportError::NotFound => Self::not_found("import"),
            ImportError::Db(error) => error.into(),
        }
    }
}
