"""Payment channels (支付渠道): what WeChat, Alipay or UnionPay captured and has not settled yet."""

from service.channels.routes import router

__all__ = ["router"]
