//! `contract!`: one declaration, and a module can be next door or elsewhere.

use std::sync::Arc;
use std::sync::Mutex;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::call::{BoxFuture, Call, CallFailure, Channel, FailureReason, Gate, Method, Reply, Retry};

/// Where the module behind a client is.
pub enum Route<M: ?Sized> {
    /// In this process: the trait object is called, through the gate that holds remote's rules.
    Here(Arc<M>, Arc<dyn Gate>),
    /// Behind a channel that carries bytes.
    Through(Arc<dyn Channel>),
}

impl<M: ?Sized> Clone for Route<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Here(module, gate) => Self::Here(Arc::clone(module), Arc::clone(gate)),
            Self::Through(channel) => Self::Through(Arc::clone(channel)),
        }
    }
}

/// Says at every call which way to a module it takes, so that the answer may change while callers go on.
pub trait Routing<M: ?Sized>: Send + Sync {
    /// The route of the next call. A call that is on its way ends on the route it began on.
    fn route(&self) -> Route<M>;
}

impl<M: ?Sized + Send + Sync> Routing<M> for Route<M> {
    fn route(&self) -> Route<M> {
        self.clone()
    }
}

/// Calls a module in this process through its gate. Used by the generated clients.
///
/// # Errors
/// As the module answers, or a [`CallFailure`] of the gate.
pub async fn call_here<A, E>(
    gate: &dyn Gate,
    method: &'static Method,
    call: &Call,
    work: BoxFuture<'static, Result<A, E>>,
) -> Result<A, E>
where
    A: Send + 'static,
    E: From<CallFailure> + Send + 'static,
{
    let outcome = Arc::new(Mutex::new(None));
    let slot = Arc::clone(&outcome);
    let run = Box::pin(async move {
        let result = work.await;
        *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(result);
    });
    gate.run(method, call, run).await?;
    let mut outcome = outcome.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcome.take().unwrap_or_else(|| Err(CallFailure::internal().into()))
}

/// Calls a module through a channel. Used by the generated clients.
///
/// # Errors
/// As the module answers, or a [`CallFailure`] of the channel.
pub async fn call_through<R, A, E>(
    channel: &dyn Channel,
    method: &'static Method,
    call: &Call,
    request: &R,
) -> Result<A, E>
where
    R: Serialize + Sync,
    A: DeserializeOwned,
    E: DeserializeOwned + From<CallFailure>,
{
    let incompatible = |_| E::from(CallFailure::maybe_executed(FailureReason::Incompatible));
    let request = serde_json::to_vec(request)
        .map_err(|_| E::from(CallFailure::not_executed(FailureReason::Incompatible)))?;
    match channel.send(method, call, request).await? {
        Reply::Answer(bytes) => serde_json::from_slice(&bytes).map_err(incompatible),
        Reply::Refusal(bytes) => Err(serde_json::from_slice(&bytes).unwrap_or_else(incompatible)),
    }
}

/// Reads a request on the serving side. Used by the generated dispatchers.
///
/// # Errors
/// The bytes are not such a request; nothing was done.
pub fn read_request<R: DeserializeOwned>(bytes: &[u8]) -> Result<R, CallFailure> {
    serde_json::from_slice(bytes).map_err(|_| CallFailure::not_executed(FailureReason::Incompatible))
}

/// Writes a reply on the serving side. Used by the generated dispatchers.
///
/// # Errors
/// The answer cannot be said in JSON, which only a map with odd keys can bring about.
pub fn write_reply<A: Serialize, E: Serialize>(result: Result<A, E>) -> Result<Reply, CallFailure> {
    let written = match result {
        Ok(answer) => serde_json::to_vec(&answer).map(Reply::Answer),
        Err(refusal) => serde_json::to_vec(&refusal).map(Reply::Refusal),
    };
    written.map_err(|_| CallFailure::internal())
}

/// One method's part of a descriptor, with the schemas it needs.
pub fn describe<R: utoipa::ToSchema, A: utoipa::ToSchema>(
    name: &str,
    retry: Retry,
    schemas: &mut Schemas,
) -> Value {
    json!({ "name": name, "retry": retry, "request": schemas.add::<R>(), "answer": schemas.add::<A>() })
}

/// JSON Schemas by name, collected once each.
#[derive(Debug, Default)]
pub struct Schemas(std::collections::BTreeMap<String, Value>);

impl Schemas {
    /// Adds a type and everything it mentions; returns the type's name.
    pub fn add<T: utoipa::ToSchema>(&mut self) -> String {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        for (name, schema) in found {
            self.0.entry(name).or_insert_with(|| serde_json::to_value(schema).unwrap_or(Value::Null));
        }
        T::name().into_owned()
    }

