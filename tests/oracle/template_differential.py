"""Chat templates of other models, in files, rendered by jinja2 and by the C++ interpreter, compared.

python tests/oracle/template_differential.py DRIVER FILE.jinja ... [--count N]

Every template meets N of the combinations of conversations, tools, settings and generation prompt below. Texts must
be equal; where jinja2 raises, the interpreter must too, and with the message that raise_exception was given.
DRIVER is the built template_driver.
"""

import argparse
import copy
import functools
import itertools
import json
import pathlib
import random

import chat_jinja
import make_template_fixtures as fixtures
from jinja_differential import run_driver, same

call = fixtures.call


def texts(*parts):
    return [{"type": "text", "text": part} for part in parts]


NESTED = {"city": "Paris", "spots": [1, 2.5, None, True], "nested": {"a": False, "b": ["x", {"y": "é\"<&>"}]}, "s": "line\nline2",
          "i": 10**15, "f": 1e-7, "deep": {"c": {"d": {"e": []}}}}
CONVERSATIONS = fixtures.CONVERSATIONS | {
    "system_parts": [{"role": "system", "content": texts("sys")}, {"role": "user", "content": texts("a", "b")},
                     {"role": "assistant", "content": texts("c")}, {"role": "user", "content": texts("d")}],
    "image": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "what?"}, {"type": "video"},
                                           {"type": "image_url", "image_url": {"url": "x"}}, {"type": "input_audio"}]}],
    "reasoning_calls": [
        {"role": "system", "content": "S"}, {"role": "user", "content": "u1"},
        {"role": "assistant", "content": "<think>abc</think>a1", "reasoning_content": "r"}, {"role": "user", "content": "u2"},
        {"role": "assistant", "content": "x", "reasoning_content": "r2", "tool_calls": [call("get_weather", NESTED)]},
        {"role": "tool", "content": "22", "tool_call_id": "call12345", "name": "get_weather"},
        {"role": "tool", "content": "33", "tool_call_id": "call12345", "name": "get_weather"},
        {"role": "assistant", "content": "It is 22", "reasoning_content": "r3"}, {"role": "user", "content": "bye"}],
    "empty_contents": [{"role": "system", "content": ""}, {"role": "user", "content": ""}, {"role": "assistant", "content": ""},
                       {"role": "user", "content": "x"}],
    "unicode": [{"role": "user", "content": "日本 \u2028 👩‍👩‍👧 'q' \"dq\" \\ <|im_end|> {{ x }} {% y %}"},
                {"role": "assistant", "content": "\n\n  pad \t"}, {"role": "user", "content": "\u00a0nb\u3000"}],
    "flat_calls": [{"role": "user", "content": "u"},
                   {"role": "assistant", "content": None, "tool_calls": [{"name": "clock", "arguments": {"z": 1}}]},
                   {"role": "tool", "name": "clock", "content": "12", "tool_call_id": "call12345"}],
    "no_id": [{"role": "user", "content": "u"},
              {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "clock", "arguments": {}}}]},
              {"role": "tool", "content": "1"}, {"role": "user", "content": "k"}],
    "none_fields": [{"role": "user", "content": "u", "name": None},
                    {"role": "assistant", "content": "a", "tool_calls": None, "reasoning_content": None, "function_call": None},
                    {"role": "user", "content": "v", "name": "bob"}],
    "empty_calls": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a", "tool_calls": []},
                    {"role": "user", "content": "v"}],
    "documents": [{"role": "system", "content": "sys"}, {"role": "document", "content": "DOC"}, {"role": "user", "content": "q"}],
    "other_roles": [{"role": "context", "content": "CTX"}, {"role": "user", "content": "q"}, {"role": "ipython", "content": "z"},
                    {"role": "assistant_tool_call", "content": "x"}, {"role": "tool_response", "content": "y"},
                    {"role": "assistant", "content": "w"}],
    "parallel": [{"role": "user", "content": "u"},
                 {"role": "assistant", "content": "ok", "tool_calls": [call("get_weather", {"a": [[1, 2], [3]]}, "id1234567"),
                                                                       call("clock", {"t": True, "n": None}, "id7654321")]},
                 {"role": "tool", "content": "r1", "tool_call_id": "id1234567", "name": "get_weather"},
                 {"role": "tool", "content": texts("r2"), "tool_call_id": "id7654321", "name": "clock"},
                 {"role": "assistant", "content": "end"}],
    "thinking_part": [{"role": "user", "content": "u"},
                      {"role": "assistant", "content": [{"type": "thinking", "thinking": "hmm"}] + texts("t")},
                      {"role": "user", "content": "v"}],
    "reasoning": [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a", "reasoning": "because", "thinking": "t"},
                  {"role": "user", "content": "v"}, {"role": "assistant", "content": "b", "reasoning": "x"}],
    "message_tools": [{"role": "system", "content": "s", "tools": "[]", "response_format": "{}"},
                      {"role": "user", "content": "u", "tools": [fixtures.WEATHER]}],
}
SETTINGS = fixtures.SETTINGS + fixtures.FIELD_SETTINGS[1:] + [
    {"documents": [{"doc_id": 1, "title": "T é", "text": "body\nx", "url": "http://x"}, {"title": "B", "snippet": "s", "source": None}],
     "citation_mode": "fast", "citations": True, "grounding": True, "safety_mode": "CONTEXTUAL", "response_format": None},
    {"documents": [{"data": {"title": "a", "text": "b"}}, {"data": {"x": 1.5}}], "safety_mode": "NONE", "reasoning": True,
     "skip_thinking": True, "preserve_thinking": True, "keep_all_reasoning": True},
    {"thinking": False, "enable_thinking": False, "reasoning_effort": "low", "clear_thinking": False, "thinking_budget": 512,
     "continue_final_message": True, "add_vision_id": True, "xml_tools": ["a"], "python_tools": ["b"], "date": "2025-01-01",
     "system_prompt": "SP", "available_tools": [fixtures.CLOCK], "controls": {"originality": "abc", "length": "long"},
     "is_thinking": True, "truncate_history_thinking": False, "thinking_mode": "chat", "drop_thinking": False},
]
TOOLS = [None, fixtures.TOOLS[1], [], [tool["function"] for tool in fixtures.TOOLS[1]]]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}


