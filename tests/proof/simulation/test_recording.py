"""`make corpus` works at every commit, not only at a release."""

from tests.proof.corpus.record import Recording, story
from tests.proof.corpus.stories import UNWATCHED
from tests.proof.simulation.system import simulation


def test_what_people_do_by_hand_can_be_recorded() -> None:
    with simulation(Recording) as system:
        told = [story(system, name, live, watched=False) for name, live in UNWATCHED.items()]
    assert all(each["moments"] for each in told)
