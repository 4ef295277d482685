//! payment-api
