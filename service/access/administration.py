"""What routes of administration share: who may, and the answer that waits for a second."""

from typing import Final

from litestar.openapi.datastructures import ResponseSpec

from service.identity.callers import Role
from service.identity.verbs import Verb
from service.web.approval import ApprovalOut
from service.web.policy import policy

ADMINISTRATORS: Final = policy(
    Role.REGULATOR, Role.INSTITUTION, Role.OPERATOR, verb=Verb.ADMINISTER_CALLERS
)


def awaited(shape: type[ApprovalOut]) -> dict[int, ResponseSpec]:
    """Describe the 202 of an operator's wish, which waits for a second operator."""
    return {
        202: ResponseSpec(
            data_container=shape,
            description="An operator's wish waits for a second operator",
            generate_examples=False,
        )
    }
