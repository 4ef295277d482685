//! What goes on when whoever began it is gone.

use platform::jobs::{Job, JobError, Worker};
use product_api::ImportId;

use super::service::{ImportError, Imports};

/// Go on with an import.
pub(crate) const APPLY: &str = "import.apply";

/// Does the module's jobs.
pub(crate) struct Jobs {
    imports: Imports,
}

impl Jobs {
    /// A worker over these imports.
    pub(crate) fn new(imports: Imports) -> Self {
        Self { imports }
    }
}

#[kernel::macros::async_trait]
impl Worker for Jobs {
    async fn work(&self, job: &Job) -> Result<(), JobError> {
        match job.kind.as_str() {
            APPLY => {
                let id: ImportId = job.payload()?;
                match self.imports.resume(id, |_| {}).await {
                    Ok(_) | Err(ImportError::NotFound | ImportError::Refused | ImportError::NotReady) => {
                        Ok(())
                    }
                    Err(error) => Err(JobError(error.to_string())),
                }
            }
            unknown => Err(JobError(format!("nobody here does `{unknown}`"))),
        }
    }
}
