"""Which claims read which files, and whether they say why they are not measured."""

from __future__ import annotations

from ideal_craciun_runs import ideal_files

from spectral_atlas.checks import BROKEN
from spectral_atlas.papers.craciun2024.claims import CHECKS
from spectral_atlas.papers.craciun2024.claims.study import Study

BY_ID = {check.id: check for check in CHECKS}


class Asked(Study):
    """Notes which files were read."""

    def __init__(self, inputs):
        super().__init__(inputs)
        self.read = set()

    def dataset(self, ref):
        self.read.add(ref)
        return super().dataset(ref)


IDEAL = ideal_files()
READ = {}
for _check in CHECKS:
    _study = Asked(IDEAL)
    _check(_study)
    READ[_check.id] = _study.read


def unmeasured(inputs, ids, reason):
    """The claims on a changed file have to be unmeasured, and not for an error."""
    found = [BY_ID[id](Study(inputs)) for id in ids]
    assert found
    wrong = [c for c in found if c.measured is not None or reason not in c.detail]
    assert not wrong, [(c.id, c.verdict, c.detail) for c in wrong]
    assert not [c for c in found if c.detail.startswith(BROKEN)]


def on(ref):
    return [id for id, read in READ.items() if ref in read]
