//! The kernel's own backend, which must not run beside this one.

use std::fmt;
use std::path::Path;

/// Where the kernel shows its backend's driver, as soon as it is there.
const DRIVER: &str = "/sys/bus/xen-backend/drivers/pvcalls";

/// The kernel serves PV Calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelDriver;

impl fmt::Display for KernelDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Linux's own PV Calls backend is loaded ({DRIVER}) and would serve the same guests: \
             unload it (rmmod pvcalls-back) and keep it from being loaded, or run without pvcallsd"
        )
    }
}

impl std::error::Error for KernelDriver {}

/// Makes sure that the kernel does not serve PV Calls: both would answer the same devices.
///
/// # Errors
/// If it does.
pub fn refuse_kernel_driver() -> Result<(), KernelDriver> {
    refuse(Path::new(DRIVER))
}

fn refuse(driver: &Path) -> Result<(), KernelDriver> {
    if driver.exists() {
        return Err(KernelDriver);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_that_is_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refuse(folder.path()), Err(KernelDriver));
        assert_eq!(refuse(&folder.path().join("pvcalls")), Ok(()));
        assert!(KernelDriver.to_string().contains("rmmod pvcalls-back"));
    }
}
