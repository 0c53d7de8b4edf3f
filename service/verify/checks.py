"""The catalogue of checks: every invariant of the ledger and every promise of the store, by id.

I-… are the ledger's invariants, V-… the verification's own checks, R-… say that a table's rows
stand where the journal put them, P-… look at personal data. What two lists promise twice has one
check and both ids (`ALSO`); what nothing stored could show is named with where it is shown
(`ELSEWHERE`).
"""

from enum import StrEnum
from typing import Final

CHECKS: Final[dict[str, str]] = {
    "I-01": "Transfers move more than zero between two accounts of one unit",
    "I-02": "Every transaction balances within each custody account",
    "I-03": "Debit-normal and credit-normal balances are equal, for money and for lessons",
    "I-04": "Entries are exactly what the transactions say",
    "I-05": "No balance is ever below zero",
    "I-06": "Sequence numbers run 1, 2, 3 … without a gap, and times never go back",
    "I-07": "A reversal mirrors one transaction, which is reversed once and is no reversal",
    "I-10": "Nothing is posted into a closed business date",
    "I-13": "Of each enrolment's price every fen is with the student or accounted for",
    "I-14": "A lesson is released at most once, net of reversals",
    "I-15": "Lessons and money of an enrolment agree",
    "I-16": "An institution earns by confirmation only, and payouts come from what it earned",
    "I-17": "Silence confirms no earlier than its working days after a proven notice",
    "I-18": "An institution is paid no more than it earned",
    "I-19": "In each custody account what is missing is what somebody owes",
    "I-22": "A payout leaves what is not the institution's behind",
    "I-23": "Own funds never become earned money",
    "I-24": "A transaction stays in one institution's books",
    "I-25": "Own funds cover a gap of their account at once",
    "I-26": "A deposit moves by its own rules, in deposit accounts, and backs what is held",
    "I-27": "A refund is what was paid less what was delivered, posted and parted as priced",
    "I-28": "An enrolment has one open claim, and no lesson is recorded while it is open",
    "I-29": "A refund goes back to whoever paid, no more than came; a school to its own account",
    "I-30": "A distribution plan follows from its inputs, to the fen",
    "I-31": "Every entitlement has the dividends of its posted rounds, none taken back",
    "I-32": "A closed case leaves no cash without a name and no claim without an end",
    "I-33": "After a freeze nothing is paid out and new receipts stay apart",
    "I-34": "An institution that is gone holds nothing of a student's",
    "I-35": "Money in the bank cites one bank entry each, never for more than the entry",
    "I-36": "A statement opens with the closing of the one before, and closes with its sums",
    "I-37": "An agreed statement closes with what the ledger has",
    "I-38": "A payment order's state is where its money is",
    "I-40": "Interest allocated is interest credited, all of it or none",
    "I-41": "No version of a rule pack judges a day before it otherwise, and each had two people",
    "I-44": "Whoever read personal data said what for",
    "I-45": "Nobody approved a command of their own",
    "P-01": "No personal data stands in plain",
    "P-02": "What is sealed opens, or its key was destroyed",
    "P-03": "Blind indexes agree with what is sealed",
    "R-01": "Lessons stand where their last transaction put them",
    "R-02": "Refunds stand where their money is, and their orders agree",
    "R-03": "Registers of wind-downs stand where their money is",
    "R-04": "Transfers, portings and placements stand where their money is",
    "R-05": "Every figure on a row is the balance that the replayed ledger has",
    "R-06": "Restraints stand as transactions placed and lifted them",
    "R-07": "Reconciliations say what their position says, and closed days are sealed with theirs",
    "R-08": "Court orders, captures, moved backings and failed banks stand as the money does",
    "V-02": "Every transaction can be read",
    "V-04": "Roll-ups are the sums of the accounts they stand for, at every batch",
    "V-07": "Accounts are those that transactions opened, once each",
    "V-08": "No transfer is larger than an amount can be",
    "V-09": "Bank references, slots, contracts and keys are unique",
    "V-10": "What an enrolment received is what transactions brought it",
    "V-11": "A lesson is worth its slot and belongs to its enrolment",
    "V-12": "Nothing happened that a restraint in force stops",
    "V-14": "What needs two people had two, and nobody decided more alone than allowed",
    "V-17": "Every line of a statement file is a bank entry, or marked as saying otherwise",
    "V-19": "What a bank said stands on a message that its key signed, which still verifies",
    "V-20": "Stored answers and transactions name each other",
    "V-23": "The hash chain recomputes from its genesis to the head",
    "V-24": "Heads that others keep are still in the chain",
    "V-26": "The service's logins may do no more than they need",
    "V-27": "Guards stand: triggers, constraints, indexes, safe functions, no views",
    "V-28": "Row-level security is on and forced on every tenant table",
    "V-29": "The server keeps what it acknowledged: durability is not switched off",
    "V-30": "Accounts, enrolments and custody accounts agree on whose they are",
    "V-31": "No phone or identity number stands in the journal or its audit trail",
    "V-32": "The audit trail is whole and tells of every transaction",
    "V-33": "No index is invalid and no page failed its checksum",
    "V-34": "Every journal has its partitions, and no row can miss them",
    "V-35": "A closed date's last sequence number is the last of that date",
    "V-37": "Nothing that counts up is near its end",
}
"""Every check by its id."""