    /// All of them, as one JSON object.
    pub fn into_value(self) -> Value {
        Value::Object(self.0.into_iter().collect())
    }
}

/// Declares a contract: the trait, its client, its server and its descriptor.
///
/// ```
/// # #![allow(missing_docs)]
/// use kernel::{CallFailure, contract};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, utoipa::ToSchema)]
/// pub struct Greet { pub name: String }
/// #[derive(Serialize, Deserialize, utoipa::ToSchema)]
/// pub struct Greeting { pub text: String }
/// #[derive(Debug, thiserror::Error, Serialize, Deserialize, utoipa::ToSchema)]
/// #[serde(tag = "code", rename_all = "snake_case")]
/// pub enum GreetersError {
///     #[error("nobody has that name")]
///     NobodyThere,
///     #[error(transparent)]
///     Failed(#[from] CallFailure),
/// }
///
/// contract! {
///     /// Says hello.
///     pub trait Greeters = "greeters.v1", GreetersClient, GreetersServer, GreetersError {
///         /// Greets somebody.
///         Read fn greet(Greet) -> Greeting;
///     }
/// }
/// ```
#[macro_export]
macro_rules! contract {
    (
        $(#[$doc:meta])*
        pub trait $Trait:ident = $contract:literal, $Client:ident, $Server:ident, $Error:ty {
            $( $(#[$method_doc:meta])* $retry:ident fn $method:ident($Request:ty) -> $Answer:ty; )+
        }
    ) => {
        $(#[$doc])*
        #[$crate::macros::async_trait]
        pub trait $Trait: Send + Sync + 'static {
            $(
                $(#[$method_doc])*
                async fn $method(&self, call: &$crate::Call, request: $Request) -> Result<$Answer, $Error>;
            )+
        }

        #[doc = concat!("Speaks [`", stringify!($Trait), "`] wherever the module is.")]
        #[derive(Clone)]
        pub struct $Client(std::sync::Arc<dyn $crate::contract::Routing<dyn $Trait>>);

        impl $Client {
            #[doc = concat!("`", $contract, "`.")]
            pub const CONTRACT: &'static str = $contract;

            #[doc = concat!("A client of `", $contract, "` whose calls go this way.")]
            pub fn new(routing: impl $crate::contract::Routing<dyn $Trait> + 'static) -> Self {
                Self(std::sync::Arc::new(routing))
            }

            #[doc = concat!("What another implementation of `", $contract, "` has to match, as JSON.")]
            pub fn descriptor() -> $crate::macros::serde_json::Value {
                let mut schemas = $crate::contract::Schemas::default();
                let methods = $crate::macros::serde_json::json!([
                    $( $crate::contract::describe::<$Request, $Answer>(
                        stringify!($method), $crate::call::Retry::$retry, &mut schemas,
                    ) ),+
                ]);
                let error = schemas.add::<$Error>();
                $crate::macros::serde_json::json!({
                    "contract": $contract, "methods": methods, "error": error, "schemas": schemas.into_value(),
                })
            }
        }

        #[$crate::macros::async_trait]
        impl $Trait for $Client {
            $(
                async fn $method(&self, call: &$crate::Call, request: $Request) -> Result<$Answer, $Error> {
                    static METHOD: $crate::call::Method = $crate::call::Method {
                        contract: $contract, name: stringify!($method), retry: $crate::call::Retry::$retry,
                    };
                    match self.0.route() {
                        $crate::contract::Route::Here(module, gate) => {
                            let context = call.clone();
                            let work = Box::pin(async move { module.$method(&context, request).await });
                            $crate::contract::call_here(gate.as_ref(), &METHOD, call, work).await
                        }
                        $crate::contract::Route::Through(channel) => {
                            $crate::contract::call_through(channel.as_ref(), &METHOD, call, &request).await
                        }
                    }
                }
            )+
        }

        #[doc = concat!("Serves a [`", stringify!($Trait), "`] to callers that speak JSON.")]
        pub struct $Server(pub std::sync::Arc<dyn $Trait>);

        #[$crate::macros::async_trait]
        impl $crate::call::Dispatch for $Server {
            fn contract(&self) -> &'static str {
                $contract
            }

            fn descriptor(&self) -> $crate::macros::serde_json::Value {
                $Client::descriptor()
            }

            async fn dispatch(
                &self,
                method: &str,
                call: &$crate::Call,
                request: &[u8],
            ) -> Result<$crate::call::Reply, $crate::CallFailure> {
                match method {
                    $(
                        stringify!($method) => {
                            let request = $crate::contract::read_request(request)?;
                            $crate::contract::write_reply(self.0.$method(call, request).await)
                        }
                    )+
                    _ => Err($crate::CallFailure::not_executed($crate::FailureReason::Incompatible)),
                }
            }
        }
    };
}
