//! Regenerates `xen-sys/src/bindings.rs` from the Xen headers of this machine.
//!
//! `cargo run -p xen-sys-bindgen` writes the file; with `-- --check` it only compares and fails
//! when the committed file is stale, which is what CI runs. The output is committed so that
//! building a guest needs neither libclang nor the headers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, Result, anyhow, bail};
use bindgen::callbacks::{IntKind, ParseCallbacks};
use bindgen::{Builder, EnumVariation, Formatter, RustEdition, RustTarget};

/// Debian's headers accept nothing newer, and without the definition they describe the layouts of 2005.
const INTERFACE_VERSION: &str = "0x00040e00";

/// What somebody has to type to mend a missing libclang or header.
const INSTALL: &str =
    "sudo apt-get install libxen-dev libc6-dev libclang1-14 libclang-common-14-dev";

/// Top of the generated file.
const PROLOGUE: &str = "\
//! Xen's public interface, translated by bindgen. Do not edit: `cargo run -p xen-sys-bindgen` writes this file.
//!
//! The originals are the public headers of the Xen hypervisor (`xen/include/public`), which are
//! under the MIT licence whatever the rest of Xen is under; Debian ships them as `libxen-dev`.
//! Copyright of the interface: the Xen contributors, as named in each header.
";

/// Types to translate, as regular expressions; what they contain comes along.
const TYPES: &[&str] = &[
    // xen.h, arch-x86/xen.h, arch-x86/xen-x86_64.h
    "(arch_)?shared_info|start_info|(arch_)?vcpu_info|vcpu_time_info|domid_t",
    "cpu_user_regs|iret_context|trap_info|vcpu_guest_context|mmu_update|mmuext_op|multicall_entry",
    // callback.h, version.h
    "callback_(un)?register|xen_feature_info|xen_(extraversion|capabilities_info)_t",
    // event_channel.h, grant_table.h, memory.h
    "evtchn_(port_t|alloc_unbound|bind_.*|close|send|status|unmask|reset|init_control|expand_array|set_priority)",
    "evtchn_fifo_control_block|event_word_t",
    "grant_ref_t|grant_handle_t|grant_entry_v1|gnttab_(map_grant_ref|unmap_grant_ref|setup_table|copy|query_size)",
    "gnttab_[gs]et_version",
    "xen_(memory_reservation|machphys_mapping|add_to_physmap|memory_map)",
    // sched.h, vcpu.h
    "sched_(shutdown|poll|watchdog)",
    "vcpu_(runstate_info|register_.*_area|register_vcpu_info|set_(periodic|singleshot)_timer)",
    // io/*.h, errno.h
    "xen_9pfs_data(_intf)?|xencons_interface|pvcalls_data(_intf)?|xen_pvcalls_.*|RING_IDX",
    "xenbus_state|xsd_sockmsg(_type)?|xs_watch_type|xenstore_domain_interface|xen_errno",
];

/// Constants to translate, likewise. Nearly every header has its own prefix.
const CONSTANTS: &[&str] = &[
    "__HYPERVISOR_[a-z].*|HYPERVISOR_VIRT_.*|MACH2PHYS_(VIRT|NR)_.*|FLAT_(KERNEL|USER)_.*64|SEGBASE_.*|VGCF_.*|XEN_LEGACY_.*",
    "VIRQ_.*|NR_VIRQS|MMU_.*|MMUEXT_.*|UVMF_.*|VMASST_.*|CONSOLEIO_.*|DOMID_.*|XEN_PVCLOCK_.*|SIF_.*|MAX_GUEST_CMDLINE",
    "XEN_CPUID_(FIRST_LEAF|SIGNATURE_.*)|CALLBACK(TYPE|F|OP)_.*|XEN_ELFNOTE_.*|XENFEAT_.*|XENVER_.*",
    "XEN_(EXTRAVERSION|CAPABILITIES_INFO)_LEN|EVTCHN.*|GNTTABOP_.*|GNTTAB_.*RESERVED_.*|GNTCOPY_.*|GNTMAP_.*|GNTST_.*|_?GTF_.*",
    "XENMEMF?_.*|XENMAPSPACE_(shared_info|grant_table|gmfn)|SCHEDOP_.*|SHUTDOWN_.*|VCPUOP_.*|VCPU_SSHOTTMR_.*|(XEN_)?RUNSTATE_.*",
    "XEN_PAGE_SHIFT|PVCALLS_.*|XENSTORE_.*|XS_WRITE_.*",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let check = match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        other => {
            bail!("unknown arguments {other:?}; usage: cargo run -p xen-sys-bindgen [-- --check]")
        }
    };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = here.with_file_name("src").join("bindings.rs");
    let fresh = generate(&here.join("wrapper.h"))?;
    if check {
        return compare(&target, &fresh);
    }
    fs::write(&target, &fresh).with_context(|| format!("cannot write {}", target.display()))?;
    eprintln!(
        "wrote {} ({} lines)",
        target.display(),
        fresh.lines().count()
    );
    Ok(())
}

