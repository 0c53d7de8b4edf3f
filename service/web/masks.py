"""Masks as routes and papers show them; the rules are the store's, which shows them as well."""

from service.store.masks import account, id_number, name, phone

__all__ = ["account", "id_number", "name", "phone"]
