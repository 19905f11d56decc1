import numpy as np

from tests.unit.lab.judgements import TEN, judged
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.lab.scatter import principal_plane, scatter


def test_the_plane_is_that_of_the_singular_vectors_of_the_data() -> None:
    rng = np.random.default_rng(0)
    vectors = (rng.standard_normal((50, 8)) * np.arange(1, 9)).astype(np.float32)
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * sizes[:2]
    found = principal_plane(vectors)
    for axis in range(2):
        assert abs(np.corrcoef(found[:, axis], expected[:, axis])[0, 1]) > 1 - 1e-6
    assert (found.min(axis=0).tolist(), found.max(axis=0).tolist()) == ([0, 0], [1, 1])


def test_vectors_that_are_all_alike_fall_on_one_point() -> None:
    assert principal_plane(np.ones((3, 4), dtype=np.float32)).tolist() == [[0, 0]] * 3


def test_points_are_exemplars_then_queries_and_last_the_mistakes() -> None:
    table = ExemplarTable.of([("a", "first"), ("b", "second")], negative_counts={})
    rows = judged(TEN)
    vectors = np.random.default_rng(1).standard_normal((12, 6)).astype(np.float32)
    points = scatter(rows, vectors[2:], table, vectors[:2])
    assert [point.text for point in points[:2]] == ["first", "second"]
    assert [point.kind for point in points] == ["exemplar"] * 2 + ["right"] * 6 + ["wrong"] * 4
    wrong = [(row.query.text, row.query.label, row.called) for row in rows if not row.is_right]
    assert [(point.text, point.label, point.called) for point in points[8:]] == wrong
