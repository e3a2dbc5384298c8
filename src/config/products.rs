//! Finds the products that `--provider` means.

use super::suggest::{did_you_mean, listed, nearest};
use crate::model::Refusal;
use crate::providers::{Entry, Vendor};

/// The products that a name means: one for an id or alias, all of a vendor for its name.
///
/// # Errors
///
/// A name that nobody has: the refusal lists all names.
pub fn select_products(
    vendors: &[&'static Vendor],
    name: &str,
) -> Result<Vec<(&'static Vendor, &'static Entry)>, Refusal> {
    let name = name.trim();
    let all = || vendors.iter().flat_map(|vendor| vendor.products.iter().map(move |entry| (*vendor, entry)));
    if let Some(found) = all().find(|(_, entry)| entry.id == name || entry.aliases.contains(&name)) {
        return Ok(vec![found]);
    }
    let family: Vec<_> = all().filter(|(vendor, _)| vendor.name == name).collect();
    if !family.is_empty() {
        return Ok(family);
    }
    let names = names(vendors);
    let suggestion = nearest(name, names.iter().copied());
    let message = match name {
        "" => "`--provider` needs a name".to_owned(),
        _ => format!("no provider is called `{name}`{}", did_you_mean(suggestion)),
    };
    Err(Refusal::usage("unknown_provider", message, format!("use one of {}", listed(names))))
}

/// Everything that `--provider` takes: products with their other names, then families.
pub fn names(vendors: &[&'static Vendor]) -> Vec<&'static str> {
    // A product that has its vendor's name stands in the list already, and means itself alone.
    let shared = |vendor: &&&'static Vendor| {
        vendor.products.len() > 1 && vendor.products.iter().all(|entry| entry.id != vendor.name)
    };
    let families = vendors.iter().filter(shared).map(|vendor| vendor.name);
    vendors
        .iter()
        .flat_map(|vendor| vendor.products)
        .flat_map(|entry| std::iter::once(entry.id).chain(entry.aliases.iter().copied()))
        .chain(families)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::sample::VENDORS;
    use crate::model::Exit;

    fn ids(name: &str) -> Vec<&'static str> {
        select_products(VENDORS, name).expect(name).into_iter().map(|(_, entry)| entry.id).collect()
    }

    #[test]
    fn an_id_or_alias_means_one_product_and_a_vendor_all_of_its_own() {
        assert_eq!(ids("acme-metal"), ["acme-metal"]);
        assert_eq!(ids("acme-vm"), ["acme-virtual"]);
        assert_eq!(ids("acme"), ["acme-metal", "acme-virtual"]);
        assert_eq!(ids("solo"), ["solo-box"]);
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        for (name, says) in [
            ("acme-metl", "no provider is called `acme-metl`; did you mean `acme-metal`?"),
            ("ACME", "no provider is called `ACME`; did you mean `acme`?"),
            ("banana", "no provider is called `banana`"),
            ("", "`--provider` needs a name"),
        ] {
            let refusal = select_products(VENDORS, name).err().expect(name);
            assert_eq!(refusal.message, says);
            assert_eq!(refusal.exit, Exit::Usage);
            assert!(refusal.next_step.contains("`solo-box`"), "{}", refusal.next_step);
        }
    }
}
