import pytest

from tests.bench.pages import markers, splice


def test_only_what_is_between_a_sections_markers_is_replaced() -> None:
    begin, end = markers("speed")
    other = "\n".join(markers("accuracy"))
    page = f"before\n{begin}\nold\n{end}\n{other}\nafter\n"
    assert splice(page, "speed", "new") == f"before\n{begin}\n\nnew\n\n{end}\n{other}\nafter\n"
    assert splice(splice(page, "speed", "new"), "speed", "new") == splice(page, "speed", "new")
    for broken in ("nothing", f"{begin} no end", f"{end} before {begin}", other):
        with pytest.raises(ValueError, match="put the two lines back"):
            splice(broken, "speed", "new")
