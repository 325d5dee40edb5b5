import socket
from dataclasses import astuple

from heliograph.settings import Settings
from heliograph.stack.description import Doors
from heliograph.stack.layout import Ports
from heliograph.stack.ports import free_port

LOWEST_OUTGOING = 32768


def test_a_taken_port_gives_way_to_its_next_free_neighbour() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))
        server.listen()
        taken = server.getsockname()[1]
        assert taken < free_port(taken) <= taken + 100


def test_an_outgoing_connection_cannot_take_the_port_of_a_server_that_is_down() -> None:
    assert all(port < LOWEST_OUTGOING for port in astuple(Ports.free()))


def test_every_door_has_its_own_port() -> None:
    ports = astuple(Ports.free())
    assert len(set(ports)) == len(ports)


def test_the_doors_of_the_last_time_are_opened_again() -> None:
    before = Ports.free()
    last = Doors(
        api=f"http://127.0.0.1:{before.api}",
        temporal=f"127.0.0.1:{before.temporal}",
        temporal_ui=f"http://127.0.0.1:{before.temporal_ui}",
        database=f"postgresql://heliograph@127.0.0.1:{before.database}/heliograph",
        simulator=f"http://127.0.0.1:{before.simulator}",
        simulator_smtp=f"smtp://127.0.0.1:{before.simulator_smtp}",
        simulator_smpp=f"smpp://127.0.0.1:{before.simulator_smpp}",
    )
    notes: list[str] = []
    assert Ports.remembered(Settings(), last, notes.append) == before
    assert notes == []


def test_a_taken_port_is_told() -> None:
    before = Ports.free()
    with socket.socket() as server:
        server.bind(("127.0.0.1", before.api))
        server.listen()
        notes: list[str] = []
        ports = Ports.remembered(Settings(api_port=before.api), None, notes.append)
    assert ports.api != before.api
    assert f"port {before.api} is taken: api listens on {ports.api}" in notes
