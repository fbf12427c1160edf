"""Running experiments: each trial once, kept by its content, taken up again, reported."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tatami.errors import DataError, OptionError
from tatami.lab import Size, claim_named, claims, run_claim
from tatami.lab.claim import Claim, Trial
from tatami.lab.intervals import interval
from tatami.lab.store import Store
from tatami.lab.training import Recipe, begin, fit, run
from tatami.views.experiment import Chart, Conclusion, Line, Statement, Table
from tatami.views.experiment_chart import experiment_svg, experiment_svg_file
from tatami.views.experiment_html import experiment_html
from tatami.views.experiment_table import experiment_markdown, experiments_markdown

NET = "INPUT -> CONV(4, 5, S=3) -> RELU -> GAP -> FC"


def _trials(size):
    return [Trial(group, {"scale": s}, seed) for seed in size.seeds_or(3, 5) for group, s in (("a", 1), ("b", 2))]


def _measure(trial, data):
    return {"value": trial.settings["scale"] * (10 + trial.seed)}


def _conclude(results):
    a, b = (results.of(group, "value") for group in "ab")
    lines = tuple(
        Line(g, tuple((float(i), interval([v, v + 1])) for i, v in enumerate(vs)))
        for g, vs in zip("ab", (a, b), strict=True)
    )
    return Conclusion(
        (Statement("b is more than a", interval([y - x for x, y in zip(a, b, strict=True)])),),
        (Table("values", ("group", "first"), (("a|b", str(a[0])), ("<b>", str(b[0])))),),
        (Chart("by seed", "seed", "value", lines),),
    )


MADE_UP = Claim("made-up", "b is more than a.", ("nobody 1900",), _trials, _measure, _conclude, data="", times=True)


def test_a_trial_is_measured_once(tmp_path):
    seen = []
    counted = replace(MADE_UP, measure=lambda trial, data: seen.append(trial) or _measure(trial, data))

    first = run_claim(counted, Size(), folder=tmp_path)
    again = run_claim(counted, Size(), folder=tmp_path)
    longer = run_claim(counted, Size(is_full=True), folder=tmp_path)
    anew = run_claim(counted, Size(), folder=tmp_path, anew=True)

    assert [report.measured for report in (first, again, longer, anew)] == [6, 0, 4, 6]
    assert first.conclusion == again.conclusion == anew.conclusion
    assert first.conclusion.verdict == "holds"
    assert len(seen) == 16


def test_an_interrupted_experiment_goes_on_where_it_stopped(tmp_path):
    done = []

    def stops(trial, data):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(trial)
        return _measure(trial, data)

    with pytest.raises(KeyboardInterrupt):
        run_claim(replace(MADE_UP, measure=stops), Size(), folder=tmp_path)

    assert run_claim(replace(MADE_UP, measure=lambda t, d: _measure(t, d)), Size(), folder=tmp_path).measured == 2


def test_what_a_result_follows_from_is_in_its_key(tmp_path):
    trial = Trial("a", {"scale": 1}, 0)
    places = {
        Store(MADE_UP, None, tmp_path).path(one)
        for one in (trial, replace(trial, seed=1), replace(trial, settings={"scale": 2}), replace(trial, group="b"))
    }

    assert len(places) == 4
    assert Store(replace(MADE_UP, name="other"), None, tmp_path).path(trial) not in places


def test_a_damaged_result_is_measured_again(tmp_path):
    run_claim(MADE_UP, Size(), folder=tmp_path)
    Store(MADE_UP, None, tmp_path).path(_trials(Size())[0]).write_text("{", encoding="utf-8")

    assert run_claim(MADE_UP, Size(), folder=tmp_path).measured == 1


def test_a_report_in_every_form(tmp_path):
    report = run_claim(MADE_UP, Size(seeds=2), folder=tmp_path)
    values = json.loads(json.dumps(report.to_json()))

    assert values["verdict"] == "holds"
    assert values["conclusion"]["statements"][0]["holds"] is True
    page = experiment_html(report)
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<svg") == 1
    assert not re.search(r"(src|href)=", page)
    assert "| a\\|b | 10 |" in experiment_markdown(report)


def test_a_report_says_what_makes_it_again(tmp_path):
    assert run_claim(MADE_UP, Size(), folder=tmp_path).command == "tatami lab made-up --quick"
    on_digits = replace(MADE_UP, data="sample:gunpoint")
    report = run_claim(on_digits, Size(is_full=True, seeds=2), data="sample:digits", folder=tmp_path)
    again = "tatami lab made-up --full --seeds 2 --data sample:digits"
    assert report.command == report.to_json()["command"] == again
    assert f"<pre>{again}</pre>" in experiment_html(report)
    assert f"`{again}`: 4 measurements on sample:digits." in experiment_markdown(report)


def test_a_chart_of_nothing_and_a_chart_by_powers_of_ten():
    flat = Chart("t", "x", "y", (Line("empty", ()),))
    powers = Chart(
        "t", "x", "y", (Line("l", ((1.0, interval([1e-6])), (10.0, interval([0.0])))),), log_x=True, log_y=True
    )

    assert experiment_svg(flat) == experiment_svg_file(flat) == ""
    assert experiment_svg(powers).count("<circle") == 1  # 0 has no place on it
    assert experiment_svg_file(powers).startswith("<svg")


# --- training ---


def test_the_same_recipe_and_seed_train_the_same():
    recipe = Recipe(NET, 12, samples=100, augment="light")
    first, again, other = (fit(recipe, "sample:digits", seed) for seed in (0, 0, 1))

    assert first.losses == again.losses
    assert first.losses != other.losses
    assert len(first.losses) == 12
    assert len(first.split) == 100


def test_a_training_that_stops_goes_on_as_it_would_have():
    recipe = Recipe(NET, 10, samples=200)
    whole = fit(recipe, "sample:digits", 3)
    parts = run(begin(recipe, "sample:digits", 3), lambda training: len(training.losses) == 5)
    assert len(parts.losses) == 5

    assert run(parts).losses == whole.losses
    assert all(np.array_equal(v, whole.model.state_dict()[k]) for k, v in parts.model.state_dict().items())


def test_a_training_without_an_end_is_a_result():
    found = fit(Recipe(NET, 50, optimizer="sgd", lr=1e30, schedule="constant", samples=64), "sample:digits", 0)

    assert found.diverged
    assert len(found.losses) < 50


# --- the claims that there are ---


def test_every_claim_is_whole():
    for name, claim in claims().items():
        assert claim.name == name
        assert claim.says.endswith(".")
        assert claim.sources
        trials = claim.trials(Size())
        assert len({(t.group, t.seed, json.dumps(dict(t.settings), sort_keys=True)) for t in trials}) == len(trials)
        assert len(claim.trials(Size(is_full=True))) >= len(trials)


def test_an_unknown_claim():
    with pytest.raises(OptionError) as error:
        claim_named("dept")

    assert "no such claim; got dept; expected " in str(error.value)
    assert "(hint: did you mean depth?)" in str(error.value)


def test_several_reports_begin_with_their_verdicts(tmp_path):
    reports = [run_claim(claim, Size(), folder=tmp_path) for claim in (MADE_UP, replace(MADE_UP, name="other"))]
    text = experiments_markdown(reports)
    assert text.startswith(
        "| claim | says | verdict |\n|---|---|---|\n| made-up | b is more than a. | holds |\n| other |"
    )
    assert text.endswith("\n".join(map(experiment_markdown, reports)))
    assert experiments_markdown(reports[:1]) == experiment_markdown(reports[0])


def test_a_regression_is_no_data_for_it(tmp_path):
    x = np.random.default_rng(0).normal(size=(40, 8, 8, 1)).astype(np.float32)
    np.savez(tmp_path / "slopes.npz", x_train=x, y_train=x.mean(axis=(1, 2, 3)))
    classes = replace(MADE_UP, data="sample:digits")
    with pytest.raises(DataError, match=r"slopes.npz: the experiments are about classes; got a regression; expected"):
        run_claim(classes, Size(), data=f"{tmp_path / 'slopes.npz'}", folder=tmp_path)


@pytest.mark.parametrize(
    ("options", "again"), [([], "the same command"), (["--anew"], "the same command without --anew")]
)
def test_an_interrupt_says_what_becomes_of_it(tatami, monkeypatch, tmp_path, options, again):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("tatami.lab.run_claim", interrupted)
    result = tatami("lab", "definition", "-o", tmp_path, *options)
    assert result.code == 130
    said = " ".join(result.err.split())
    assert said.endswith(f"interrupted; what was measured is kept, and {again} goes on")


def test_the_list_shows_every_claim_as_it_is_written(tatami):
    listed = " ".join(tatami("lab").out.split())
    assert all(f"{claim.name} {claim.says}" in listed for claim in claims().values())
    assert "np.sum(X[x:x+F, y:y+F, :] * W) + b" in listed


def test_off_a_terminal_an_error_stands_alone(tatami, tmp_path):
    err = tatami("lab", "depth", "--data", tmp_path / "none.npz", "-o", tmp_path).err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--full"], "no claim to check; got --full; expected tatami lab CLAIM, or --all"),
        (["--quick"], "no claim to check; got --quick; expected"),
        (["--seeds", "3"], "no claim to check; got --seeds; expected"),
        (["--data", "x"], "no claim to check; got --data; expected"),
        (["--anew"], "no claim to check; got --anew; expected"),
        (["-o", "x"], "no claim to check; got --output; expected"),
        (["hardware", "--data", "x"], "hardware takes no data; got --data x; expected tatami lab hardware without it"),
        (["depth", "definition", "--data", "x"], "definition takes no data; got --data x; expected"),
        (["depth", "--all"], "--all is for every claim; got depth; expected one or the other"),
    ],
)
def test_options_that_nothing_would_follow(tatami, options, message):
    result = tatami("lab", *options)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"error: {message}")
    assert len(result.err.splitlines()) == 1


def test_the_list_as_markdown(tatami):
    head, rule, *rows = tatami("lab", "--format", "markdown").out.splitlines()
    assert (head, rule) == ("| claim | says |", "|---|---|")
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in claims()]
    assert all(f" | {claim.says} |" in row for claim, row in zip(claims().values(), rows, strict=True))


def test_other_data_have_a_folder_of_their_own(tatami, monkeypatch, tmp_path):
    on_digits, without = replace(MADE_UP, data="sample:digits"), replace(MADE_UP, name="bare")
    monkeypatch.setattr("tatami.lab.claims", lambda: {"made-up": on_digits, "bare": without})
    monkeypatch.setattr("tatami.lab.run._classified", lambda source: None)
    monkeypatch.setenv("XDG_CACHE_HOME", f"{tmp_path / 'cache'}")
    for options in ([], ["--data", "sample:digits"], ["--data", "sample:gunpoint"], ["--full", "--data", "a/b c/"]):
        assert tatami("lab", "--all", "-o", tmp_path / "lab", *options).code == 0
    made_up = ["made-up-full-a-b-c", "made-up-quick", "made-up-quick-gunpoint"]
    assert sorted(path.name for path in (tmp_path / "lab").iterdir()) == ["bare-full", "bare-quick", *made_up]
    data = [json.loads((tmp_path / "lab" / name / "result.json").read_text())["data"] for name in made_up]
    assert data == ["a/b c/", "sample:digits", "sample:gunpoint"]
