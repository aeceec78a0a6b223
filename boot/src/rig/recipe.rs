//! What a host is made of: names of Debian packages, and the files taken from them.

/// Raised when the way the cached files are made changes, so that old caches are not used.
pub(crate) const VERSION: u32 = 3;

/// The version of Xen in Debian 12.
pub(crate) const XEN: &str = "4.17";

/// The kernel series: in 6.1, Debian 12's default, the PV Calls backend loses a wake-up
/// when a connection is made, and a few of a hundred connections hang.
pub(crate) const LINUX: &str = "6.12";

/// Debian's name for a package that always depends on the newest kernel of the series.
pub(crate) fn linux_meta_package() -> String {
    format!("linux-image-{LINUX}-amd64")
}

/// Packages that go into the host itself.
pub(crate) fn host_packages(kernel_release: &str) -> Vec<String> {
    let mut names = vec![
        format!("linux-image-{kernel_release}"),
        format!("xen-hypervisor-{XEN}-amd64"),
        format!("xen-utils-{XEN}"),
        format!("libxenmisc{XEN}"),
    ];
    names.extend(LIBRARIES_AND_USERLAND.map(str::to_owned));
    names
}

/// Packages with which the backend module is compiled.
pub(crate) fn module_packages(kernel_release: &str) -> Vec<String> {
    let bare = kernel_release.trim_end_matches("-amd64");
    vec![
        format!("linux-headers-{kernel_release}"),
        format!("linux-headers-{bare}-common"),
        format!("linux-kbuild-{bare}"),
        format!("linux-source-{LINUX}"),
        "libelf1".to_owned(),
        "zlib1g".to_owned(),
    ]
}

const LIBRARIES_AND_USERLAND: [&str; 24] = [
    "busybox-static",
    "xenstore-utils",
    "libbz2-1.0",
    "libc6",
    "libgcc-s1",
    "liblzma5",
    "liblzo2-2",
    "libncurses6",
    "libnl-3-200",
    "libnl-route-3-200",
    "libtinfo6",
    "libuuid1",
    "libxencall1",
    "libxendevicemodel1",
    "libxenevtchn1",
    "libxenforeignmemory1",
    "libxengnttab1",
    "libxenhypfs1",
    "libxenstore4",
    "libxentoolcore1",
    "libxentoollog1",
    "libyajl2",
    "libzstd1",
    "zlib1g",
];

/// The parts of the Xen toolstack that are used, below `usr/lib/xen-VERSION/bin`.
pub(crate) const TOOLSTACK: [&str; 9] = [
    "libxl-save-helper",
    "lsevtchn",
    "xen-init-dom0",
    "xenconsole",
    "xenconsoled",
    "xenctx",
    "xenstored",
    "xentop",
    "xl",
];

/// What follows `xenstore-` in the names under which `xenstore` does its work.
pub(crate) const XENSTORE: [&str; 8] = [
    "chmod", "exists", "list", "ls", "read", "rm", "watch", "write",
];

/// Libraries that are loaded by name at run time, which no program's list of needs shows, or
/// that our own programs in dom0 may need.
pub(crate) const LOADED_BY_NAME: [&str; 2] = ["libgcc_s.so.1", "libm.so.6"];

/// Kernel modules, in an order in which they can be loaded.
pub(crate) const MODULES: [&str; 12] = [
    "xen-evtchn",
    "xen-gntdev",
    "xen-gntalloc",
    "xen-privcmd",
    "xenfs",
    "xen-netback",
    "dummy",
    "netfs",
    "9pnet",
    "9p",
    "9pnet_virtio",
    "9pnet_xen",
];
