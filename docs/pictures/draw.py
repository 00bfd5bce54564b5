"""Draws the pictures of the documentation, in each language: `python docs/pictures/draw.py`.

A picture is 360 wide, so that it can be read on a phone. It follows the reader's color scheme, on the site that of the page.
"""

import pathlib
from xml.sax.saxutils import escape

HERE = pathlib.Path(__file__).parent
WIDTH = 360
# On the site, the theme has these colors, and this part is left out.
COLORS = """
  .drawn { --ground: #ffffff; --text: #24292f; --line: #8c959f; --fill: #f6f8fa; --ours: #0969da; --good: #1a7f37; --bad: #cf222e; --maybe: #9a6700 }
  @media (prefers-color-scheme: dark) {
    .drawn { --ground: #0d1117; --text: #e6edf3; --line: #6e7681; --fill: #21262d; --ours: #4493f8; --good: #3fb950; --bad: #f85149; --maybe: #d29922 }
  }
"""
RULES = """
  .drawn text { font: 13px system-ui, -apple-system, "Segoe UI", "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; fill: var(--text) }
  .drawn .strong { font-weight: 600 } .drawn .small { font-size: 11.5px }
  .drawn .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 11.5px }
  .drawn .ground { fill: var(--ground) }
  .drawn .box { fill: var(--fill); stroke: var(--line) } .drawn .frame { fill: none; stroke: var(--line); stroke-dasharray: 4 3 }
  .drawn .main { fill: none; stroke: var(--ours); stroke-width: 1.5 }
  .drawn .arrow { fill: none; stroke: var(--line); stroke-width: 1.5 } .drawn .head { fill: var(--line) }
  .drawn .good { fill: var(--good) } .drawn .bad { fill: var(--bad) } .drawn .maybe { fill: var(--maybe) } .drawn .ours { fill: var(--ours) }
  .drawn .light { fill-opacity: 0.18 }
"""


