"""Routes folders with one thing wrong each: what is wrong, and the problem that names it.

A problem is given without the path of the routes folder; the files stand beside `SOUND`.
"""

from collections.abc import Mapping

SOUND: Mapping[str, str | bytes] = {
    "taxonomy.yaml": "default_route: general\nlimits: {max_query_bytes: 100}\n",
    "fleet.yaml": "models:\n  small: {provider: openai, model: x}\n",
    "general/exemplars.txt": "hello there\nwhat can you do\n",
    "billing/exemplars.txt": "my card was charged twice\nwhere is my invoice\n",
}


def _fleet(*models: str) -> str:
    entries = (f"  {model}: {{provider: openai, model: x}}\n" for model in models)
    return "models:\n" + "".join(entries)


BROKEN: Mapping[str, tuple[Mapping[str, str | bytes], str]] = {
    "broken YAML": (
        {"billing/route.yaml": "description: x\nspecialist: [a\n"},
        "billing/route.yaml:3: this is not YAML: expected ',' or ']', but got '<stream end>'; "
        "mend it",
    ),
    "empty exemplar file": (
        {"billing/exemplars.txt": ""},
        "billing/exemplars.txt:1: the file has no text in it; write one example query on a line",
    ),
    "duplicate route names": (
        {"Code_Review/exemplars.txt": "a", "code-review/exemplars.txt": "b"},
        "code-review:1: duplicate route name: 'code-review' and 'Code_Review' differ only in case "
        "or in - and _; rename or merge one of them",
    ),
    "duplicate nested route names": (
        {"a/b_c/exemplars.txt": "a", "A/b-C/exemplars.txt": "b"},
        "a/b_c:1: duplicate route name: 'a/b_c' and 'A/b-C' differ only in case or in - and _; "
        "rename or merge one of them",
    ),
    "fallback that does not exist": (
        {"billing/route.yaml": "description: x\nfallback_route: generl\n"},
        "billing/route.yaml:2: fallback_route is 'generl', which does not exist; name one of "
        "general",
    ),
    "fallback to itself": (
        {"billing/route.yaml": "fallback_route: billing\n"},
        "billing/route.yaml:1: fallback_route is the route itself; name another, or remove the "
        "line to fall back to the default route",
    ),
    "threshold of 7": (
        {"billing/route.yaml": "description: x\nthreshold: 7\n"},
        "billing/route.yaml:2: threshold is 7; write a number between -1 and 1, or auto",
    ),
    "not UTF-8": (
        {"billing/exemplars.txt": "eins\nRechnung für März\n".encode("latin-1")},
        "billing/exemplars.txt:2: byte 0xfc is not UTF-8; save the file as UTF-8",
    ),
    "prompt that is not UTF-8": (
        {"billing/specialist.md": b"\xff"},
        "billing/specialist.md:1: byte 0xff is not UTF-8; save the file as UTF-8",
    ),
    "unknown key": (
        {"taxonomy.yaml": "default_route: general\nmargn: 0.1\n"},
        "taxonomy.yaml:2: margn is an unknown key; did you mean 'margin'? It may be one of "
        "default_route, escalation, guard, hierarchy, language, limits, margin, min_confidence, "
        "plans, sensitivity, stickiness, tenants",
    ),
    "duplicate key": (
        {"fleet.yaml": "models:\n  m: {provider: openai, model: x}\n  m: {}\n"},
        "fleet.yaml:3: key 'm' stands twice; keep one",
    ),
    "alias": (
        {"billing/route.yaml": "specialist:\n  models: &m [small]\n  stop: *m\n"},
        "billing/route.yaml:3: alias *m: write the value out instead",
    ),
    "unknown model": (
        {"billing/route.yaml": "specialist:\n  models:\n  - small\n  - large\n"},
        "billing/route.yaml:4: model 'large' is not in fleet.yaml, which has small; add it there "
        "or name another",
    ),
    "no exemplars": (
        {"empty/route.yaml": "description: x\n"},
        "empty:1: the route has no exemplars; add exemplars.txt with one example query on a line, "
        "or let the folder's name begin with _ if it is no route",
    ),
    "default route that does not exist": (
        {"taxonomy.yaml": "margin: 0.1\ndefault_route: home\n"},
        "taxonomy.yaml:2: default_route is 'home', but no folder has that name; name one of "
        "billing, general",
    ),
    "name of a route": (
        {"über uns/exemplars.txt": "who are you"},
        "über uns:1: a route's folder is named with 1 to 64 letters, digits, - and _; rename it, "
        "or let its name begin with _ if it is no route",
    ),
    "bad line of JSON": (
        {"mail/exemplars.jsonl": '{"text": "send it"}\n{"txt": "post it"}\n'},
        'mail/exemplars.jsonl:2: a line must be like {"text": "an example query"}',
    ),
    "bad line of CSV": (
        {"mail/exemplars.csv": 'text\nsend it\n"post it\n'},
        "mail/exemplars.csv:3: this is not CSV: unexpected end of data; mend the line",
    ),
    "two exemplar files": (
        {"billing/exemplars.jsonl": '{"text": "send it"}\n'},
        "billing/exemplars.jsonl:1: exemplars.txt and exemplars.jsonl stand side by side; merge "
        "them into one",
    ),
    "exemplar that is too long": (
        {"billing/exemplars.txt": f"ok\n{'long ' * 25}\n"},
        "billing/exemplars.txt:2: the text is 124 bytes, but limits.max_query_bytes is 100; "
        "shorten it",
    ),
    "empty out of scope": (
        {"_out_of_scope/exemplars.txt": "\n\n"},
        "_out_of_scope/exemplars.txt:1: the file has no text in it; write one example query on a "
        "line",
    ),
    "out of scope that is not UTF-8": (
        {"_out_of_scope/exemplars.txt": "weather\nWetter für März\n".encode("latin-1")},
        "_out_of_scope/exemplars.txt:2: byte 0xfc is not UTF-8; save the file as UTF-8",
    ),
    "two out-of-scope files": (
        {"_out_of_scope/exemplars.txt": "a", "_out_of_scope/exemplars.csv": "text\nb\n"},
        "_out_of_scope/exemplars.csv:1: exemplars.txt and exemplars.csv stand side by side; merge "
        "them into one",
    ),
    "out of scope that is too long": (
        {"_out_of_scope/exemplars.txt": f"ok\n{'long ' * 25}\n"},
        "_out_of_scope/exemplars.txt:2: the text is 124 bytes, but limits.max_query_bytes is 100; "
        "shorten it",
    ),
    "exemplar and negative": (
        {"billing/negatives.txt": "refund me\nmy card was charged twice\n"},
        "billing:1: 'my card was charged twice' is an exemplar and a negative of the same route; "
        "remove one of the two",
    ),
    "empty negatives": (
        {"billing/negatives.txt": "# none yet\n"},
        "billing/negatives.txt:1: the file has no text in it; write one example query on a line",
    ),
    "unknown judge": (
        {"billing/route.yaml": "specialist:\n  checks:\n    judge:\n      model: wise\n"},
        "billing/route.yaml:4: model 'wise' is not in fleet.yaml, which has small; add it there or "
        "name another",
    ),
    "speculative elsewhere": (
        {"billing/route.yaml": "specialist:\n  models: [small]\n  speculative: true\n"},
        "billing/route.yaml:3: speculative is for the default route, 'general', alone: where else "
        "a query goes is not known before it is decided; remove the line",
    ),
    "speculative with effects": (
        {
            "general/route.yaml": "specialist:\n  models: [small]\n  idempotent: false\n"
            "  speculative: true\n"
        },
        "general/route.yaml:4: speculative is true and idempotent false, but a head start is a "
        "call that may be made for nothing; remove one of the two",
    ),
    "parallel with effects": (
        {
            "fleet.yaml": _fleet("small", "large"),
            "billing/route.yaml": "specialist:\n  models: [small, large]\n  pattern: parallel\n"
            "  idempotent: false\n",
        },
        "billing/route.yaml:3: pattern is parallel and idempotent false, but several models at "
        "once have their effects several times; write failover, or remove idempotent",
    ),
    "required parameter that is none": (
        {
            "billing/route.yaml": "params:\n  type: object\n  properties:\n"
            "    city: {type: string}\n  required: [city, nix]\nextract:\n  city: [quoted]\n"
        },
        "billing/route.yaml:5: params.required names 'nix', which is no property and so never "
        "found; params has city; add it there or name another",
    ),
    "parallel with too few models": (
        {"billing/route.yaml": "specialist:\n  models: [small, small]\n  pattern: parallel\n"},
        "billing/route.yaml:3: pattern is parallel with 2 models at once, but the specialist has "
        "1; name more, or write failover",
    ),
    "confidence that nobody tells": (
        {
            "fleet.yaml": _fleet("small", "large"),
            "billing/route.yaml": "specialist:\n  models: [small, large]\n  pattern: parallel\n"
            "  parallel: {pick: confidence}\n",
        },
        "billing/route.yaml:4: pick is confidence, but no model of the specialist has the feature "
        "logprobs, without which it says nothing of its confidence; add it in fleet.yaml where it "
        "is true, or write first or judge",
    ),
    "confidence that nobody reaches": (
        {"billing/route.yaml": "specialist:\n  models: [small]\n  checks: {min_confidence: 0.5}\n"},
        "billing/route.yaml:3: min_confidence is set, but no model of the specialist has the "
        "feature logprobs, without which no answer passes; add it in fleet.yaml where it is true, "
        "or remove the line",
    ),
    "pick of a judge who is not there": (
        {
            "fleet.yaml": _fleet("small", "large"),
            "billing/route.yaml": "specialist:\n  models: [small, large]\n  pattern: parallel\n"
            "  parallel:\n    width: 2\n    pick: judge\n",
        },
        "billing/route.yaml:6: pick is judge, but there is none; add checks.judge, or write first "
        "or confidence",
    ),
    "cascade without checks": (
        {"billing/route.yaml": "specialist:\n  checks: {regex: ''}\n  pattern: cascade\n"},
        "billing/route.yaml:3: pattern is cascade, but nothing is checked, so the first answer "
        "always stands; add checks, or write failover",
    ),
    "shadow of an unknown model": (
        {
            "fleet.yaml": f"{_fleet('small')}shadows:\n  s:\n"
            "    share: 1\n    models: [small, tiny]\n"
        },
        "fleet.yaml:6: model 'tiny' is not in fleet.yaml, which has small; add it there or name "
        "another",
    ),
    "shadow of an unknown route": (
        {
            "fleet.yaml": f"{_fleet('small')}shadows:\n  s:\n    share: 1\n    models: [small]\n"
            "    routes:\n    - billing\n    - biling\n"
        },
        "fleet.yaml:9: route 'biling' does not exist; name one of billing, general",
    ),
    "shadow that changes nothing": (
        {"fleet.yaml": "shadows:\n  s: {share: 0.5, routes: [billing]}\n"},
        "fleet.yaml:2: shadow 's' changes nothing; give it models, a prompt or a router, or remove "
        "it",
    ),
    "name of a shadow": (
        {"fleet.yaml": "shadows:\n  '': {share: 0.5, router: 'localhost:1'}\n"},
        "fleet.yaml:2: shadow '': a shadow is named with 1 to 64 letters, digits, - and _; rename "
        "it",
    ),
    "shadow's prompt that is not there": (
        {"fleet.yaml": "shadows:\n  s:\n    share: 1\n    prompt: monolith.md\n"},
        "fleet.yaml:4: shadows.s.prompt is 'monolith.md', but there is no such file beside "
        "fleet.yaml; write it or name another",
    ),
    "shadow's prompt that no file can be called": (
        {"fleet.yaml": 'shadows:\n  s:\n    share: 1\n    prompt: "a\\0b"\n'},
        "fleet.yaml:4: shadows.s.prompt is 'a\\x00b', but there is no such file beside fleet.yaml; "
        "write it or name another",
    ),
    "shadow's prompt by its full path": (
        {"fleet.yaml": "shadows:\n  s: {share: 1, prompt: /etc/passwd}\n"},
        "fleet.yaml:2: shadows.s.prompt is '/etc/passwd', which is a link or leads out of the "
        "routes folder; put the file itself beside fleet.yaml",
    ),
    "shadow's prompt that is empty": (
        {"fleet.yaml": "shadows:\n  s: {share: 1, prompt: s.md}\n", "s.md": " \n"},
        "fleet.yaml:2: shadows.s.prompt is 's.md', which is empty; write the prompt into it, or "
        "remove the line",
    ),
    "shadow's prompt that is not UTF-8": (
        {"fleet.yaml": "shadows:\n  s: {share: 1, prompt: s.md}\n", "s.md": b"a\n\xff"},
        "s.md:2: byte 0xff is not UTF-8; save the file as UTF-8",
    ),
    "regression query that is an exemplar of another route": (
        {"billing/regression.txt": "# must come here\nhello there\n"},
        "billing/regression.txt:2: 'hello there' is an exemplar of general, so that it goes there; "
        "remove one of the two",
    ),
    "regression query that is a negative of its route": (
        {"billing/regression.txt": "pay me\n", "billing/negatives.txt": "pay me\n"},
        "billing/regression.txt:1: 'pay me' is a negative of the same route; remove one of the two",
    ),
    "regression query of two routes": (
        {"billing/regression.txt": "pay me\n", "general/regression.txt": "good day\npay me\n"},
        "general/regression.txt:2: 'pay me' must go to billing, too, as its regression queries "
        "say; remove one of the two",
    ),
    "empty file of regression queries": (
        {"billing/regression.txt": "# none yet\n"},
        "billing/regression.txt:1: the file has no text in it; write one example query on a line",
    ),
    "regression query that is too long": (
        {"billing/regression.txt": "pay me\n" + "a" * 101},
        "billing/regression.txt:2: the text is 101 bytes, but limits.max_query_bytes is 100; "
        "shorten it",
    ),
    "tenant with an unknown model": (
        {"taxonomy.yaml": "default_route: general\ntenants:\n  a:\n    models:\n    - smal\n"},
        "taxonomy.yaml:5: model 'smal' is not in fleet.yaml, which has small; add it there or name "
        "another",
    ),
    "tenant with no model": (
        {"taxonomy.yaml": "default_route: general\ntenants: {a: {models: []}}\n"},
        "taxonomy.yaml:2: models is empty, so that no query of the tenant would be answered; name "
        "those that are approved, or remove the line for all",
    ),
    "tag that no model has": (
        {
            "taxonomy.yaml": "default_route: general\ntenants:\n  a: {requires: [local]}\n",
            "fleet.yaml": "models:\n  small: {provider: openai, model: x, tags: [cheap, fast]}\n",
        },
        "taxonomy.yaml:3: no model in fleet.yaml has the tag 'local', so that none may be called; "
        "there are cheap, fast: write one of them, or give it to a model",
    ),
    "negative budget": (
        {
            "taxonomy.yaml": "default_route: general\ntenants:\n  a:\n    budget:\n"
            "      usd: -5\n      per: day\n"
        },
        "taxonomy.yaml:5: usd is -5, and a budget cannot be negative; write 0 for no paid model at "
        "all, or remove budget for no limit",
    ),
    "unknown period": (
        {"taxonomy.yaml": "default_route: general\ntenants: {a: {budget: {usd: 5, per: week}}}\n"},
        "taxonomy.yaml:2: tenants.a.budget.per is 'week': input should be 'hour', 'day' or 'month'",
    ),
    "budget without a period": (
        {"taxonomy.yaml": "default_route: general\ntenants: {a: {budget: {usd: 5}}}\n"},
        "taxonomy.yaml:2: tenants.a.budget.per is missing; add it",
    ),
    "unknown key of a tenant": (
        {"taxonomy.yaml": "default_route: general\ntenants: {a: {require: [x]}}\n"},
        "taxonomy.yaml:2: tenants.a.require is an unknown key; did you mean 'requires'? It may be "
        "one of budget, models, prefer, requires",
    ),
    "tenant with a long name": (
        {"taxonomy.yaml": f"default_route: general\ntenants: {{{'t' * 129}: {{}}}}\n"},
        f"taxonomy.yaml:2: tenant {'t' * 80!r}: a tenant's name has 1 to 128 bytes; rename it",
    ),
    "the best of models without a quality": (
        {"taxonomy.yaml": "default_route: general\ntenants: {a: {prefer: best}}\n"},
        "taxonomy.yaml:2: prefer is best, but no model in fleet.yaml has a quality; add it there, "
        "or write listed or cheapest",
    ),
    "the best of a route's models without a quality": (
        {"billing/route.yaml": "specialist:\n  models: [small]\n  prefer: best\n"},
        "billing/route.yaml:3: prefer is best, but no model of the specialist has a quality in "
        "fleet.yaml; add it there, or write listed or cheapest",
    ),
    "levels that differ in case": (
        {
            "taxonomy.yaml": "default_route: general\n"
            "sensitivity: {metadata: s, levels: {Secret: [], secret: []}}\n"
        },
        "taxonomy.yaml:2: levels has 'secret' and 'Secret', and neither case nor blanks make a "
        "difference; keep one",
    ),
    "level whose tag no model has": (
        {
            "taxonomy.yaml": "default_route: general\nsensitivity:\n  metadata: s\n  levels:\n"
            "    secret: [local]\n"
        },
        "taxonomy.yaml:5: no model in fleet.yaml has the tag 'local', so that none may be called; "
        "there are no tags: write one of them, or give it to a model",
    ),
    "tag that no model of the route has": (
        {"billing/route.yaml": "specialist:\n  models: [small]\n  requires:\n  - local\n"},
        "billing/route.yaml:4: no model of the specialist has the tag 'local', so that none may be "
        "called; name one that has it, or remove the tag",
    ),
    "head start where queries may not go": (
        {
            "taxonomy.yaml": "default_route: general\ntenants: {a: {models: [large]}}\n",
            "fleet.yaml": _fleet("small", "large"),
            "general/route.yaml": "specialist:\n  models: [large, small]\n  speculative: true\n",
        },
        "general/route.yaml:3: speculative sends queries to 'small' before it is known whether "
        "they may go there, and it is not approved for tenant 'a'; remove the line, or the model",
    ),
    "head start with sensitive queries": (
        {
            "taxonomy.yaml": "default_route: general\n"
            "sensitivity: {metadata: s, levels: {secret: [local]}}\n",
            "fleet.yaml": "models:\n  small: {provider: openai, model: x}\n"
            "  large: {provider: openai, model: x, tags: [local]}\n",
            "general/route.yaml": "specialist:\n  models: [large, small]\n  speculative: true\n",
        },
        "general/route.yaml:3: speculative sends queries to 'small' before it is known whether "
        "they may go there, and queries may require the tag 'local'; remove the line, or the model",
    ),
}
