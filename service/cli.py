"""`escrow`, the command: everything an operator, a newcomer or a program starts.

Heavy imports happen inside the commands, so that `escrow --help` answers at once.
"""

import rich_click as click

from service.commands import (
    auditing,
    demonstrate,
    describe,
    importing,
    keys,
    migrations,
    packing,
    people,
    recovering,
    registry,
    replaying,
    sandboxing,
    serving,
    verifying,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tuition-escrow")
def main() -> None:
    """Custody of prepaid tuition, released lesson by lesson (预收费资金监管,一课一消)."""


main.add_command(demonstrate.demo)
main.add_command(sandboxing.sandbox)
main.add_command(serving.serve)
main.add_command(serving.worker)
main.add_command(migrations.migrate)
main.add_command(registry.jurisdiction)
main.add_command(registry.token)
main.add_command(people.person)
main.add_command(people.client)
main.add_command(describe.openapi)
main.add_command(importing.import_statement)
main.add_command(verifying.verify)
main.add_command(recovering.recover)
main.add_command(auditing.audit)
main.add_command(packing.pack)
main.add_command(packing.unseal)
main.add_command(replaying.replay_plan)
main.add_command(keys.keys)
main.add_command(keys.seal)
