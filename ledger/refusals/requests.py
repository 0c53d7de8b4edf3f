"""Refusals of the request itself, of its caller, and of a service that cannot answer now."""

from ledger.refusals.base import CallerRefused, Malformed, Unavailable


class RequestInvalid(Malformed, zh="请求内容不合规范"):
    """The request has fields that are not as documented."""


class BodyTooLarge(Malformed, zh="请求过大"):
    """The body or the list in it is larger than the route takes."""


class MediaTypeUnsupported(Malformed, zh="内容类型不支持"):
    """The body must be JSON, not compressed, in UTF-8."""


class FormatUnavailable(Malformed, zh="无法提供该格式"):
    """The paper cannot be had in this format here; the facts say why."""


class IdempotencyKeyMissing(Malformed, zh="缺少幂等键"):
    """This command needs an Idempotency-Key of 1 to 128 visible ASCII characters."""


class RouteUnknown(Malformed, zh="地址不存在"):
    """There is no such path."""


class MethodUnsupported(Malformed, zh="方法不支持"):
    """The path exists but not with this method."""


class NotAuthenticated(CallerRefused, zh="未登录或令牌失效"):
    """The bearer token is missing, unknown, expired or revoked."""


class VerbForbidden(CallerRefused, zh="角色无此权限"):
    """The caller's role does not have this verb."""


class Busy(Unavailable, zh="繁忙"):
    """The rows asked for are busy; the same request can be sent again."""


class OutcomeUnknown(Unavailable, zh="结果未知"):
    """The connection was lost around the commit; the same key will tell the one true outcome."""


class InternalFault(Unavailable, zh="内部故障"):
    """The service failed; nothing was changed unless the same key says so."""
