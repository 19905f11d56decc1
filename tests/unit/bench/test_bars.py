import re
from xml.etree import ElementTree as ET

import pytest

from tests.bench.bars import bars


def test_bars_are_as_long_as_their_values_and_within_the_picture() -> None:
    drawn = bars({"a < b": [("p50", 1.0), ("p99", 4.0)], "c": [("p50", 2000.0)]}, title="t")
    tree = ET.fromstring(drawn)  # noqa: S314  (it is ours)
    ground, *rects = (node for node in tree.iter() if node.tag.endswith("rect"))
    lengths = [float(rect.attrib["width"]) for rect in rects]
    assert lengths == pytest.approx([lengths[2] / 2000, lengths[2] / 500, lengths[2]], rel=0.01)
    heights = [float(rect.attrib["y"]) + float(rect.attrib["height"]) for rect in rects]
    assert max(heights) < float(ground.attrib["height"])
    assert heights == sorted(heights)
    said = [node.text for node in tree.iter() if node.tag.endswith("text")]
    assert said == ["t", "a < b", "1.0 (p50)", "4.0 (p99)", "c", "2,000 (p50)"]
    assert re.match(r"<svg[^>]+><rect[^>]+fill=\"#ffffff\"", drawn)


def test_bars_of_one_name_have_one_colour() -> None:
    drawn = bars({"a": [("1", 1), ("8", 2), ("32", 3)], "b": [("1", 1), ("32", 3)]}, title="t")
    _, *colours = re.findall(r'<rect[^>]+fill="([^"]+)"', drawn)
    assert len({*colours}) == 3
    assert colours[3:] == [colours[0], colours[2]]
