//! A todo application to put behind a balancer: stateless in front, with a store of its own on disk behind.
//!
//! | route | what it does |
//! |---|---|
//! | `GET /api/v1/todos?limit=N` | the first todos (100 unless told, 1,000 at most) |
//! | `POST /api/v1/todos` | adds `{"title": "…"}`; 201 with its `Location` |
//! | `GET`, `PUT`, `DELETE /api/v1/todos/{id}` | one todo |
//! | `GET /api/v1/health` | 200 only while the store takes a write and gives it back, else 503 |
//! | `POST /api/v1/chaos/storage` | `{"available": false}` takes the store away while the port stays open; `true` gives it back |
//! | any method on `/api/v1/echo` | the request head as it arrived: what a balancer made of it |
//!
//! Every answer names the instance in the field `x-instance` and in its JSON. `?work=N` on the todo routes and the echo
//! burns about N milliseconds of CPU first. The store is also gone when its file is removed or replaced: the open file
//! would go on taking writes that nobody ever reads again.
//!
//! It knows nothing of Equipoise.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use equipoise_sample_service::{Options, Service};
//!
//! let service = Service::start(Options::new("data/one".into())).await?;
//! println!("listening on {}", service.address());
//! service.run(async { tokio::signal::ctrl_c().await.unwrap_or(()) }).await?;
//! # Ok(())
//! # }
//! ```

mod instance;
mod route;
mod service;
mod store;
mod work;

pub use service::{Options, ServeError, Service};
