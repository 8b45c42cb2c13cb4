//! Routes that cannot lack a guard.
//!
//! axum's router forgets what a handler asks for, so no layer can tell a handler with a guard from
//! one without before it has run. This router knows: its [`get`], [`post`] and so on take only
//! handlers whose first argument is a [`Guard`](crate::Guard), and everything else must be declared
//! [`open`](GuardedRouter::open).
//!
//! ```
//! use behalf_resource::routing::{GuardedRouter, get};
//! use behalf_resource::{AppOnly, ResourceServer, permissions};
//!
//! permissions! {
//!     audience "api://ledger";
//!     role EntriesReadAll = "Entries.Read.All" : "Read all ledger entries";
//! }
//!
//! async fn entries(_: AppOnly<EntriesReadAll>) -> &'static str {
//!     "entries"
//! }
//!
//! fn app(server: &ResourceServer) -> axum::Router {
//!     GuardedRouter::new()
//!         .route("/entries", get(entries).post(entries))
//!         .open("/livez", axum::routing::get(async || "ok"))
//!         .layer(server.layer())
//! }
//! ```
//!
//! A handler that forgot its guard does not compile:
//!
//! ```compile_fail,E0277
//! use behalf_resource::routing::{GuardedRouter, get};
//!
//! async fn entries() -> &'static str {
//!     "entries"
//! }
//!
//! let router: GuardedRouter = GuardedRouter::new().route("/entries", get(entries));
//! ```

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter};

use crate::guard::Guard;
use crate::layer::ResourceLayer;

/// The arguments of a handler that begin with a guard; implemented for up to eight arguments.
#[diagnostic::on_unimplemented(
    message = "this handler does not say who may call it",
    note = "its first argument must be a guard: `OnBehalf<…>`, `AppOnly<…>` or `Either<…>`",
    note = "a route for everybody is declared with `GuardedRouter::open`"
)]
pub trait GuardFirst: sealed::Sealed {}

mod sealed {
    /// Only this crate says which arguments begin with a guard.
    pub trait Sealed {}
}

macro_rules! guard_first {
    ($(($($argument:ident),*))*) => { $(
        // axum puts a marker before the types of the arguments.
        impl<M, G: Guard, $($argument),*> sealed::Sealed for (M, G, $($argument,)*) {}
        impl<M, G: Guard, $($argument),*> GuardFirst for (M, G, $($argument,)*) {}
    )* };
}

guard_first! {
    () (T2) (T2, T3) (T2, T3, T4) (T2, T3, T4, T5) (T2, T3, T4, T5, T6)
    (T2, T3, T4, T5, T6, T7) (T2, T3, T4, T5, T6, T7, T8)
}

/// The handlers of one path, each with a guard.
#[must_use]
#[derive(Debug, Clone)]
pub struct GuardedMethods<S = ()>(MethodRouter<S>);

macro_rules! methods {
    ($($name:ident $filter:ident)*) => {
        $(
            #[doc = concat!("Handles ", stringify!($filter), " requests with a handler whose first argument is a guard.")]
            pub fn $name<H, T, S>(handler: H) -> GuardedMethods<S>
            where
                H: Handler<T, S>,
                T: GuardFirst + 'static,
                S: Clone + Send + Sync + 'static,
            {
                GuardedMethods(MethodRouter::new()).$name(handler)
            }
        )*

        impl<S: Clone + Send + Sync + 'static> GuardedMethods<S> {
            $(
                #[doc = concat!("Handles ", stringify!($filter), " requests on this path as well.")]
                pub fn $name<H, T>(self, handler: H) -> Self
                where
                    H: Handler<T, S>,
                    T: GuardFirst + 'static,
                {
                    Self(self.0.on(MethodFilter::$filter, handler))
                }
            )*
        }
    };
}

methods! { get GET post POST put PUT patch PATCH delete DELETE }

/// A router whose handlers have a guard or are declared open. [`layer`](Self::layer) makes an axum
/// router of it.
#[must_use]
#[derive(Debug, Clone)]
pub struct GuardedRouter<S = ()> {
    guarded: Router<S>,
    open: Router<S>,
}

impl<S: Clone + Send + Sync + 'static> GuardedRouter<S> {
    /// Without routes.
    pub fn new() -> Self {
        Self { guarded: Router::new(), open: Router::new() }
    }

    /// Adds a path; its handlers run for callers whom their guards let pass, and nobody else.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::route`], on a path that is there already or is none.
    pub fn route(mut self, path: &str, methods: GuardedMethods<S>) -> Self {
        self.guarded = self.guarded.route(path, methods.0);
        self
    }

    /// Adds a path that is open to everybody, as probes and public pages are. No token is looked
    /// at.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::route`].
    pub fn open(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.open = self.open.route(path, methods);
        self
    }

    /// Puts validation before the guarded routes.
    ///
    /// # Panics
    ///
    /// As [`axum::Router::merge`], if a path is both guarded and open.
    pub fn layer(self, layer: ResourceLayer) -> Router<S> {
        self.guarded.layer(layer).merge(self.open)
    }
}

impl<S: Clone + Send + Sync + 'static> Default for GuardedRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}
