"""Progress: what is shown, and that it is silent where nobody watches."""

import io
import sys

import pytest

from unfade.cli.display import Display, share_done
from unfade.cli.time_left import TimeLeft

WEIGHTS = {"damage": 1.0, "inpaint": 1.0, "denoise": 2.0}


@pytest.mark.parametrize(
    ("stage", "part", "share"),
    [("damage", 0, 0), ("damage", 0.5, 0.125), ("denoise", 0, 0.5), ("denoise", 1, 1)],
)
def test_the_share_of_a_photo_follows_the_cost_of_its_stages(stage, part, share):
    assert share_done(WEIGHTS, stage, part) == pytest.approx(share)


def test_a_stage_of_unknown_cost_does_no_harm():
    assert share_done(WEIGHTS, "sharpen", 0.5) == 0


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self):
        return True


def walk(display):
    with display:
        display.photo("scan.tif")
        display.tile("damage", 1, 4)
        display.say("scan.tif -> out.tif")
        display.finished()


def test_bars_are_drawn_on_a_terminal_and_results_go_to_the_output(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    walk(Display(2, weights=WEIGHTS))
    assert "scan.tif" in terminal.getvalue() and "damage" in terminal.getvalue()
    assert capsys.readouterr().out == "scan.tif -> out.tif\n"


def test_every_process_has_its_bar_and_all_count_together(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    display = Display(10, weights=WEIGHTS)
    with display:
        display.photo("a.tif", 0)
        display.photo("b.tif", 3)
        display.tile("denoise", 0, 4, 0)
        display.tile("inpaint", 4, 4, 3)
        assert [task.description for task in display._live.tasks] == ["all", "a.tif", "b.tif"]
        assert display._live.tasks[0].completed == pytest.approx(1)
        display.finished(3)
        display.finished(None)
        assert display._live.tasks[0].completed == pytest.approx(2.5)
        display.photo("c.tif", 3)
        assert [task.description for task in display._live.tasks] == ["all", "a.tif", "c.tif"]


def test_no_bars_are_drawn_where_there_is_no_terminal(capsys):
    walk(Display(2))
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("scan.tif -> out.tif\n", "")


def test_a_quiet_display_says_nothing_at_all(capsys):
    walk(Display(2, quiet=True))
    assert capsys.readouterr() == ("", "")


def left(display, elapsed):
    """What the bar of the batch says is left, so many seconds after its start."""
    bar = display._live.tasks[0]
    bar.start_time = bar.get_time() - elapsed
    display._advance()
    return str(TimeLeft().render(bar))


def on_terminal(monkeypatch):
    """Not a fixture: pytest takes the streams back between setting up and the test."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")


def test_the_time_left_goes_by_all_that_is_done_from_the_first_tile_on(monkeypatch):
    on_terminal(monkeypatch)
    with Display(4, weights=WEIGHTS) as display:
        display.photo("a.tif")
        assert left(display, 5) == "-:--:--"
        display.tile("damage", 1, 1)
        assert left(display, 10) == "0:02:30"
        display.finished()
        assert left(display, 60) == "0:03:00"
        display.photo("b.tif")
        assert left(display, 62) == "0:03:06"


def test_a_stage_that_comes_before_its_turn_takes_nothing_back(monkeypatch):
    on_terminal(monkeypatch)
    with Display(1, weights=WEIGHTS) as display:
        display.photo("a.tif")
        display.tile("inpaint", 2, 2)
        for stage in ("choose", "damage"):
            display.tile(stage, 1, 2)
            assert display._live.tasks[0].completed == pytest.approx(0.5)


def test_photos_that_need_no_work_do_not_make_the_others_look_quick(monkeypatch):
    on_terminal(monkeypatch)
    with Display(10, weights=WEIGHTS) as display:
        for _ in range(8):
            display.finished(None)
        assert left(display, 1) == "-:--:--"
        display.photo("a.tif")
        display.finished()
        assert left(display, 60) == "0:01:00"
        display.finished(None)
        assert left(display, 60) == "0:00:00"
