//! How often a property is tried.

use proptest::prelude::ProptestConfig;

/// So many times in a usual run; `PROPTEST_CASES` makes all of them longer in proportion to its own default, 256.
pub(crate) fn cases(usual: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    let cases = u64::from(usual) * u64::from(asked.cases) / 256;
    let cases = u32::try_from(cases).unwrap_or(u32::MAX).max(1);
    // A long run may pass over as large a share of its inputs as a short one.
    ProptestConfig { cases, max_global_rejects: cases.saturating_mul(4).max(1024), ..asked }
}
