"""What claims.yaml may hold, what a claim needs of a study, and one clear line for each mistake."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from grid_study import ROOT, paper, study_of

from codestilts.config.claim_jobs import claim_settings, decidable_claims
from codestilts.config.claim_settings import Part
from codestilts.config.notes import study_notes
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.claim_estimates import not_run
from codestilts.files import read_yaml

CLAIMS = read_yaml(ROOT / "claims.yaml")
XTREME = ("xnli", "paws-x", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc", "tatoeba")

# The claim that is changed, the changes, and what the line says.
BAD: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("squad", {"sayz": "x"}, "squad.sayz", ["unknown key", "'says'"]),
    ("squad", {"kind": "proven"}, "squad.kind", ["'positive'", "'proven'"]),
    ("squad", {"value": None}, "squad.value", ["no value"]),
    ("squad", {"value": "8"}, "squad.value", ["number", "'8'"]),
    ("squad", {"tolerance": -1}, "squad.tolerance", ["greater than 0"]),
    ("squad", {"tolerance": 0}, "squad.tolerance", ["greater than 0"]),
    ("xnli", {"margin": 0}, "xnli.margin", ["greater than 0"]),
    ("squad", {"says": ""}, "squad.says", ["is empty: write a text"]),
    ("squad", {"plus": None}, "squad.plus", ["no value"]),
    ("squad", {"plus": "squad"}, "squad.plus", ["must be keys with values, not 'squad'"]),
    ("squad", {"metrics": {"xnli": "mining_f1"}}, "squad.metrics.xnli", ["'mining_f1'", "classification", "accuracy"]),
    ("squad", {"metrics": {"bugs": "accuracy"}}, "squad.metrics.bugs", ["no target of this claim"]),
    ("squad", {"groups": ["generation"]}, "squad.groups", ["leaves no target", "classification", "retrieval"]),
    ("squad", {"minus": {"arms": ["squad"]}}, "squad.minus", ["same as plus", "always zero"]),
    ("domain", {"minus": {"domain": "code"}}, "domain.minus", ["same as plus"]),
    ("tydiqa", {"minus": {"arms": ["squad"]}}, "tydiqa.minus", ["squad", "remove it"]),
    ("form", {"minus": {"form": "own"}}, "form.plus.form", ["own is compared with other"]),
    ("form", {"plus": {"form": "own", "domain": "code"}}, "form.plus.form", ["same domain"]),
    ("domain-languages", {"least": 99}, "domain-languages.least", ["99", "languages: lower it"]),
    (
        "domain-languages",
        {"least": 3, "each": "target", "targets": ["match", "tags"]},
        "domain-languages.least",
        ["is 3, and there are 2 targets"],
    ),
    ("protocol", {"facts": {}}, "protocol.facts", ["is empty", "phases"]),
    ("squad", {"margin": 1.0}, "squad.margin", ["published", "remove"]),
    ("squad", {"plus": {"arms": ["squadd"]}}, "squad.plus.arms", ["'squadd'", "no arm", "did you mean 'squad'"]),
    ("squad", {"minus": {"arms": ["xnli"]}}, "squad.minus.arms", ["'xnli'", "no arm"]),
    ("squad", {"encoder": "xlm-r"}, "squad.encoder", ["'xlm-r'", "no encoder", "xlm-r-large"]),
    ("squad", {"targets": ["xnly"]}, "squad.targets", ["'xnly'", "'xnli'"]),
    ("squad", {"targets": ["cloze"]}, "squad.targets", ["'cloze'", "no target"]),
    ("squad", {"metrics": {"xquadd": "f1"}}, "squad.metrics", ["'xquadd'", "'xquad'"]),
    ("squad", {"study": "papyrus"}, "squad.study", ["'papyrus'", "'paper'"]),
    ("squad", {"suite": "pls"}, "squad.suite", ["'pls'", "'pl'"]),
    ("squad", {"only_languages": ["klingon"]}, "squad.only_languages", ["'klingon'"]),
    ("squad", {"plus": {}}, "squad.plus", ["is empty"]),
    ("squad", {"plus": {"arms": ["squad"], "family": "english"}}, "squad.plus", ["arms and family", "one of them"]),
    ("squad", {"plus": {"domain": "klingon"}}, "squad.plus.domain", ["'english'", "'klingon'"]),
    ("squad", {"match_forms": True}, "squad.match_forms", ["domain"]),
    ("form", {"minus": {"arms": ["none"]}}, "form.plus.form", ["own", "other"]),
    ("tydiqa", {"least": 10}, "tydiqa.least", ["10", "9 arms"]),
    ("tydiqa", {"plus": {"arms": ["squad"]}}, "tydiqa.plus.arms", ["fewer than two"]),
    ("domain", {"kind": "at_least"}, "domain.value", ["missing", "at_least"]),
    ("domain", {"minus": "DELETE"}, "domain.minus", ["missing", "positive"]),
    (
        "learning-rate-first",
        {"than": {"plus": {"arms": ["lor", "slow"]}, "minus": {"arms": ["none"]}}},
        "learning-rate-first.than.plus.arms",
        ["'lor'", "no arm"],
    ),
    (
        "learning-rate-first",
        {"than": {"plus": {"arms": ["lora"]}, "minus": {"arms": ["none"]}}},
        "learning-rate-first.than.plus.arms",
        ["fewer than two"],
    ),
    (
        "learning-rate-first",
        {"than": {"plus": {"family": "variant"}, "minus": {"arms": ["none"]}}},
        "learning-rate-first.than",
        ["named arms", "all four sides"],
    ),
    (
        "learning-rate-first",
        {"than": {"plus": {"arms": ["lora", "slow"]}}},
        "learning-rate-first.than.minus",
        ["missing"],
    ),
    (
        "squad",
        {"kind": "best_of", "than": {"plus": {"arms": ["squad"]}, "minus": {"arms": ["none"]}}},
        "squad.than",
        ["best_of", "remove"],
    ),
    ("protocol", {"facts": {"phasez": 3}}, "protocol.facts.phasez", ["unknown key", "'phases'"]),
]


def project_with(claims: dict[str, Any], folder: Path) -> Path:
    """The config, tasks, sources and studies of the project, and these claims."""
    for name in ("tasks", "studies", "src"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("config.yaml", "sources.csv"):
        shutil.copy2(ROOT / name, folder / name)
    (folder / "claims.yaml").write_text(yaml.safe_dump(claims))
    return folder


def load(folder: Path) -> Study:
    return load_study(read_configs([folder / "config.yaml"]), folder)


@pytest.mark.parametrize("case", BAD, ids=lambda case: f"{case[2]}-{case[1]}"[:70])
def test_a_bad_claim_is_one_clear_line(case: tuple[str, dict[str, Any], str, list[str]], tmp_path: Path) -> None:
    name, changes, key, words = case
    claim = {**CLAIMS[name], **changes}
    claims = {name: {key: value for key, value in claim.items() if value != "DELETE"}}
    with pytest.raises(CodeStiltsError) as caught:
        load(project_with(claims, tmp_path))
    lines = str(caught.value).removeprefix("error: ").split("\nerror: ")
    own = [line for line in lines if line.startswith(f"claims.yaml: {key}: ")]
    assert own and all(word in own[0] for word in words), lines


@pytest.mark.parametrize(
    ("plus", "minus", "line"),
    [
        ({"family": "code", "arms": ["none"]}, {"arms": ["none"]}, "plus: has arms and family: keep one of them"),
        ({"form": "own"}, {"form": "own"}, "plus.form: own is compared with other"),
        ({}, {}, "plus: is empty"),
    ],
)
def test_sides_that_are_wrong_are_not_also_the_same(
    plus: dict[str, Any], minus: dict[str, Any], line: str, tmp_path: Path
) -> None:
    """Whether both sides are the same is known only once they are corrected."""
    claim = CLAIMS["code-gain"] | {"plus": plus, "minus": minus}
    with pytest.raises(CodeStiltsError, match=rf"^claims\.yaml: own\.{line}") as caught:
        load(project_with({"own": claim}, tmp_path))
    assert "same as plus" not in str(caught.value)


def test_a_name_of_a_claim_is_a_name_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"^claims\.yaml: ../x: not a valid name of a claim"):
        load(project_with({"../x": CLAIMS["squad"]}, tmp_path))


def test_a_claim_without_keys_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"^claims\.yaml: squad: has no value"):
        load(project_with({"squad": None}, tmp_path))


def test_a_project_needs_no_claims(tmp_path: Path) -> None:
    project_with({}, tmp_path)
    (tmp_path / "claims.yaml").unlink()
    assert load(tmp_path).claims == {}


@pytest.fixture(scope="module")
def paper_study() -> Study:
    return paper()


def test_each_claim_can_be_decided_by_the_study_it_names() -> None:
    studies: dict[str, Study] = {}
    for name, claim in CLAIMS.items():
        own = [ROOT / "studies" / f"{claim['study']}.yaml"] if claim["study"] != "pocket" else []
        files = [ROOT / "config.yaml", *own]
        if claim["study"] not in studies:
            studies[claim["study"]] = load_study(read_configs(files), ROOT, files)
        missing = claim_settings(studies[claim["study"]], name).missing
        assert missing == ((claim["lacks"],) if "lacks" in claim else ()), name


def test_phang_takes_the_mean_over_tasks_and_all_languages(paper_study: Study) -> None:
    found = claim_settings(paper_study, "squad")
    (item,) = found.items["xlm-r-large"]
    assert item.parts == (Part(("squad",), ("none",), (XTREME,)),)
    assert {len(names) for names in found.languages["xlm-r-large"].values()} == {4, 7, 9, 11, 15, 33, 36, 40}
    assert "english" in found.languages["xlm-r-large"]["xnli"]
    metrics = {name: target.metric for name, target in found.targets.items()}
    assert metrics["xquad"] == metrics["tydiqa"] == "squad_mean" and metrics["mlqa"] == "mlqa_mean"
    assert len(found.runs()) == 2 * 9  # two arms, nine tasks, one encoder


def test_two_gains_are_compared_for_each_method(tmp_path: Path) -> None:
    files = [ROOT / "config.yaml", ROOT / "studies/generation.yaml"]
    study = load_study(read_configs(files), ROOT, files)
    found = claim_settings(study, "learning-rate-first")
    items = {item.name: item.parts for item in found.items["bert-tiny"]}
    assert list(items) == ["lora", "frozen-embeddings", "frozen-decoder"]
    scopes = (("describe", "complete"),)
    assert items["lora"] == (Part(("slow",), ("fast",), scopes, None, ("lora",), ("none",)),)
    assert len(found.runs()) == 6 * 2  # slow, fast, none and three methods, on two targets
    files.append(tmp_path / "less.yaml")
    files[-1].write_text("arms: [none, slow, fast, frozen-decoder]")
    less = load_study(read_configs(files), ROOT, files)
    assert claim_settings(less, "learning-rate-first").missing == ("the arms lora, frozen-embeddings",)


def test_a_claim_of_another_study_is_told_what_it_lacks() -> None:
    files = [ROOT / "config.yaml"]
    pocket = load_study(read_configs(files), ROOT, files)
    found = claim_settings(pocket, "squad")
    assert found.missing[0] == "the encoder xlm-r-large" and not found.items
    assert found.command == "results/paper/claims/squad.json --configfile studies/paper.yaml"
    assert "squad" not in decidable_claims(pocket)
    assert claim_settings(pocket, "code-gain").command == "results/pocket/claims/code-gain.json"
    assert claim_settings(pocket, "tpp-sentiment").command == "", "no study can run it"


def test_domains_are_compared_at_equal_form_without_near_targets(tmp_path: Path) -> None:
    """Two forms are on both sides: error (gloss has no partner in code here) is left out, and so is what is near."""
    arms = "arms: [none, pos, gloss, completion, naming, qa, code-search, cloze]\n"
    study = study_of(f"study: small\n{arms}", folder=tmp_path)
    (item,) = claim_settings(study, "domain").items["bert-tiny"]
    tasks = study.tasks
    by_form = {tasks[part.plus[0]].form: part for part in item.parts}
    single = {name: tasks[name] for name in study.arms if name in tasks}
    code, english = ({t.form for t in single.values() if t.domain == domain} for domain in ("code", "english"))
    assert set(by_form) == code & english and by_form
    for form, part in by_form.items():
        assert {tasks[arm].domain for arm in part.plus} == {"code"} and {tasks[arm].form for arm in part.plus} == {form}
        assert {tasks[arm].domain for arm in part.minus} == {"english"}
        near = {target for arm in [*part.plus, *part.minus] for target in tasks[arm].near}
        assert not near & {target for scope in part.scopes for target in scope}


def test_own_and_other_forms_are_those_of_each_target(tmp_path: Path) -> None:
    study = study_of("study: small\narms: [none, pos, naming, completion, cloze]\n", folder=tmp_path)
    (item,) = claim_settings(study, "form").items["bert-tiny"]
    for part in item.parts:
        ((target,),) = part.scopes
        assert {study.tasks[arm].form for arm in part.plus} == {study.tasks[target].form}
        assert study.tasks[target].form not in {study.tasks[arm].form for arm in part.minus}
        assert {study.tasks[arm].domain for arm in (*part.plus, *part.minus)} == {part.domain}


def test_own_and_other_forms_are_compared_within_a_domain() -> None:
    """Code tasks of the forms of `tags` and `param-qa` are near these, so English tasks are left."""
    files = [ROOT / "config.yaml"]
    (item,) = claim_settings(load_study(read_configs(files), ROOT, files), "form").items["bert-tiny"]
    cloze, choice, span, tagging = (f"english-{form}" for form in ("cloze", "choice", "span", "tagging"))
    assert set(item.parts) == {
        Part((tagging,), (cloze, choice, span), (("tags",),), 0, domain="english"),
        Part((span,), (cloze, choice, tagging), (("param-qa",),), 1, domain="english"),
    }


def test_domains_of_a_target_are_averaged(tmp_path: Path) -> None:
    arms = [f"{domain}-{form}" for domain in ("code", "english") for form in ("tagging", "span")]
    study = study_of(f"study: small\narms: [none, {', '.join(arms)}]\ntargets: [tags]\n", folder=tmp_path)
    far = study.tasks["code-tagging"].model_copy(update={"near": []})
    (item,) = claim_settings(replace(study, tasks=study.tasks | {"code-tagging": far}), "form").items["bert-tiny"]
    assert item.parts == (
        Part(("code-tagging",), ("code-span",), (("tags",),), 0, domain="code"),
        Part(("english-tagging",), ("english-span",), (("tags",),), 0, domain="english"),
    )


@pytest.mark.parametrize("name", ["domain-near", "domain-far"])
def test_near_and_far_languages_are_in_no_code_task(name: str) -> None:
    """Code tasks of the pocket study train on Python and JavaScript, whose tokens are similar."""
    files = [ROOT / "config.yaml"]
    found = claim_settings(load_study(read_configs(files), ROOT, files), name).languages["bert-tiny"]
    assert {"go", "java"} <= set(found["tags"]) and not {"python", "javascript"} & set(found["tags"])


def pocket_with(folder: Path, **keys: Any) -> Study:
    """The pocket study with the claim `code-gain` changed."""
    return load(project_with({"own": {**CLAIMS["code-gain"], **keys}}, folder))


def test_each_target_is_an_item_whether_it_has_rows_or_not(tmp_path: Path) -> None:
    """`parallel-python` has rows in Python and JavaScript only, which are not unseen."""
    asked = {"kind": "at_least_each", "value": 1, "each": "target", "targets": ["match", "parallel-python"]}
    found = claim_settings(pocket_with(tmp_path, **asked), "own").items["bert-tiny"]
    assert [(item.name, bool(item.parts)) for item in found] == [("match", True), ("parallel-python", False)]


def test_a_study_that_a_claim_names_but_that_lacks_an_arm_gets_no_command(tmp_path: Path) -> None:
    """The command would be one for this very study."""
    found = claim_settings(pocket_with(tmp_path, plus={"arms": ["synthetic"]}), "own")
    assert (found.missing, found.command) == (("the arm synthetic",), "")
    why = not_run(found, "")["why"]
    assert why.startswith("the study pocket lacks the arm synthetic, although the claim names it: add this")


def test_the_best_arm_needs_a_fine_tuned_target_to_be_chosen_by(tmp_path: Path) -> None:
    arms = {"arms": ["code-multi", "english-multi"]}
    asked = {"kind": "best_of", "plus": arms, "value": 1.0, "tolerance": 1.0, "targets": ["mining", "search-untrained"]}
    study = pocket_with(tmp_path, **asked)
    missing = ("a fine-tuned target of the claim, whose dev rows would choose the best arm",)
    assert claim_settings(study, "own").missing == missing and decidable_claims(study) == []
    trained = {"own": CLAIMS["code-gain"] | asked | {"targets": ["mining", "tags"]}}
    (tmp_path / "claims.yaml").write_text(yaml.safe_dump(trained))
    assert decidable_claims(load(tmp_path)) == ["own"]


@pytest.mark.parametrize(("least", "notes"), [(10, 0), (11, 1), (12, 1)])
def test_a_claim_about_more_languages_than_are_unseen_has_a_note(least: int, notes: int, tmp_path: Path) -> None:
    """All targets together have 22 languages, and ten of the pocket study's are in no code task."""
    study = load(project_with({"own": CLAIMS["domain-languages"] | {"least": least}}, tmp_path))
    found = study_notes(study)
    assert len(found) == notes
    for note in found:
        assert note.startswith(f"claims.yaml: own.least: is {least}, and this study has 10 languages (set 'unseen'")


def test_a_language_outside_the_set_is_said_to_be_lacking(tmp_path: Path) -> None:
    study = pocket_with(tmp_path, languages="unseen", only_languages=["python", "go"])
    assert claim_settings(study, "own").missing == ("the language python in the set 'unseen' of these targets",)


def test_a_study_without_matched_forms_says_so(tmp_path: Path) -> None:
    study = study_of("study: small\narms: [none, pos, cloze]\n", folder=tmp_path)
    words = "arms of both sides with one form, and a target in these languages that is near neither"
    assert claim_settings(study, "domain").missing == (words,)
