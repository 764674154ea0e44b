use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::{Package, Venv};

/// The time limit of a test after its virtual environment exists: several times the duration of the
/// longest test on a slow machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a test with a package; [`for_each_package!`](crate::for_each_package) calls it.
///
/// # Panics
///
/// Panics if there is no virtual environment, if the test takes too long, and if the test panics.
pub async fn run(package: Package, target: &str, test: impl AsyncFnOnce(&Venv)) {
    if package == Package::Fast && Venv::given(package).is_none() {
        println!("SKIPPED: {package}: RPCUDP_FAST_PYTHON names no interpreter that has it");
        return;
    }
    let venv = Venv::open(package, Path::new(target)).await;
    // Pinned here and not moved into the timeout, so that the peers of the test live until the
    // panic below and their drops print stderr.
    let mut test = pin!(test(&venv));
    let result = timeout(LIMIT, &mut test).await;
    assert!(result.is_ok(), "the test did not end within {LIMIT:?}");
}

/// Turns async functions that take a [`Venv`] into tests: one for each function and package.
#[macro_export]
macro_rules! for_each_package {
    ($($test:ident),+ $(,)?) => {
        $crate::for_package!(rpcudp_5_0_1, Rpcudp5: $($test),+);
        $crate::for_package!(rpcudp_4_0_0, Rpcudp4: $($test),+);
        $crate::for_package!(storjrpcudp_2_4, Storj: $($test),+);
    };
}

/// Like [`for_each_package!`], and one more test with this repository's Python package.
#[macro_export]
macro_rules! for_each_peer {
    ($($test:ident),+ $(,)?) => {
        $crate::for_each_package!($($test),+);
        $crate::for_package!(rpcudp_fast, Fast: $($test),+);
    };
}

/// Turns async functions that take a [`Venv`] into tests for one [`Package`], in a module of the
/// given name.
#[macro_export]
macro_rules! for_package {
    ($module:ident, $package:ident: $($test:ident),+ $(,)?) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    // Cargo sets this variable for integration tests only, so the library cannot
                    // read it.
                    $crate::run($crate::Package::$package, env!("CARGO_TARGET_TMPDIR"), super::$test).await;
                }
            )+
        }
    };
}
