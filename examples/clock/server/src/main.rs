//! A clock as a service of systemd, or started by hand.
//!
//!     cargo run -p clock-server

#[cfg(unix)]
mod service;

#[cfg(unix)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    service::run()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("this example is for systemd, which this system does not have");
}
