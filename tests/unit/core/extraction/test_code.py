"""The language of pasted code, on snippets whose language is beyond doubt."""

import pytest

from waypost_server.core.extraction.code import find_code_language
from waypost_server.core.extraction.text import Text

SNIPPETS = {
    "python": [
        "def main(argv):\n    print(argv)\n",
        'Traceback (most recent call last):\n  File "a.py", line 3, in <module>',
        "with open(p) as f:\n    rows = [r for r in f]",
    ],
    "javascript": [
        "const total = items.reduce((a, b) => a + b, 0);",
        "document.querySelector('#x').addEventListener('click', function () { run(); });",
        "TypeError: Cannot read properties of undefined (reading 'x')\n  at f (a.js:3:1)",
    ],
    "typescript": [
        "function load(id: string): Promise<void> { return api.get(id); }",
        "interface User {\n  name: string;\n}",
    ],
    "java": [
        "public class A { public static void main(String[] args) { System.out.println(1); } }",
        "java.lang.IllegalStateException: x\n\tat com.acme.A.run(A.java:10)",
    ],
    "kotlin": ["fun greet(name: String) = println(name)", "data class User(val id: Int)"],
    "scala": ["object Main extends App { val x = 1 }\ncase class P(a: Int)"],
    "csharp": [
        "public string Name { get; set; }",
        "System.ArgumentNullException: Value cannot be null. at A.B() in B.cs:line 3",
    ],
    "c": ["#include <stdio.h>\nint main(void) { char *s = malloc(10); free(s); }"],
    "cpp": ["std::vector<int> v; for (const auto& x : v) std::cout << x;"],
    "go": [
        "func main() {\n\tx := 1\n\tfmt.Println(x)\n}",
        "panic: runtime error\ngoroutine 1 [running]:",
    ],
    "rust": ["fn main() { let mut v: Vec<u8> = Vec::new(); }", "error[E0382]: use of moved value"],
    "php": ["<?php echo $name; ?>", "foreach ($rows as $row) { $sum = $sum + $row['a']; }"],
    "ruby": ["def full_name\n  [first, last].join(' ')\nend", "users.each do |user| puts 'x' end"],
    "swift": ["guard let x = y else { return }", "func add(_ a: Int) -> Int { a + 1 }"],
    "sql": ["select id, name from users where id = 3", "CREATE TABLE t (id int);"],
    "shell": ["#!/bin/sh\nset -e\nrm -rf $1", "cat x | grep y | sort"],
    "other": ["defmodule A do\n  def f(x) do\n x\n end\nend", 'resource "aws_vpc" "a" { }'],
}


@pytest.mark.parametrize(
    ("language", "code"), [(name, code) for name, codes in SNIPPETS.items() for code in codes]
)
def test_code_shows_its_language(language: str, code: str) -> None:
    for text in (code, f"what is wrong here?\n\n{code}\n\nthanks"):
        assert [found.value for found in find_code_language(Text(text))] == [language]


@pytest.mark.parametrize(
    ("fence", "language"), [("py", "python"), ("ts", "typescript"), ("C++", "cpp"), ("sh", "shell")]
)
def test_a_fence_says_what_it_holds(fence: str, language: str) -> None:
    found = find_code_language(Text(f"see\n```{fence}\nx = 1\n```"))
    assert [one.value for one in found] == [language]


@pytest.mark.parametrize(
    ("file", "language"),
    [
        ("a.py", "python"),
        ("src/b.tsx", "typescript"),
        ("b.jsx:3", "javascript"),
        ("Main.kt", "kotlin"),
        ("x.erb", "ruby"),
        ("q.hpp", "cpp"),
        ("run.bash", "shell"),
        ("lib.exs", "other"),
        ("m.clj", "other"),
        ("t.pl", "other"),
        ("t.hs", "other"),
        ("t.ex", "other"),
    ],
)
def test_a_file_is_written_in_what_its_name_ends_in(file: str, language: str) -> None:
    for text in (f"why does {file} fail", f"it is {file}."):
        assert [one.value for one in find_code_language(Text(text))] == [language]


@pytest.mark.parametrize(
    "prose",
    [
        "How do I go from here, and why? (I really want to know.)",
        "Let us select one from the list; then update it.",
        "If this is done, the function returns null - or does it?",
        "is 3 = 4?",
        "```text\nhello\n```",
        "",
    ],
)
def test_prose_is_no_code(prose: str) -> None:
    assert not list(find_code_language(Text(prose)))
