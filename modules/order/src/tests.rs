//! What the module keeps, on a real database.

mod cart;
mod checkout;
mod fulfillment;
mod order;
mod settings;
mod shop;
