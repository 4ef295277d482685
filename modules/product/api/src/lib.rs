//! product-api
