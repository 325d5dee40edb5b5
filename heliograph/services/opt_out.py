"""The words by which people leave, come back and ask for help: a workspace's own, or the defaults."""

from heliograph.db.opt_out import read_rules, store_rules
from heliograph.domain.opt_out import OptOutRules
from heliograph.services.context import Actor, Services, audit


async def get_opt_out_rules(services: Services, actor: Actor) -> OptOutRules:
    """The workspace's rules."""
    actor.require("read")
    return await read_rules(services.database.pool, actor.workspace_id)


async def save_opt_out_rules(services: Services, actor: Actor, rules: OptOutRules) -> OptOutRules:
    """Replaces them whole. What earlier words did stays done."""
    actor.require("settings.manage")
    async with services.database.unit_of_work() as session:
        await store_rules(session, actor.workspace_id, rules)
        words = {name: len(list(language.words())) for name, language in rules.languages.items()}
        audit(session, actor, "opt_out.update", actor.workspace_id, {"scope": rules.scope.value, "words": words})
    return rules
