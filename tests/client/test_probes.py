"""What builds of every task leave for rollouts to ask is answered by the server as it was in the build."""

from tritext_serving import Server, naming
from tritext_serving.rollouts import probes


def test_served_versions_of_every_task_answer_their_probes_as_their_builds_did(tasks_server: Server) -> None:
    control = tasks_server.control
    for name, version in tasks_server.repository.live.items():
        beside = naming.at(name, version)
        control.load(beside)
        assert probes.PARAMETER in control.config(beside)["parameters"], name
        assert not probes.difference(control, beside), name
        control.unload(beside)
