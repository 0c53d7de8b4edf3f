"""The JSON contract of findings of a bank's error."""

from service.web.wire import BankEntryId, CodeText, WireIn, example_id, examples


class FindingIn(WireIn):
    """A line that nobody could explain is the bank's mistake; a second person decides."""

    model_config = examples({"receipt_id": example_id("bke"), "reason": "WRONG_ACCOUNT_NUMBER"})

    receipt_id: BankEntryId
    reason: CodeText
