//! Each module's part of the settings, in its own words.

use platform::calls::SharedSecret;
use platform::events::BrokerOptions;

use crate::config::{Config, Credentials, NatsUrl};

pub(super) fn user(config: &Config) -> user::Settings {
    let auth = &config.auth;
    user::Settings {
        issuer: auth.issuer.clone(),
        access_token: auth.access_token,
        refresh_token: auth.refresh_token,
        password_min_length: auth.password_min_length.get(),
        argon2: user::HashCost {
            memory_kib: auth.argon2.memory_kib.get(),
            iterations: auth.argon2.iterations.get(),
            parallelism: auth.argon2.parallelism.get(),
        },
        hashing: user::HashQueue {
            workers: auth.hash_workers(),
            places: auth.hash_queue.get(),
            wait: auth.hash_wait,
        },
    }
}

pub(super) fn product(config: &Config) -> product::Settings {
    product::Settings::in_currency(config.shop.default_currency)
}

pub(super) fn payment(config: &Config) -> payment::Settings {
    payment::Settings {
        test_provider: config.payment.test_provider,
        webhook_secret: config.payment.webhook_secret.clone(),
        providers: config
            .payment
            .providers
            .iter()
            .filter_map(|(name, provider)| provider.named(name))
            .collect(),
        provider_timeout: config.payment.provider_timeout,
    }
}

pub(super) fn order(config: &Config) -> order::Settings {
    order::Settings {
        numbers: order::NumberScheme {
            prefix: config.shop.order_number_prefix.clone(),
            length: config.shop.order_number_length.get(),
        },
        lease: config.shop.reservation,
    }
}

/// The broker's part of the settings. Events are sealed with what calls are signed with.
pub(super) fn broker(config: &Config, secret: SharedSecret) -> BrokerOptions {
    let nats = &config.nats;
    BrokerOptions {
        urls: nats.urls.iter().map(NatsUrl::expose).map(str::to_owned).collect(),
        credentials: nats.credentials.as_ref().map(Credentials::expose).map(str::to_owned),
        prefix: nats.prefix.clone(),
        keep: nats.keep,
        replicas: nats.replicas.get(),
        accept_old: nats.accept_old,
        secret,
    }
}
