"""What is wrong with parameters in a routes folder, with file, line and cure."""

from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.unit.adapters.broken_routes import SOUND
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.errors import RoutesError

WORDS = "words:\n  sizes:\n    small: [tiny]\n    large:\n"

BROKEN = {
    "a schema that is none": (
        "params: {type: object, properties: {a: {type: strin}}}\n",
        "1: params.properties.a.type is no JSON Schema: 'strin' is not valid under any of the "
        "given schemas; mend it",
    ),
    "required that is no list": (
        "params:\n  type: object\n  required: a\n",
        "3: params.required is no JSON Schema: 'a' is not of type 'array'; mend it",
    ),
    "a parameter that does not exist": (
        "params: {type: object, properties: {a: {type: string}}}\nextract:\n  b: url\n",
        "3: extract.b: params has no property 'b'; it has a; add it there or name another",
    ),
    "an extractor without params": (
        "extract: {b: url}\n",
        "1: extract.b: params has no property 'b'; it has none; add it there or name another",
    ),
    "an unknown extractor": (
        "params: {type: object, properties: {a: {type: string}}}\nextract:\n  a:\n    - urls\n",
        "4: extractor 'urls' is unknown; `by` may be words, regex, number, date, code, files, url, "
        "email, version, quoted",
    ),
    "no extractor": (
        "params: {type: object, properties: {a: {type: string}}}\nextract:\n  a: []\n",
        "3: a has no extractor; name one, or remove the line",
    ),
    "an extractor that is a number": (
        "params: {type: object, properties: {a: {type: string}}}\nextract:\n  a: 3\n",
        "3: an extractor is a name or a mapping with `by`; it may be words, regex, number, date, "
        "code, files, url, email, version, quoted",
    ),
    "an unknown option": (
        "params: {type: object, properties: {a: {type: string}}}\n"
        "extract:\n  a:\n    by: url\n    contains: [x]\n",
        "5: contains is an unknown key; did you mean 'containing'? It may be one of after, by, "
        "containing",
    ),
    "a look-around": (
        "params: {type: object, properties: {a: {type: string}}}\n"
        "extract:\n  a:\n    regex: 'a(?=b)'\n",
        "4: regex has what RE2 lacks: a look-around; match the text itself",
    ),
    "an expression too large for the engine": (
        "params: {type: object, properties: {a: {type: string}}}\n"
        "extract:\n  a:\n    regex: '((a{1000}){1000})'\n",
        "4: regex is refused by RE2: invalid repetition size: {1000}; mend it",
    ),
    "words for what is not in the enum": (
        "params: {type: object, properties: {a: {enum: [small, medium]}}}\n"
        "extract:\n  a:\n    by: words\n    synonyms:\n      big: [huge]\n",
        "6: synonyms has words for 'big', which is no value of the parameter; it may be one of "
        "small, medium; mend it, or add it to the schema",
    ),
    "a list with words for what is not in the enum": (
        "params: {type: object, properties: {a: {enum: [small, medium]}}}\n"
        "extract:\n  a:\n    by: words\n    words: sizes\n",
        "5: words has words for 'large', which is no value of the parameter; it may be one of "
        "small, medium; mend it, or add it to the schema",
    ),
    "a list that does not exist": (
        "params: {type: object, properties: {a: {type: string}}}\n"
        "extract:\n  a: {by: words, words: colours}\n",
        "3: words.yaml has no list 'colours'; it has sizes; add it there or name another",
    ),
    "words without words": (
        "params: {type: object, properties: {a: {type: string}}}\nextract:\n  a: words\n",
        "3: words has neither synonyms nor a list nor an enum; add one of them",
    ),
    "a default that does not fit": (
        "params:\n  type: object\n  properties:\n    a:\n      enum: [x, y]\n      default: z\n"
        "extract: {a: words}\n",
        "6: the default 'z' of a does not fit its own schema; mend one of the two",
    ),
    "a keyword that is not checked": (
        "params:\n  type: object\n  properties:\n    a: {type: string, not: {const: x}}\n"
        "extract: {a: url}\n",
        "4: a is extracted, and its schema says not, which is not checked here; it may say "
        "$comment, const, default, deprecated, description, enum, examples, exclusiveMaximum, "
        "exclusiveMinimum, format, items, maxItems, maxLength, maximum, minItems, minLength, "
        "minimum, multipleOf, pattern, title, type, uniqueItems",
    ),
    "an object": (
        "params:\n  type: object\n  properties:\n    a: {type: object}\nextract: {a: url}\n",
        "4: a is extracted, and its type is 'object'; it may be one of string, integer, number, "
        "boolean, array",
    ),
    "a pattern that the engine refuses": (
        "params:\n  type: object\n  properties:\n    a: {type: string, pattern: '(?!x)'}\n"
        "extract: {a: url}\n",
        "4: pattern has what RE2 lacks: a look-around; match the text itself",
    ),
    "a type that the extractor cannot give": (
        "params: {type: object, properties: {a: {type: integer}}}\nextract:\n  a: url\n",
        "3: extractor url gives string, and a is of type integer; change one of the two",
    ),
    "after that is no word": (
        "params: {type: object, properties: {a: {type: string}}}\n"
        "extract:\n  a: {by: url, after: [see at]}\n",
        "3: after has 'see at', which is not one word of letters; write one",
    ),
    "a unit of nothing": (
        "params: {type: object, properties: {a: {type: number}}}\n"
        "extract:\n  a: {by: number, units: {s: 0}}\n",
        "3: units.s is 0: input should be greater than 0",
    ),
    "a model that the fleet lacks": (
        "params: {type: object, properties: {a: {type: string}}}\nparams_model: tiny\n",
        "2: model 'tiny' is not in fleet.yaml, which has small; add it there or name another",
    ),
    "a keyword that no answer of a model is held to": (
        "params:\n  type: object\n  properties:\n    a: {type: object}\nparams_model: small\n",
        "4: a is extracted, and its type is 'object'; it may be one of string, integer, number, "
        "boolean, array",
    ),
    "parameters that are no object": (
        "description: x\nparams:\n  properties: {}\n  type: objekt\n",
        "4: params is a JSON Schema and must say `type: object`",
    ),
    "parameters without a type": (
        "description: x\nparams:\n  properties: {}\n",
        "2: params is a JSON Schema and must say `type: object`",
    ),
    "a bar that no words reach": (
        "params: {type: object, properties: {a: {enum: [small, medium]}}}\n"
        "extract:\n  a: {by: words, by_meaning: 1.5}\n",
        "3: by_meaning is 1.5: input should be less than or equal to 1",
    ),
    "words by place and by meaning": (
        "params: {type: object, properties: {a: {enum: [small, medium]}}}\n"
        "extract:\n  a: {by: words, by_meaning: true, after: [in]}\n",
        "3: after and by_meaning are both there, but what words mean stands after no word; remove "
        "one of them",
    ),
    "a model without parameters": (
        "params_model: small\n",
        "1: params_model is set, but the route has no params; add them, or remove the line",
    ),
}


def problems(folder: Path, files: dict[str, str]) -> list[str]:
    write_folder(folder, {**SOUND, "words.yaml": WORDS, **files})
    with pytest.raises(RoutesError) as error:
        read_routes(folder)
    return [problem.removeprefix(f"{folder}/") for problem in error.value.problems]


@pytest.mark.parametrize(("text", "problem"), BROKEN.values(), ids=BROKEN)
def test_what_is_wrong_is_named_with_line_and_cure(tmp_path: Path, text: str, problem: str) -> None:
    found = problems(tmp_path, {"billing/route.yaml": text})
    assert found == [f"billing/route.yaml:{problem}"]


def test_a_broken_list_is_not_blamed_on_the_routes_that_use_it(tmp_path: Path) -> None:
    text = (
        "params: {type: object, properties: {a: {type: string}}}\n"
        "extract: {a: {by: words, words: sizes}}\n"
    )
    files = {"billing/route.yaml": text, "words.yaml": "words: {sizes: [a]}\n"}
    found = problems(tmp_path, files)
    assert [problem.split(":")[0] for problem in found] == ["words.yaml"]