class Picture:
    """A picture in one language; `words` translates."""

    def __init__(self, height: int, words: dict[str, str]) -> None:
        self.height, self.words = height, words
        self.elements: list[str] = []

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """A line of text; `|` begins a new line."""
        for number, line in enumerate(self.words.get(text, text).split("|")):
            self.elements.append(f'<text x="{x:g}" y="{y + 16 * number:g}" class="{kind}" text-anchor="{anchor}">{escape(line)}</text>')

    def rect(self, x: float, y: float, width: float, height: float, kind: str = "box") -> None:
        self.elements.append(f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5" class="{kind}"/>')

    def box(self, x: float, y: float, width: float, height: float, text: str, more: str = "", kind: str = "box") -> None:
        """A box with a title and a smaller line."""
        self.rect(x, y, width, height, kind)
        lines = len(self.words.get(more, more).split("|")) if more else 0
        top = y + height / 2 + 4.5 - 8 * lines
        self.text(x + width / 2, top, text, "strong", "middle")
        if more:
            self.text(x + width / 2, top + 16, more, "small", "middle")

    def arrow(self, *points: tuple[float, float]) -> None:
        """A line with a head at its end, along horizontal and vertical parts."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.elements.append(f'<polyline points="{path}" class="arrow"/>')
        (fromx, fromy), (x, y) = points[-2:]
        if fromx == x:
            side = 6 if y > fromy else -6
            corners = f"{x:g},{y:g} {x - 4:g},{y - side:g} {x + 4:g},{y - side:g}"
        else:
            side = 6 if x > fromx else -6
            corners = f"{x:g},{y:g} {x - side:g},{y - 4:g} {x - side:g},{y + 4:g}"
        self.elements.append(f'<polygon points="{corners}" class="head"/>')

    def line(self, *points: tuple[float, float]) -> None:
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.elements.append(f'<polyline points="{path}" class="arrow"/>')

    def svg(self) -> str:
        head = f'<svg xmlns="http://www.w3.org/2000/svg" class="drawn" viewBox="0 0 {WIDTH} {self.height}" width="{WIDTH}" height="{self.height}" role="img">'
        ground = f'<rect width="{WIDTH}" height="{self.height}" rx="6" class="ground"/>'
        return "\n".join([head, f"<style>{COLORS}</style>", f"<style>{RULES}</style>", ground, *self.elements, "</svg>", ""])


def call(words: dict[str, str]) -> Picture:
    picture = Picture(500, words)
    picture.box(60, 12, 190, 40, "check the EID", "32 digits at most")
    picture.arrow((155, 52), (155, 82))
    picture.box(60, 82, 190, 54, "rate limiter", "the account's rate|and the card's cooldown")
    picture.arrow((155, 136), (155, 176))
    picture.rect(40, 158, 230, 222, "frame")
    picture.text(262, 174, "an attempt", "small", "end")
    picture.box(60, 182, 190, 40, "sign", "fresh timestamp and nonce")
    picture.arrow((155, 222), (155, 240))
    picture.box(60, 240, 190, 40, "send and read", "one HTTPS request")
    picture.arrow((155, 280), (155, 298))
    picture.box(60, 298, 190, 64, "classify", "the code in the body first,|then the HTTP status")
    picture.arrow((250, 346), (296, 346), (296, 109), (250, 109))
    picture.text(302, 210, "transient:|wait,|then|retry", "small")
    picture.arrow((105, 362), (105, 424))
    picture.arrow((205, 362), (205, 424))
    picture.box(22, 424, 146, 46, "reply", "code 200", "main")
    picture.box(186, 424, 152, 46, "error", "kind · delivered · final", "main")
    # The deadline goes past everything.
    picture.line((22, 14), (14, 14), (14, 408), (22, 408))
    picture.elements.append(
        f'<text transform="translate(32 300) rotate(-90)" class="small" text-anchor="start">{escape(words.get("timeout: all of this", "timeout: all of this"))}</text>'
    )
    return picture


def rate(words: dict[str, str]) -> Picture:
    picture = Picture(470, words)
    picture.rect(10, 10, 340, 296, "main")
    picture.text(22, 30, "redis://…", "code ours")
    picture.text(100, 30, "every machine that uses this Redis", "small")
    for number, top in enumerate((42, 174)):
        picture.rect(22, top, 316, 122, "box")
        picture.text(32, top + 19, "host", "code ours")
        picture.text(100, top + 19, "all processes of a user on a machine" if number == 0 else "another machine", "small")
        for column in range(2):
            left = 32 + column * 152
            picture.rect(left, top + 30, 144, 62, "frame")
            picture.text(left + 8, top + 47, "process", "code ours")
            for client in range(2):
                picture.rect(left + 8 + client * 66, top + 56, 62, 26, "ground")
                picture.rect(left + 8 + client * 66, top + 56, 62, 26, "arrow")
                picture.text(left + 39 + client * 66, top + 73, "client", "small", "middle")
        picture.text(180, top + 111, "a small locked file in rate_dir", "small", "middle")
    picture.text(14, 334, "Without a Redis, machines divide the rate:", "small")
    picture.text(14, 352, "rate_share", "code ours")
    for number in range(3):
        left = 14 + number * 112
        picture.rect(left, 362, 104, 40, "box")
        picture.text(left + 52, 380, f"{number + 1}/3", "code", "middle")
        picture.text(left + 52, 396, "3.2 calls/s", "small", "middle")
    picture.text(14, 428, "The platform limits the account to 10 calls/s.|eiot uses 9.5 of them, shared by all callers.", "small")
    return picture


def delivered(words: dict[str, str]) -> Picture:
    picture = Picture(480, words)
    picture.text(150, 24, "eiot", "strong", "middle")
    picture.text(318, 24, "platform", "strong", "middle")
    picture.line((150, 34), (150, 440))
    picture.line((318, 34), (318, 440))
    stages = [(40, 176, "no", "good", "nothing was sent:|repeat it"), (176, 338, "unknown", "maybe", "it may have acted:|repeat only what|is idempotent"), (338, 446, "yes", "ours", "it responded:|do what the|error says")]
    for top, bottom, name, kind, meaning in stages:
        picture.rect(8, top + 2, 128, bottom - top - 4, f"{kind} light")
        picture.rect(8, top + 2, 4, bottom - top - 4, kind)
        picture.text(20, top + 24, name, "code strong")
        picture.text(20, top + 44, meaning, "small")
    picture.text(158, 58, "wait for the rate limiter", "small")
    picture.arrow((150, 84), (314, 84))
    picture.text(234, 78, "DNS, connect, TLS", "small", "middle")
    picture.text(158, 108, "connect, tls, timeout,", "code")
    picture.text(158, 124, "rate_limited,", "code")
    picture.text(158, 140, "cooldown, cancelled", "code")
    picture.arrow((150, 192), (314, 192))
    picture.text(234, 186, "the first byte of the request", "small", "middle")
    picture.text(158, 216, "timeout,", "code")
    picture.text(158, 232, "connection_lost,", "code")
    picture.text(158, 248, "cancelled", "code")
    picture.rect(310, 200, 16, 110, "box")
    picture.text(304, 286, "the platform works", "small", "end")
    picture.arrow((318, 330), (154, 330))
    picture.text(234, 324, "the response", "small", "middle")
    picture.text(158, 364, "success, or", "small")
    picture.text(158, 382, "auth, rate_limited,", "code")
    picture.text(158, 398, "unavailable, http,", "code")
    picture.text(158, 414, "platform, protocol", "code")
    picture.text(14, 468, "Each kind is shown where it can end the call.", "small")
    return picture


def run(words: dict[str, str]) -> Picture:
    picture = Picture(560, words)
    picture.box(16, 12, 186, 40, "read and check the file", "count, find duplicates")
    picture.arrow((109, 52), (109, 78))
    picture.box(16, 78, 186, 40, "read the journal", "what earlier runs did")
    picture.arrow((109, 118), (109, 162))
    picture.rect(8, 138, 202, 274, "frame")
    picture.text(16, 154, "for each card", "small")
    picture.box(16, 164, 186, 56, "is it done?", "refreshed, invalid|or refused for good: skip")
    picture.arrow((109, 220), (109, 250))
    picture.text(116, 240, "open", "small")
    picture.box(16, 250, 186, 56, "call", "many in flight, at the|account's rate, with retries")
    picture.arrow((109, 306), (109, 336))
    picture.box(16, 336, 186, 56, "write the outcome", "to the journal first,|then to --out")
    picture.arrow((109, 412), (109, 446))
    picture.box(16, 446, 186, 56, "end", "complete · limited · stopped|interrupted · failed", "main")
    # The journal.
    picture.rect(238, 78, 114, 314, "box")
    picture.text(295, 98, "journal", "strong", "middle")
    for number, (line, kind) in enumerate([("…321 ok", "good"), ("…224 ok", "good"), ("…E+31 invalid", "bad"), ("…121 timeout", "maybe"), ("…", "")]):
        picture.text(246, 124 + 20 * number, line, f"code {kind}")
    picture.text(246, 248, "one line per|outcome, kept|after kill -9 and|power cuts", "small")
    picture.arrow((238, 98), (202, 98))
    picture.arrow((202, 364), (238, 364))
    # Again.
    picture.arrow((202, 474), (295, 474), (295, 392))
    picture.text(214, 494, "cards that are open?|run the same command|again: it resumes", "small")
    return picture


PICTURES = {"call": call, "rate": rate, "delivered": delivered, "run": run}

CHINESE = {
    "check the EID": "检查 EID",
    "32 digits at most": "最多 32 位数字",
    "rate limiter": "限流器",
    "the account's rate|and the card's cooldown": "账户的速率|与卡的冷却时间",
    "an attempt": "一次尝试",
    "sign": "签名",
    "fresh timestamp and nonce": "新的 timestamp 和 nonce",
    "send and read": "发送并读取应答",
    "one HTTPS request": "一个 HTTPS 请求",
    "classify": "分类",
    "the code in the body first,|then the HTTP status": "先看应答体里的错误码，|再看 HTTP 状态码",
    "transient:|wait,|then|retry": "暂时性|故障：|等待后|重试",
    "reply": "应答",
    "code 200": "code 200",
    "error": "错误",
    "kind · delivered · final": "kind · delivered · final",
    "timeout: all of this": "timeout：以上全部",
    "every machine that uses this Redis": "使用同一 Redis 的所有机器",
    "all processes of a user on a machine": "一台机器上同一用户的所有进程",
    "another machine": "另一台机器",
    "client": "客户端",
    "a small locked file in rate_dir": "rate_dir 里一个加锁的小文件",
    "Without a Redis, machines divide the rate:": "没有 Redis 时，各机器按份分配速率：",
    "3.2 calls/s": "3.2 次/秒",
    "The platform limits the account to 10 calls/s.|eiot uses 9.5 of them, shared by all callers.": "平台对每个账户的限制是每秒 10 次，|eiot 只用其中的 9.5 次，由所有调用方共用。",
    "platform": "平台",
    "nothing was sent:|repeat it": "什么都没发出：|可以重发",
    "it may have acted:|repeat only what|is idempotent": "平台可能已执行：|只重发幂等的|调用",
    "it responded:|do what the|error says": "平台已应答：|按错误信息|处理",
    "wait for the rate limiter": "等待限流器",
    "DNS, connect, TLS": "DNS、连接、TLS",
    "the first byte of the request": "请求的第一个字节",
    "the platform works": "平台处理中",
    "the response": "应答",
    "success, or": "成功，或者",
    "Each kind is shown where it can end the call.": "错误类别标在它可能结束调用的位置。",
    "read and check the file": "读取并检查文件",
    "count, find duplicates": "计数，查找重复的卡",
    "read the journal": "读取运行记录",
    "what earlier runs did": "之前的运行做了什么",
    "for each card": "对每张卡",
    "is it done?": "处理完了吗？",
    "refreshed, invalid|or refused for good: skip": "已刷新、EID 无效、|不可恢复的拒绝：跳过",
    "open": "未完成",
    "call": "调用",
    "many in flight, at the|account's rate, with retries": "多个请求同时进行，|按账户速率，自动重试",
    "write the outcome": "写入结果",
    "to the journal first,|then to --out": "先写运行记录，|再写 --out",
    "end": "结束",
    "complete · limited · stopped|interrupted · failed": "complete · limited · stopped|interrupted · failed",
    "journal": "运行记录",
    "one line per|outcome, kept|after kill -9 and|power cuts": "每个结果一行，|kill -9 或断电|后仍在",
    "cards that are open?|run the same command|again: it resumes": "还有卡未完成？|再运行同样的命令，|即可断点续跑",
}


def pictures() -> dict[str, str]:
    """Each file, and what belongs in it."""
    drawn = {}
    for name, draw in PICTURES.items():
        drawn[f"{name}.svg"] = draw({}).svg()
        drawn[f"{name}.zh.svg"] = draw(CHINESE).svg()
    return drawn


if __name__ == "__main__":
    for name, svg in pictures().items():
        (HERE / name).write_text(svg, encoding="utf-8")
