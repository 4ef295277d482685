//! The module on a real database, through its contract, its routes and what it hears.

mod http;
mod imports;
mod orders;
mod products;
mod reservations;
mod shop;