ALSO: Final[dict[str, tuple[str, ...]]] = {
    "I-02": ("V-01",),
    "I-03": ("V-03",),
    "I-04": ("V-05",),
    "I-05": ("V-06",),
    "I-27": ("V-13",),
    "I-33": ("V-15",),
    "I-36": ("V-16",),
    "I-37": ("V-18",),
    "R-07": ("I-21",),
    "V-11": ("I-11", "I-12"),
    "V-20": ("I-08",),
}
"""Other ids that a check carries out."""

ELSEWHERE: Final[dict[str, str]] = {
    "I-09": "a property of the rules: order of independent events (tests)",
    "I-20": "a property of coverage, computed when it is read (tests/ledger)",
    "I-39": "a property of bank messages in any order, twice (tests)",
    "I-42": "row-level security (V-28) and areas (V-04); the authorization matrix (tests)",
    "I-43": "a property of answers as of a position (tests)",
    "I-46": "alarm cards are not built",
    "V-21": "the client's own log of what was acknowledged (crash campaign)",
    "V-22": "the journal itself is the outbox: V-23 and I-06",
    "V-25": "receipts are checked by whoever holds them",
    "V-36": "proofs of custody are not built",
}
"""Ids of what nothing stored could show, and where it is shown instead."""

MONEY: Final = frozenset(
    {
        *("I-01", "I-02", "I-03", "I-04", "I-05", "I-06", "I-07", "I-10", "I-13", "I-14", "I-15"),
        *("I-16", "I-18", "I-19", "I-22", "I-23", "I-24", "I-25", "I-26", "I-27", "I-29"),
        *("I-30", "I-31", "I-32", "I-33", "I-34", "I-35", "I-37", "I-38", "I-40"),
        *("R-01", "R-02", "R-03", "R-04", "R-05", "R-08"),
        *("V-02", "V-04", "V-07", "V-08", "V-09", "V-10", "V-11", "V-12", "V-14", "V-17", "V-19"),
        *("V-23", "V-24", "I-45"),
    }
)
"""Checks of money: one that is violated fences the custody accounts it is about.

V-14 and I-45 are: what one person alone let out may be the next order. V-19 is: money that no bank
vouches for could leave as a payout. I-17 is not: it reads the calendar as it stands today, and what
silence released is held by I-16 and V-11. I-36 is not: a statement moves nothing, and a difference
of money in it is I-37.
"""


class Mode(StrEnum):
    """How much a verification asks.

    FULL every check. QUICK the server, the heads, and each journal's transactions since the last
    good position. REPLAY the whole ledger rebuilt through the Book, and every stored figure.
    """

    FULL = "full"
    QUICK = "quick"
    REPLAY = "replay"
