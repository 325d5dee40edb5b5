from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench.ledger_seed import seed_run
from heliograph.db import watch
from heliograph.db.engine import Database
from heliograph.db.routes import save_health
from heliograph.db.tables import Webhook
from heliograph.domain.health import Health, shut
from heliograph.domain.webhooks import WebhookStrategy
from heliograph.secrets import KeyRing
from heliograph.settings import Settings
from heliograph.stack import examine_machine, examine_servers
from heliograph.stack.diagnosis import Verdict, examine
from heliograph.stack.ports import free_port


def test_this_installation_has_what_it_needs(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    findings = [
        examine_machine.python(),
        examine_machine.packages(),
        examine_machine.postgres_program(),
        examine_machine.temporal(),
        examine_machine.key_ring(settings),
        examine_machine.data_directory(settings),
    ]
    assert [finding for finding in findings if finding.verdict is Verdict.FAILED] == []


async def test_a_data_directory_that_cannot_be_made_is_told_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(data_dir=tmp_path / "file" / "data")
    finding = await examine("data directory", partial(examine_machine.data_directory, settings), "choose another")
    assert finding.verdict is Verdict.FAILED
    assert "HELIOGRAPH_DATA_DIR" in finding.text
    assert finding.advice == "choose another"


async def test_a_database_with_the_present_schema_is_well(database_url: str) -> None:
    finding = await examine_servers.database(Settings(database_url=database_url))
    assert finding.verdict is Verdict.OK, finding


async def test_a_database_that_lacks_migrations_is_not(database: Database, database_url: str) -> None:
    await database.pool.execute("DELETE FROM alembic_version")
    finding = await examine_servers.database(Settings(database_url=database_url))
    assert finding.verdict is Verdict.FAILED
    assert finding.advice == "run `heliograph migrate`"


async def test_a_database_that_does_not_answer_is_told_without_a_traceback() -> None:
    settings = Settings(database_url=f"postgresql://heliograph@127.0.0.1:{free_port()}/none")
    finding = await examine("database", partial(examine_servers.database, settings), "check the server")
    assert finding.verdict is Verdict.FAILED
    assert "cannot be reached" in finding.text


async def test_a_connector_that_brings_no_receipts_is_a_warning_with_what_to_check(
    database: Database, database_url: str
) -> None:
    settings = Settings(database_url=database_url)
    run = await seed_run(database, key_ring=KeyRing({"test": bytes(32)}))
    assert [finding.verdict for finding in await examine_servers.receipts(settings)] == [Verdict.OK]
    await watch.note_accepted(database.pool, run.workspace_id, run.connector_id)
    await database.pool.execute("UPDATE connector_watch SET waiting_since = now() - interval '1 hour'")
    (finding,) = await examine_servers.receipts(settings)
    assert finding.verdict is Verdict.WARNING
    assert "no receipts from Twilio for 60 minutes" in finding.text
    assert "status page" in finding.advice


async def test_a_shut_connector_is_a_warning_with_its_reason(database: Database, database_url: str) -> None:
    settings = Settings(database_url=database_url)
    run = await seed_run(database, key_ring=KeyRing({"test": bytes(32)}))
    assert [finding.verdict for finding in await examine_servers.connectors(settings)] == [Verdict.OK]
    now = datetime.now(UTC)
    await save_health(database.pool, run.workspace_id, run.connector_id, shut(Health(), now, "the account is closed"))
    (finding,) = await examine_servers.connectors(settings)
    assert finding.verdict is Verdict.WARNING
    assert "is shut: the account is closed" in finding.text


async def test_a_webhook_whose_receiver_fails_is_a_warning_with_its_host(database: Database, database_url: str) -> None:
    settings = Settings(database_url=database_url)
    run = await seed_run(database, key_ring=KeyRing({"test": bytes(32)}))
    assert [finding.verdict for finding in await examine_servers.webhooks(settings)] == [Verdict.OK]
    async with database.unit_of_work() as session:
        session.add(
            Webhook(
                workspace_id=run.workspace_id,
                url="https://shop.example/a-secret",
                strategy=WebhookStrategy.ON_CHANGE,
                sealed_secret=b"",
                failing_since=datetime.now(UTC),
                last_error="answered HTTP 503",
            )
        )
    (finding,) = await examine_servers.webhooks(settings)
    assert finding.text == "shop.example: answered HTTP 503; 0 callbacks wait"


async def test_receipts_of_a_database_that_does_not_answer_are_not_spoken_of() -> None:
    settings = Settings(database_url=f"postgresql://heliograph@127.0.0.1:{free_port()}/none")
    assert await examine_servers.receipts(settings) == []
    assert await examine_servers.receipts(Settings()) == []


async def test_a_temporal_that_does_not_answer_is_told_with_its_address(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    findings = await examine_servers.temporal(Settings(data_dir=tmp_path, temporal_address=address))
    assert [finding.verdict for finding in findings] == [Verdict.FAILED]
    assert address in findings[0].text


async def test_an_installation_where_nothing_runs_is_not_broken(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    findings = [await examine_servers.database(settings), *await examine_servers.temporal(settings)]
    assert {finding.verdict for finding in findings} == {Verdict.WARNING}


async def test_an_api_that_does_not_answer_is_told() -> None:
    finding = await examine_servers.api(Settings(public_url=f"http://127.0.0.1:{free_port()}"))
    assert finding.verdict is Verdict.FAILED
    assert "does not answer" in finding.text
