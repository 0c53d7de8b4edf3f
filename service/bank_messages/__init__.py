"""Bank messages (银行报文): the state of anything a bank sent or was sent, by what it is called."""

from service.bank_messages.routes import router

__all__ = ["router"]
