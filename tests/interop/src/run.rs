use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::{Package, Venv};

/// How long a test may take once its virtual environment is there: several times what the longest one takes on a slow
/// machine.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs a test with a package; [`for_each_package!`](crate::for_each_package) calls it.
///
/// # Panics
///
/// Where there is no virtual environment, where the test takes too long, and where the test panics.
pub async fn run(package: Package, target: &str, test: impl AsyncFnOnce(&Venv)) {
    let venv = Venv::open(package, Path::new(target)).await;
    // Not moved into the timeout: what the test holds is to be there, and to be shown, when this panics.
    let mut test = pin!(test(&venv));
    let ended = timeout(LIMIT, &mut test).await;
    assert!(ended.is_ok(), "the test did not end within {LIMIT:?}");
}

/// Makes tests of async functions that take a [`Venv`]: of each function one for each package.
#[macro_export]
macro_rules! for_each_package {
    ($($test:ident),+ $(,)?) => {
        $crate::for_package!(rpcudp_5_0_1, Rpcudp5: $($test),+);
        $crate::for_package!(rpcudp_4_0_0, Rpcudp4: $($test),+);
        $crate::for_package!(storjrpcudp_2_4, Storj: $($test),+);
    };
}

/// Makes tests of async functions that take a [`Venv`], in a module of that name, for one [`Package`].
#[macro_export]
macro_rules! for_package {
    ($module:ident, $package:ident: $($test:ident),+ $(,)?) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $test() {
                    // Only a test is told where cargo's target directory is, and not the library that it uses.
                    $crate::run($crate::Package::$package, env!("CARGO_TARGET_TMPDIR"), super::$test).await;
                }
            )+
        }
    };
}
