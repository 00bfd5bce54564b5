//! The calls of the family: which there are, what they ask for, and what they answer (paths and parameters: vendor SDK 1.0.1;
//! the shapes of `data` are made up).

use crate::answer::{Answer, Refusal};
use crate::fields::Fields;
use serde_json::{Value, json};

const FAMILY: &str = "/api/v3/cloudesim/";

/// One of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    RefreshUsage,
    Get,
    List,
    PackageList,
    PackageRecords,
    CancelSession,
    Unlock,
    Purchase,
}

impl Call {
    /// The call behind a path.
    pub(crate) fn at(path: &str) -> Option<Self> {
        Some(match path.strip_prefix(FAMILY)? {
            "refreshUsage" => Self::RefreshUsage,
            "get" => Self::Get,
            "list" => Self::List,
            "pkg/list" => Self::PackageList,
            "pkg/record/list" => Self::PackageRecords,
            "cancelSession" => Self::CancelSession,
            "unlock" => Self::Unlock,
            "purchase" => Self::Purchase,
            _ => return None,
        })
    }

    /// Whether it is about one card.
    pub(crate) fn has_eid(self) -> bool {
        self != Self::List
    }

    /// Checks what this call asks for beyond the EID.
    pub(crate) fn check(self, fields: &Fields) -> Result<(), Answer> {
        let required: &[&str] = match self {
            Self::List => &["pageNum", "pageSize"],
            Self::Purchase => &["outTradeNo", "packageCode"],
            _ => &[],
        };
        match required.iter().find(|name| fields.signed(&[]).iter().all(|(given, _)| given != *name)) {
            Some(missing) => Err(Refusal::BadField.because(format!("{missing} is missing"))),
            None => Ok(()),
        }
    }

    /// The `data` of its answer.
    pub(crate) fn data(self, eid: &str, order: u64) -> Option<Value> {
        let package = json!({ "packageCode": "sim-1gb", "name": "1 GB, 30 天", "usedMb": 0 });
        match self {
            Self::RefreshUsage | Self::CancelSession | Self::Unlock => None,
            Self::Get => Some(json!({ "eid": eid, "cardStatus": "active" })),
            Self::List => Some(json!({ "total": 0, "list": [] })),
            Self::PackageList => Some(json!({ "eid": eid, "list": [package] })),
            Self::PackageRecords => Some(json!({ "eid": eid, "total": 0, "list": [] })),
            Self::Purchase => Some(json!({ "eid": eid, "orderId": format!("sim-{order}") })),
        }
    }
}
