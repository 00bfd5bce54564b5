//! The error codes that the platform publishes, with the published words (the vendor's error-code page).

/// One error code of that page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) code: &'static str,
    pub(crate) english: &'static str,
    pub(crate) chinese: &'static str,
}

impl Published {
    /// The entry of a code, if the code is published.
    pub(crate) fn of(code: &str) -> Option<&'static Self> {
        PUBLISHED.iter().find(|entry| entry.code == code)
    }

    /// The HTTP status of a refusal with this code, with `http_refusals`. The page does not name any.
    pub(crate) fn http_status(&self) -> u16 {
        match self.code {
            "403" | "502" => 403,
            "500" => 500,
            "501" => 429,
            _ => 400,
        }
    }
}

const fn published(code: &'static str, english: &'static str, chinese: &'static str) -> Published {
    Published { code, english, chinese }
}

/// All of them, except success (`200`).
static PUBLISHED: [Published; 25] = [
    published("403", "You don't have permission to access.", "您没有权限访问"),
    published("500", "Operation failed, try again later.", "操作失败,请稍后再试"),
    published("501", "Too many requests.", "请求太频繁"),
    published("502", "IP whitelist error.", "IP白名单错误"),
    published("41001", "Invalid iccids parameter.", "iccids参数错误"),
    published("41002", "Invalid iccid format.", "iccid格式不正确"),
    published("41003", "Iccid is empty or format is wrong.", "iccid为空,或者iccid格式错误"),
    published("41004", "Invalid startDate parameter.", "startDate参数错误"),
    published("41005", "Invalid endDate parameter.", "endDate参数错误"),
    published("41006", "Invalid date parameter.", "日期参数错误"),
    published("41007", "Batch card numbers exceed limit.", "批量卡号超过限制"),
    published("41008", "Card number doesn't match operator.", "卡号与运营商不匹配"),
    published("41009", "Invalid startYearMonth parameter.", "startYearMonth参数错误"),
    published("41010", "Invalid endYearMonth parameter.", "endYearMonth参数错误"),
    published("41011", "Phone number is empty.", "phone为空"),
    published("41012", "Code is empty.", "code为空"),
    published("41013", "Imsi is empty or format is wrong.", "imsi为空,或者imsi格式错误"),
    published("41014", "Network param is empty or wrong.", "network为空,或者network错误"),
    published("41015", "Imei is empty or format is wrong.", "imei为空,或者imei格式错误"),
    published("41018", "Invalid package code for order.", "订购套餐编码错误"),
    published("41028", "Card has no such package.", "该卡无此套餐"),
    published("41029", "Invalid package activation type param.", "套餐生效类型参数错误"),
    published("41040", "Email is empty or format is wrong.", "email为空,或者email格式错误"),
    published("41041", "Url is empty or format is wrong.", "url为空,或者url格式错误"),
    published("41050", "Package product attributes don't match card.", "订购的套餐产品属性与卡不一致"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_codes_are_those_of_the_vector_file() {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../../tests/vectors/error_codes.json")).expect("JSON");
        let expected = file["codes"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|entry| ["code", "en", "zh"].map(|field| entry[field].as_str().expect("text")));
        let table = PUBLISHED.iter().map(|entry| [entry.code, entry.english, entry.chinese]);
        assert_eq!(table.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }

    #[test]
    fn published_code_is_found_by_its_exact_text_only() {
        assert_eq!(Published::of("501").map(|entry| entry.english), Some("Too many requests."));
        for code in ["200", "0501", "501 ", "sim.cooldown", ""] {
            assert_eq!(Published::of(code), None, "{code:?}");
        }
    }
}
