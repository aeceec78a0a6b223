//! `cargo boot test`: every test, on this machine and on real Xen.

use crate::cli::TestArgs;
use crate::guest::{build, image};
use crate::host::tools;
use crate::paths;
use crate::rig::backend;
use crate::rig::cache::Cache;
use crate::suite::case::{self, Group};
use crate::suite::host;
use crate::suite::report::Report;
use crate::suite::runner::{self, Setting};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Runs the tests and returns 0 if none failed. With a filter: the cases on Xen that it names.
pub(crate) fn test(args: &TestArgs) -> Result<u8> {
    let filter = args.filter.as_deref().unwrap_or_default();
    let tests = args
        .dir
        .clone()
        .unwrap_or_else(|| paths::workspace().join("tests"));
    let cases = case::find(&tests, filter)?;
    if cases.is_empty() {
        bail!(
            "no case in {}/*/cases has `{filter}` in its name",
            tests.display()
        );
    }
    let tried = args
        .backend
        .map_or_else(|| backend::ALL.to_vec(), |one| vec![one]);
    let groups = case::groups(&cases, &tried);
    if args.list {
        for group in &groups {
            let labels = group.cases.iter().map(|case| group.label(case));
            labels.for_each(|label| println!("{label}"));
        }
        return Ok(0);
    }
    tools::require(&tools::EMULATOR)?;
    let mut report = Report::default();
    if args.filter.is_none() && args.dir.is_none() {
        host::run(&mut report)?;
    }
    let images = images(&groups, args.manifest_path.as_deref())?;
    let cache = Cache::ensure()?;
    let setting = Setting {
        cache: &cache,
        images: &images,
        cpus: args.processors.host_cpus,
        patience: args.patience,
    };
    let report = runner::run_all(&setting, &groups, args.jobs, report);
    Ok(if report.finish() { 0 } else { 1 })
}

/// Builds every image that a case needs, with one call of cargo.
fn images(groups: &[Group], manifest: Option<&Path>) -> Result<BTreeMap<String, PathBuf>> {
    let cases = groups.iter().flat_map(|group| &group.cases);
    let names: BTreeSet<&String> = cases.flat_map(|case| &case.images).collect();
    if names.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<String> = names.into_iter().cloned().collect();
    let linked = build::build(&names, manifest)?;
    let folder = paths::images()?;
    let make = |name: &String| {
        let linked = linked
            .get(name)
            .with_context(|| format!("cargo built no program called {name}"))?;
        Ok((name.clone(), image::write(linked, &folder.join(name))?))
    };
    names.iter().map(make).collect()
}
