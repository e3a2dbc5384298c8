//! A list of the provider: every page of it, or a fault.

use super::calls::Account;
use super::wire::{Image, Images, Key, Keys, Meta, Pagination, Server, Servers};
use crate::wire::{Api, ReadFault};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};

/// Rows of a page, the most that the provider gives.
pub(super) const PAGE_SIZE: usize = 50;
/// Pages after which a list cannot be true any more.
const MOST_PAGES: u64 = 400;
/// A page of a list.
pub(super) trait Page: DeserializeOwned {
    type Row;
    fn split(self) -> (Vec<Self::Row>, Option<Meta>);
    fn id(row: &Self::Row) -> u64;
    /// What must not differ where a row comes twice.
    fn state(row: &Self::Row) -> Option<&str>;
}

macro_rules! page {
    ($page:ident, $rows:ident, $row:ident, $state:expr) => {
        impl Page for $page {
            type Row = $row;
            fn split(self) -> (Vec<$row>, Option<Meta>) {
                (self.$rows, self.meta)
            }
            fn id(row: &$row) -> u64 {
                row.id
            }
            fn state(row: &$row) -> Option<&str> {
                let state: fn(&$row) -> Option<&str> = $state;
                state(row)
            }
        }
    };
}

page!(Servers, servers, Server, |server| server.status.as_deref());
page!(Images, images, Image, |image| image.status.as_deref());
page!(Keys, ssh_keys, Key, |_| None);

/// Rows that moved between two pages come once; one that comes in two states is a fault.
fn once<P: Page>(rows: Vec<P::Row>) -> Result<Vec<P::Row>, ReadFault> {
    let mut places: HashMap<u64, usize> = HashMap::new();
    let mut kept: Vec<P::Row> = Vec::with_capacity(rows.len());
    for row in rows {
        match places.get(&P::id(&row)) {
            Some(&place) if P::state(&kept[place]) != P::state(&row) => {
                return Err(malformed("the list has a row twice, in different states"));
            }
            Some(_) => {}
            None => {
                places.insert(P::id(&row), kept.len());
                kept.push(row);
            }
        }
    }
    Ok(kept)
}

pub(super) fn malformed(text: &str) -> ReadFault {
    ReadFault::malformed(text.to_owned())
}

/// A list: name of the call, path, filters.
pub(super) struct List<'a> {
    pub(super) label: &'static str,
    pub(super) path: &'static str,
    pub(super) filters: &'a [(&'a str, String)],
}

impl List<'_> {
    pub(super) async fn page<P: Page>(
        &self,
        api: &dyn Api,
        account: &Account,
        number: u64,
    ) -> Result<(Vec<P::Row>, Pagination), ReadFault> {
        let mut query = self.filters.to_vec();
        query.push(("page", number.to_string()));
        query.push(("per_page", PAGE_SIZE.to_string()));
        let page: P = api.read(account.get(self.label, &[self.path], &query)).await?.parse()?;
        let (rows, meta) = page.split();
        let paging = meta.and_then(|meta| meta.pagination).ok_or_else(|| malformed("the list has no pagination"))?;
        if paging.page.is_some_and(|page| page != number) {
            return Err(malformed("the answer is another page than the one asked for"));
        }
        let mut known = HashSet::new();
        if !rows.iter().all(|row| known.insert(P::id(row))) {
            return Err(malformed("a page of the list has one row twice"));
        }
        Ok((rows, paging))
    }

    /// Reads every page; rows that moved between two pages come once. A list that ends before its own count is a
    /// fault: a server must never be lost from view by half a list.
    pub(super) async fn all<P: Page>(&self, api: &dyn Api, account: &Account) -> Result<Vec<P::Row>, ReadFault> {
        let first = self.page::<P>(api, account, 1).await?;
        self.rest::<P>(api, account, first).await
    }

    pub(super) async fn rest<P: Page>(
        &self,
        api: &dyn Api,
        account: &Account,
        first: (Vec<P::Row>, Pagination),
    ) -> Result<Vec<P::Row>, ReadFault> {
        let (mut rows, mut paging) = first;
        let mut number = 1;
        while let Some(next) = paging.next_page {
            if next != number + 1 || next > MOST_PAGES {
                return Err(malformed("the pages of the list do not follow each other, or do not end"));
            }
            number = next;
            let (more, after) = self.page::<P>(api, account, number).await?;
            if more.is_empty() {
                return Err(malformed("a page of the list is empty, and more should follow"));
            }
            rows.extend(more);
            paging = after;
        }
        let rows = once::<P>(rows)?;
        if paging.total_entries.is_some_and(|total| u64::try_from(rows.len()).is_ok_and(|have| have < total)) {
            return Err(malformed("the list ends before its own count"));
        }
        Ok(rows)
    }
}
