"""Refusals of the request itself, of its caller, and of a service that cannot answer now."""

from ledger.refusals.base import CallerRefused, Malformed, SignatureRefused, Unavailable


class RequestInvalid(Malformed, zh="请求内容不合规范"):
    """The request has fields that are not as documented."""


class BodyTooLarge(Malformed, zh="请求过大"):
    """The body or the list in it is larger than the route takes."""


class BodyTooSlow(Malformed, zh="请求体传输过慢"):
    """The body did not arrive in the time a body of its route has."""


class UrlTooLong(Malformed, zh="地址过长"):
    """The path and the query are longer than any route needs."""


class HeadersTooLarge(Malformed, zh="请求头过大"):
    """The headers are more, or longer, than any route needs."""


class MediaTypeUnsupported(Malformed, zh="内容类型不支持"):
    """The body must be JSON, not compressed, in UTF-8."""


class FormatUnavailable(Malformed, zh="无法提供该格式"):
    """The paper cannot be had in this format here; the facts say why."""


class IdempotencyKeyMissing(Malformed, zh="缺少幂等键"):
    """This command needs an Idempotency-Key of 1 to 128 visible ASCII characters."""


class GrantUnsupported(Malformed, zh="不支持的授权方式"):
    """A token is had with the grant type client_credentials alone."""


class ScopeRefused(Malformed, zh="申请的权限超出范围"):
    """The scope asked for is more than the client has."""


class RouteUnknown(Malformed, zh="地址不存在"):
    """There is no such path."""


class MethodUnsupported(Malformed, zh="方法不支持"):
    """The path exists but not with this method."""


class NotAuthenticated(CallerRefused, zh="未登录或令牌失效"):
    """The bearer token is missing, unknown, expired or revoked."""


class SignatureRequired(SignatureRefused, zh="须签名"):
    """A bank signs its requests; a bearer token is not enough."""


class SignatureMalformed(SignatureRefused, zh="签名头不合规范"):
    """The signature's headers or parameters are not as documented; the facts say which."""


class SignatureIncomplete(SignatureRefused, zh="签名覆盖内容不符"):
    """The signature does not cover exactly the components that it must."""


class SignatureUntimely(SignatureRefused, zh="签名时间无效"):
    """The signature has expired, comes from the future, or is valid for too long."""


class AuthorityUnknown(SignatureRefused, zh="非本服务地址"):
    """The request was signed for a host that is not this service."""


class SigningKeyUnknown(SignatureRefused, zh="签名密钥未登记"):
    """No key of this id is registered."""


class SigningKeyNotValid(SignatureRefused, zh="签名密钥无效"):
    """The key was revoked, has expired or is not valid yet; the facts say which."""


class SignatureWrong(SignatureRefused, zh="签名不符"):
    """The signature is not this key's signature of this request."""


class ContentDigestWrong(SignatureRefused, zh="内容摘要不符"):
    """Content-Digest does not carry the SHA-256 of the body that came."""


class SignatureReplayed(SignatureRefused, zh="签名重放"):
    """This very signed message came before; sign again with a new nonce."""


class LoginRefused(CallerRefused, zh="登录失败"):
    """The login name, the password or the code is not right."""


class CodeRefused(LoginRefused, zh="验证码无效或已失效"):
    """The code or the device is not right, or is no longer good."""


class ClientRefused(CallerRefused, zh="客户端认证失败"):
    """The client is unknown, or its secret or assertion proves nothing."""


class RateLimited(CallerRefused, zh="请求过于频繁"):
    """The caller has spent what it may ask in this time; the facts say when to come back."""


class VerbForbidden(CallerRefused, zh="角色无此权限"):
    """The caller's role does not have this verb."""


class StepUpRequired(CallerRefused, zh="须重新验证身份"):
    """Whoever approves has to have shown within the last minutes who they are."""


class Busy(Unavailable, zh="繁忙"):
    """The rows asked for are busy; the same request can be sent again."""


class OutcomeUnknown(Unavailable, zh="结果未知"):
    """The connection was lost around the commit; the same key will tell the one true outcome."""


class JournalRestored(Unavailable, zh="账簿已被恢复,暂停写入"):
    """The journals stand on a server that nobody opened; they are read and not written."""


class InternalFault(Unavailable, zh="内部故障"):
    """The service failed; nothing was changed unless the same key says so."""
