"""ZaloPay's answers as one table per API, because a code differs in meaning between APIs."""

from typing import Any, NamedTuple

SUCCESS, FAIL, PROCESSING = 1, 2, 3

DUPLICATE_ORDER = -68
BAD_DATA = -401
BAD_SIGNATURE = -402
SYSTEM_ERROR = -500
ORDER_EXPIRED = -54
BALANCE_NOT_ENOUGH = -63
ORDER_ID_INVALID = -92
NOT_FOUND = -101
BANK_ERROR = -217
USER_CANCELLED = -329
REFUND_TIME = -13
REFUND_AMOUNT = -14
DUPLICATE_REFUND = -23
REFUND_ID_FORMAT = -24
REFUND_ID_DATE = -25
REFUND_ID_APP = -26
NOT_REFUNDABLE = -32
REFUND_RUNNING = 2

_EVERYWHERE = {
    1: "Giao dịch thành công",
    -401: "Dữ liệu yêu cầu không hợp lệ",
    -402: "Chữ ký hoặc ứng dụng không hợp lệ",
    -429: "Vượt quá giới hạn yêu cầu",
    -500: "Lỗi hệ thống",
    -999: "Hệ thống đang bảo trì",
}
_REFUND = {
    -1: "Giao dịch hoàn tiền đang chờ, vui lòng liên hệ ZaloPay",
    0: "Hoàn tiền thất bại",
    2: "Giao dịch đang hoàn tiền",
    -13: "Thời gian yêu cầu hoàn tiền không hợp lệ",
    -14: "Số tiền hoàn không hợp lệ",
    -32: "Giao dịch không hỗ trợ hoàn tiền",
}
_MEANING = {
    "create": {-68: "Mã giao dịch app_trans_id đã tồn tại"},
    "query": {
        3: "Giao dịch chưa được thực hiện",
        -54: "Giao dịch đã hết hạn",
        -63: "Số dư không đủ để thanh toán",
        -92: "app_trans_id không hợp lệ",
        -101: "Không tìm thấy đơn hàng",
        -217: "Lỗi từ ngân hàng",
        -329: "Người dùng đã hủy giao dịch",
        -332: "Lỗi khuyến mãi",
        -333: "Lỗi khuyến mãi",
        -1330: "Vượt quá hạn mức chi trong ngày",
        -1340: "Vượt quá hạn mức chi trong tháng",
    },
    "cancel": {-54: "Giao dịch đã hết hạn", -101: "Không tìm thấy đơn hàng", -329: "Giao dịch đã bị hủy"},
    "refund": _REFUND
    | {
        -23: "Mã hoàn tiền m_refund_id đã tồn tại",
        -24: "Định dạng m_refund_id không hợp lệ",
        -25: "Ngày trong m_refund_id không hợp lệ",
        -26: "app_id trong m_refund_id không hợp lệ",
        -101: "Không tìm thấy giao dịch thanh toán",
    },
    "query_refund": _REFUND | {-101: "Không tìm thấy giao dịch hoàn tiền"},
}
_RETURN = {SUCCESS: "Giao dịch thành công", FAIL: "Giao dịch thất bại", PROCESSING: "Giao dịch đang được xử lý"}

# The attempt failed, and the order stays payable (docs.zalopay.vn, status codes of query).
ATTEMPT_FAILURES = {
    -63: "Not enough money in the wallet",
    -217: "The bank refuses",
    -332: "Promotion cannot be applied",
    -1330: "Daily spending limit reached",
    -1340: "Monthly spending limit reached",
}


class Refusal(NamedTuple):
    """A request that ZaloPay refuses: the sub code, and the broken rule."""

    sub_return_code: int
    reason: str = ""


def answer(api: str, return_code: int, sub_return_code: int, reason: str = "", **more: Any) -> dict[str, Any]:
    """Return the body of an answer of `/v2/{api}`; a reason is added to the message for readers of logs."""
    meaning = (_EVERYWHERE | _MEANING[api]).get(sub_return_code, "Giao dịch thất bại")
    return {
        "return_code": return_code,
        "return_message": _RETURN[return_code],
        "sub_return_code": sub_return_code,
        "sub_return_message": f"{meaning} ({reason})" if reason else meaning,
        **more,
    }


def refuse(api: str, refusal: Refusal, **more: Any) -> dict[str, Any]:
    """Return the answer to a request that broke a rule."""
    return answer(api, FAIL, refusal.sub_return_code, refusal.reason, **more)
