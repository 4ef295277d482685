//! How customers ask for their address book.

use actix_web::web::Data;
use actix_web::{delete, get, patch, post};
use kernel::{Address, Id, Moment};
use platform::http::{Answer, Caller, Command, PageView, PathId, Problem, Routes};
use serde::{Deserialize, Serialize};
use user_api::{AccountId, AddressId, AddressKind};
use utoipa::ToSchema;

use super::service::{AddressError, Addresses};
use super::{AddressChange, Defaults, Entry};

/// The routes.
pub(crate) fn routes(app: &mut Routes<'_>) {
    app.service(list).service(create).service(read).service(update).service(remove);
}

/// A new address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddressBody {
    /// The person or company.
    #[schema(example = "Ada Lovelace")]
    pub name: String,
    /// Street and number.
    #[schema(example = "1 Main Street")]
    pub line1: String,
    /// Whatever else the street line needs.
    pub line2: Option<String>,
    /// Town.
    #[schema(example = "London")]
    pub city: String,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code, where there are any.
    #[schema(example = "N1 9GU")]
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(example = "GB")]
    pub country: String,
    /// Telephone.
    pub phone: Option<String>,
    /// Whether parcels go there unless another is chosen. The first address is both defaults in any case.
    #[serde(default)]
    pub default_shipping: bool,
    /// Whether invoices go there unless another is chosen.
    #[serde(default)]
    pub default_billing: bool,
}

/// What changes on an address. Absent keeps, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AddressPatchBody {
    /// The person or company.
    pub name: Option<String>,
    /// Street and number.
    pub line1: Option<String>,
    /// Whatever else the street line needs.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub line2: Option<Option<String>>,
    /// Town.
    pub city: Option<String>,
    /// State, province or county.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub region: Option<Option<String>>,
    /// Postal code.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub postal_code: Option<Option<String>>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Telephone.
    #[serde(default, deserialize_with = "platform::http::patch")]
    #[schema(value_type = Option<String>)]
    pub phone: Option<Option<String>>,
    /// `true` makes it the default for parcels in place of another.
    pub default_shipping: Option<bool>,
    /// `true` makes it the default for invoices in place of another.
    pub default_billing: Option<bool>,
}

/// An address.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressView {
    /// Its id.
    pub id: AddressId,
    /// The person or company.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// Whatever else the street line needs.
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State, province or county.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Telephone.
    pub phone: Option<String>,
    /// Whether parcels go there unless another is chosen.
    pub default_shipping: bool,
    /// Whether invoices go there unless another is chosen.
    pub default_billing: bool,
    /// Since when.
    pub created_at: Moment,
    /// Changed last.
    pub updated_at: Moment,
}

impl AddressBody {
    fn parts(self) -> (Address, Defaults) {
        let address = Address {
            name: self.name,
            line1: self.line1,
            line2: self.line2,
            city: self.city,
            region: self.region,
            postal_code: self.postal_code,
            country: self.country,
            phone: self.phone,
        };
        (address, Defaults { shipping: Some(self.default_shipping), billing: Some(self.default_billing) })
    }
}

impl AddressPatchBody {
    fn parts(self) -> (AddressChange, Defaults) {
        let change = AddressChange {
            name: self.name,
            line1: self.line1,
            line2: self.line2,
            city: self.city,
            region: self.region,
            postal_code: self.postal_code,
            country: self.country,
            phone: self.phone,
        };
        (change, Defaults { shipping: self.default_shipping, billing: self.default_billing })
    }
}

impl From<Entry> for AddressView {
    fn from(entry: Entry) -> Self {
        let address = entry.address;
        Self {
            id: entry.id,
            name: address.name,
            line1: address.line1,
            line2: address.line2,
            city: address.city,
            region: address.region,
            postal_code: address.postal_code,
            country: address.country,
            phone: address.phone,
            default_shipping: entry.default_shipping,
            default_billing: entry.default_billing,
            created_at: entry.created_at,
            updated_at: entry.updated_at,
        }
    }
}