/// The text `bindings.rs` should have.
fn generate(wrapper: &Path) -> Result<String> {
    clang_sys::load()
        .map_err(anyhow::Error::msg)
        .context(format!(
            "libclang (Debian package libclang1-14) is not installed; try: {INSTALL}"
        ))?;
    let xen_h = include_dir().join("xen/xen.h");
    if !xen_h.exists() {
        bail!(
            "{} (Debian package libxen-dev) is not installed; try: {INSTALL}",
            xen_h.display()
        );
    }
    let scratch = env::temp_dir().join(format!("xen-sys-bindgen-{}", std::process::id()));
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let bindings = builder(wrapper, &scratch)?.generate();
    // Leftovers in the temporary directory are harmless.
    let _ = fs::remove_dir_all(&scratch);
    let bindings = bindings.with_context(|| {
        format!("clang cannot read the headers; if it misses stddef.h, libclang-common-14-dev is not installed; try: {INSTALL}")
    })?;
    Ok(format!("{PROLOGUE}\n{bindings}"))
}

/// Where the Xen headers lie; `XEN_INCLUDE_DIR` overrides, for headers of another Xen.
fn include_dir() -> PathBuf {
    env::var_os("XEN_INCLUDE_DIR").map_or_else(|| "/usr/include".into(), PathBuf::from)
}

fn builder(wrapper: &Path, scratch: &Path) -> Result<Builder> {
    let builder = bindgen::builder()
        .header(wrapper.to_string_lossy())
        .clang_arg(format!("-I{}", include_dir().display()))
        .clang_arg(format!("-D__XEN_INTERFACE_VERSION__={INTERFACE_VERSION}"))
        // The guest's ABI, whatever machine generates.
        .clang_arg("--target=x86_64-unknown-linux-gnu")
        .use_core()
        .ctypes_prefix("core::ffi")
        // 1.85 is the first release with edition 2024; naming one keeps the output the same under every compiler.
        .rust_target(RustTarget::stable(85, 0).map_err(|error| anyhow!("{error}"))?)
        .rust_edition(RustEdition::Edition2024)
        .default_enum_style(EnumVariation::ModuleConsts)
        .prepend_enum_name(false)
        .derive_default(true)
        .layout_tests(true)
        .generate_comments(false)
        .parse_callbacks(Box::new(ConstantTypes))
        // DOMID_SELF, UVMF_*, HYPERVISOR_VIRT_START and others go through casts that only clang can evaluate.
        .clang_macro_fallback()
        .clang_macro_fallback_build_dir(scratch)
        .formatter(Formatter::Prettyplease);
    let builder = TYPES
        .iter()
        .fold(builder, |builder, pattern| builder.allowlist_type(pattern));
    Ok(CONSTANTS
        .iter()
        .fold(builder, |builder, pattern| builder.allowlist_var(pattern)))
}

fn compare(target: &Path, fresh: &str) -> Result<()> {
    let committed =
        fs::read_to_string(target).with_context(|| format!("cannot read {}", target.display()))?;
    if committed == fresh {
        eprintln!("{} is fresh", target.display());
        return Ok(());
    }
    let line = first_difference(&committed, fresh);
    bail!(
        "{} is stale; run `cargo run -p xen-sys-bindgen` and commit the result\n\
         first difference, line {}:\n  committed: {}\n  fresh:     {}",
        target.display(),
        line + 1,
        committed.lines().nth(line).unwrap_or("(end of file)"),
        fresh.lines().nth(line).unwrap_or("(end of file)"),
    );
}

/// Gives constants the type of the field or argument they are made for; bindgen would guess from the value.
#[derive(Debug)]
struct ConstantTypes;

impl ParseCallbacks for ConstantTypes {
    fn int_macro(&self, name: &str, _value: i64) -> Option<IntKind> {
        const KINDS: &[(&str, IntKind)] = &[
            ("DOMID_", IntKind::U16),
            ("GTF_", IntKind::U16),
            ("GNTST_", IntKind::I16),
            ("HYPERVISOR_VIRT_", IntKind::U64),
            ("MACH2PHYS_", IntKind::U64),
            ("UVMF_", IntKind::U64),
            ("MMU_", IntKind::U64),
        ];
        KINDS
            .iter()
            .find(|(prefix, _)| name.starts_with(prefix))
            .map(|&(_, kind)| kind)
    }
}

/// Index of the first line in which the two texts differ.
fn first_difference(a: &str, b: &str) -> usize {
    a.lines()
        .zip(b.lines())
        .position(|(a, b)| a != b)
        .unwrap_or_else(|| a.lines().count().min(b.lines().count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_difference_counts_a_missing_tail() {
        assert_eq!(first_difference("a\nb", "a\nc"), 1);
        assert_eq!(first_difference("a\nb\nc", "a\nb"), 2);
    }
}
