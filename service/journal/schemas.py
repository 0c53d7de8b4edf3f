"""The JSON contract of the journal."""

from service.web.wire import CodeText, WireIn


class CorrectionIn(WireIn):
    """Ask for a transaction to be reversed (冲正)."""

    model_config = WireIn.model_config | {
        "json_schema_extra": {"examples": [{"reason": "WRONG_ENROLMENT"}]}
    }

    reason: CodeText
