//! TLS, credentials, roles and hosts over the real listeners. `support` has a collector with a set of credentials; `table`
//! holds which of them opens which route.

mod hosts;
mod reload;
mod support;
mod table;
