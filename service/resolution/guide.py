"""What every file of a resolution pack is, in both languages, and how to open it."""

from typing import Final

FORMAT: Final = "tuition-escrow/resolution-pack/1"


def _says(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


SAYS: Final[dict[str, dict[str, str]]] = {
    "README.txt": _says("说明", "How to check and open this pack"),
    "replay.py": _says("独立复算脚本", "Recomputes everything; Python 3.11 alone"),
    "ed25519.py": _says("签名验证", "Verifies the signature"),
    "reckoning.py": _says("模拟输入的计算", "Reckons what a distribution would share"),
    "distribution.py": _says("分配算法", "Shares a pool over claims"),
    "chart.json": _says("会计科目", "Chart of accounts"),
    "institution/institution.jsonl": _says(
        "机构、许可与负责人", "Institution, licences and responsible officer"
    ),
    "institution/areas.jsonl": _says("历史辖区", "Where it stood, and since when"),
    "institution/agreements.jsonl": _says("监管协议", "Supervision agreements"),
    "institution/courses.jsonl": _says("备案课程", "Filed courses"),
    "institution/restraints.jsonl": _says("生效的限制措施", "Restraints in force"),
    "custody_accounts.jsonl": _says(
        "托管账户、科目余额与最近对平日", "Accounts, totals and last agreed closing"
    ),
    "bank/statement_days.jsonl": _says(
        "近三十日对账与全部差异", "Last thirty days of statements, and every difference"
    ),
    "bank/interest.jsonl": _says("结息", "Interest credited"),
    "bank/unposted_and_suspense.jsonl": _says("待核与未记账流水", "Suspense and unposted entries"),
    "enrolments.jsonl": _says("全部报名与余额", "Every enrolment with its balances"),
    "ledger/accounts.jsonl": _says("全部账户与余额", "Every account with its balance"),
    "ledger/entries.csv": _says("全部分录", "Every entry"),
    "ledger/transactions.jsonl": _says("全部资金凭证", "Every transaction that moved anything"),
    "pending/lessons.jsonl": _says("待确认与争议课时", "Pending and disputed lessons"),
    "pending/orders.jsonl": _says("在途付款指令", "Payment orders on their way"),
    "pending/claims.jsonl": _says("未结退费申请", "Open claims"),
    "pending/refunds.jsonl": _says("未付清退费", "Refunds not wholly paid"),
    "pending/portings.jsonl": _says("在途转课", "Portings on their way"),
    "wind_down/cases.jsonl": _says("清算案", "Wind-down cases"),
    "wind_down/statement_requests.jsonl": _says("冻结时点对账请求", "What banks were asked"),
    "wind_down/entitlements.jsonl": _says("权益登记", "Register of entitlements"),
    "wind_down/objections.jsonl": _says("异议", "Objections"),
    "wind_down/assets.jsonl": _says("追回资产", "Assets found"),
    "wind_down/plans.jsonl": _says("分配方案", "Distribution plans with their inputs"),
    "simulation.json": _says("两种方式的分配模拟", "Simulation under both bases"),
    "identities.sealed.json": _says("密封的身份信息", "Identities, sealed to the recipient's key"),
}
"""Every file by its path; `index.json` itself, the manifest and its signature stand beside them."""

README: Final = """处置包 / RESOLUTION PACK

1. 核验与复算 / Check and recompute
   解压到一个文件夹,用 Python 3.11 或以上运行(无需其他软件、无需联网):
   Unpack into a folder and run, with Python 3.11 or later and nothing else:

       python3 -I replay.py --public-key <公钥/public key>

   公钥请向监管部门另行取得;不给出时只按包内公钥核验。
   Get the public key from the authority by another way; without it the pack's own is trusted.
   结束码 0 表示全部一致,1 表示有差异,差异逐项列出。
   It ends with 0 when all agrees and with 1 when anything differs, naming what does.

2. 身份信息 / Identities
   姓名、电话、账号只在 identities.sealed.json 内,以收件人公钥加密(X25519)。
   Names, phones and accounts stand in identities.sealed.json alone, sealed to one recipient.
   持有对应私钥的授权人员 / Whoever is authorised and holds the private key:

       escrow unseal PACK.zip --key recipient-private.pem

3. 单位 / Units
   金额均为整数分;日期为北京时间。 Amounts are whole fen; dates are Beijing's.
   index.json 逐一说明各文件。 index.json says what every file is.
"""