def agree(want, got):
    raised = want.get("error", "")
    if raised.startswith("TemplateError: ") and raised.removeprefix("TemplateError: ") not in got.get("error", ""):
        return False
    return same(want, got)


def compare(driver, path, count):
    """(renderings, errors, those that differ) of one template."""
    template = path.read_text(encoding="utf-8")
    everything = list(itertools.product(CONVERSATIONS, TOOLS, (True, False), SETTINGS))
    chosen = random.Random(path.name).sample(everything, min(count, len(everything)))
    cases = [{"template": template, "messages": CONVERSATIONS[name], "tools": tools, "add_generation_prompt": generation,
              "variables": TOKENS | settings} for name, tools, generation, settings in chosen]
    expected = [chat_jinja.answer(copy.deepcopy(case)) for case in cases]
    answers = run_driver(driver, cases)
    differing = [(case, want, got) for case, want, got in zip(cases, expected, answers) if not agree(want, got)]
    return len(cases), sum("error" in want for want in expected), differing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("driver")
    parser.add_argument("templates", nargs="+", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=120)
    options = parser.parse_args()
    compile_once = functools.lru_cache(maxsize=4)(chat_jinja.ENVIRONMENT.from_string)
    chat_jinja.ENVIRONMENT.from_string = compile_once
    total = wrong = failed = 0
    for path in options.templates:
        count, errors, differing = compare(options.driver, path, options.count)
        print(f"{path.name}: {count} renderings, {errors} of them errors, {len(differing)} differ", flush=True)
        for case, want, got in differing[:2]:
            print("  messages:", json.dumps(case["messages"], ensure_ascii=False)[:300])
            print("  jinja2:  ", json.dumps(want, ensure_ascii=False)[-500:])
            print("  ours:    ", json.dumps(got, ensure_ascii=False)[-500:])
        total, failed, wrong = total + count, failed + errors, wrong + len(differing)
    print(f"all: {len(options.templates)} templates, {total} renderings, {failed} of them errors, {wrong} differ")


if __name__ == "__main__":
    main()