/// One's own addresses, oldest first
#[utoipa::path(tag = "addresses", responses((status = 200, body = PageView<AddressView>)))]
#[get("/v1/addresses")]
async fn list(addresses: Data<Addresses>, caller: Caller) -> Result<Answer, Problem> {
    let page = addresses.list(owner(&caller)?).await?.map(AddressView::from);
    Ok(Answer::ok(&PageView::new("addresses", page, |last| last.id)?))
}

/// Add an address
#[utoipa::path(tag = "addresses", request_body = AddressBody, responses((status = 201, body = AddressView)))]
#[post("/v1/addresses")]
async fn create(addresses: Data<Addresses>, command: Command<AddressBody>) -> Result<Answer, Problem> {
    let (service, owner) = (addresses.clone(), owner(&command.caller)?);
    let work = move |body: AddressBody, effect: platform::Effect| async move {
        let (id, (address, defaults)) = (Id::from_uuid(effect.id), body.parts());
        let entry = service.add(owner, id, address, defaults).await?;
        Ok(Answer::created(format!("/v1/addresses/{id}"), &AddressView::from(entry)))
    };
    addresses.commands.run(command, work).await
}

/// One of one's own addresses
#[utoipa::path(tag = "addresses", params(("id" = AddressId, Path)), responses((status = 200, body = AddressView)))]
#[get("/v1/addresses/{id}")]
async fn read(
    addresses: Data<Addresses>,
    PathId(id): PathId<AddressKind>,
    caller: Caller,
) -> Result<Answer, Problem> {
    let entry = addresses.find(owner(&caller)?, id).await?;
    Ok(Answer::ok(&AddressView::from(entry)))
}

/// Change an address
#[utoipa::path(
    tag = "addresses", params(("id" = AddressId, Path)), request_body = AddressPatchBody,
    responses((status = 200, body = AddressView))
)]
#[patch("/v1/addresses/{id}")]
async fn update(
    addresses: Data<Addresses>,
    PathId(id): PathId<AddressKind>,
    command: Command<AddressPatchBody>,
) -> Result<Answer, Problem> {
    let (service, owner) = (addresses.clone(), owner(&command.caller)?);
    let work = move |body: AddressPatchBody, _| async move {
        let (change, defaults) = body.parts();
        let entry = service.update(owner, id, change, defaults).await?;
        Ok(Answer::ok(&AddressView::from(entry)))
    };
    addresses.commands.run(command, work).await
}

/// Take an address away
#[utoipa::path(tag = "addresses", params(("id" = AddressId, Path)), responses((status = 204)))]
#[delete("/v1/addresses/{id}")]
async fn remove(
    addresses: Data<Addresses>,
    PathId(id): PathId<AddressKind>,
    command: Command<()>,
) -> Result<Answer, Problem> {
    let (service, owner) = (addresses.clone(), owner(&command.caller)?);
    let work = move |(), _| async move {
        service.remove(owner, id).await?;
        Ok(Answer::no_content())
    };
    addresses.commands.run(command, work).await
}

/// The customer whose book it is.
fn owner(caller: &Caller) -> Result<AccountId, Problem> {
    caller.customer().map(Id::from_uuid)
}

impl From<AddressError> for Problem {
    fn from(error: AddressError) -> Self {
        let detail = error.to_string();
        match error {
            AddressError::Fault(fault) => Self::unprocessable(fault.code, detail).field(
                format!("/{}", fault.field),
                "invalid_value",
                fault.detail,
            ),
            AddressError::NotFound => Self::not_found("address"),
            AddressError::DefaultNeeded { field } => Self::unprocessable(
                "default_address_required",
                detail.clone(),
            )
            .field(format!("/{field}"), "invalid_value", detail),
            AddressError::TooMany => Self::conflict("too_many_addresses", detail),
            AddressError::Db(error) => error.into(),
        }
    }
}
