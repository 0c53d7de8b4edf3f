"""The migrations make, from an empty database, exactly the tables that the store describes."""

from service.store import migrate
from tests.fixtures.databases import Database


def test_the_migrations_make_the_tables_that_the_store_describes(empty_database: Database) -> None:
    differences = migrate.differences(empty_database.admin_url)

    assert differences == []


def test_migrating_a_database_that_is_up_to_date_changes_nothing(empty_database: Database) -> None:
    migrate.upgrade(empty_database.admin_url)

    assert migrate.differences(empty_database.admin_url) == []
