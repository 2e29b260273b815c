"""Prompts by jinja2: tests/data/templates/prompts.json.xz of the reference templates, field_prompts.json.xz of
templates written here with the constructs of other models' (tests/data/templates/field).

python tests/oracle/make_template_fixtures.py   (needs jinja2)
"""

import itertools
import json
import lzma
import pathlib

import chat_jinja

ROOT = pathlib.Path(__file__).resolve().parents[1] / "data"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place, \"now\" or <later> — 天气",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "City & country"},
                "days": {"type": "integer", "default": 3, "description": "How many"},
                "units": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "spots": {"type": "array", "items": {"type": "number"}, "nullable": True},
                "where": {"oneOf": [{"type": "string"}, {"type": "object", "default": None}]},
                "kinds": {"type": ["string", "null"]},
                "nested": {
                    "type": "object",
                    "properties": {"a": {"type": "boolean", "default": False}, "b": {"type": "array"}},
                    "required": ["a"],
                },
            },
            "required": ["city"],
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {"name": "clock", "description": "Tells the time", "parameters": {"type": "object", "properties": {}}},
}


def call(name, arguments, identity="call12345"):
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "empty": [],
    "user": [{"role": "user", "content": "Hello!"}],
    "system": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}],
    "two_systems": [
        {"role": "system", "content": "One."},
        {"role": "system", "content": "Two."},
        {"role": "user", "content": "Hello!"},
    ],
    "turns": [
        {"role": "system", "content": "  You are “kind”.\n"},
        {"role": "user", "content": " What is 2+2? "},
        {"role": "assistant", "content": "4"},
        {"role": "user", "content": "中文可以吗？\n\n```py\nprint('<x>')\n```"},
        {"role": "assistant", "content": "当然 😀"},
        {"role": "user", "content": "ok"},
    ],
    "thinking": [
        {"role": "user", "content": "Think."},
        {"role": "assistant", "content": "<think>\nhm\n</think>\n\nDone."},
        {"role": "user", "content": "Again."},
        {"role": "assistant", "content": "Result", "reasoning_content": "because", "thinking": "because"},
    ],
    "no_think": [
        {"role": "system", "content": "Short. /no_think"},
        {"role": "user", "content": "Hi /no_think"},
        {"role": "assistant", "content": "Hi", "reasoning_content": None},
    ],
    "tool_turn": [
        {"role": "system", "content": "Use tools."},
        {"role": "user", "content": "Weather in Paris?"},
        {"role": "assistant", "content": None, "tool_calls": [call("get_weather", {"city": "Paris", "days": 2})]},
        {"role": "tool", "content": "sunny, 21.5°", "tool_call_id": "call12345", "name": "get_weather"},
        {"role": "assistant", "content": "It is sunny."},
        {"role": "user", "content": "Thanks"},
    ],
    "tool_text": [
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "Let me see.",
            "tool_calls": [call("get_weather", '{"city": "Paris"}'), call("clock", "{}", "call67890")],
        },
        {"role": "tool", "content": "{\"t\": 21}", "tool_call_id": "call12345", "name": "get_weather"},
        {"role": "tool", "content": "12:00", "tool_call_id": "call67890", "name": "clock"},
    ],
    "tool_empty": [
        {"role": "user", "content": "Time?"},
        {"role": "assistant", "content": "", "tool_calls": [call("clock", {})]},
        {"role": "tool", "content": "12:00", "tool_call_id": "call12345"},
    ],
    "tool_thinking": [
        {"role": "developer", "content": "Rules."},
        {"role": "user", "content": "Time?"},
        {"role": "assistant", "thinking": "I need the clock", "tool_calls": [call("clock", {"zone": None, "on": True})]},
        {"role": "tool", "content": {"hour": 12, "list": [1, 2.5, "x"]}, "name": "clock", "tool_call_id": "call12345"},
        {"role": "assistant", "content": "Noon.", "thinking": "fine"},
    ],
    "parts": [
        {"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
    ],
    "null_content": [{"role": "user", "content": None}],
    "no_content": [{"role": "user"}],
    "two_users": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    "assistant_first": [{"role": "assistant", "content": "Hi, I begin."}, {"role": "user", "content": "ok"}],
    "unknown_role": [{"role": "moderator", "content": "x"}],
    "prefix": [{"role": "user", "content": "go"}, {"role": "assistant", "content": "Sure, ", "prefix": True}],
}

SETTINGS = [
    {},
    {"enable_thinking": False},
    {"enable_thinking": True, "thinking": True},
    {"reasoning_effort": "high", "model_identity": "You are a test.", "builtin_tools": ["browser", "python"]},
    {"builtin_tools": ["code_interpreter", "get_weather"], "tools_in_user_message": False, "date_string": "1 Jan 2025"},
    {"custom_tools": [CLOCK]},
]

TOOLS = [None, [WEATHER, CLOCK]]


FIELD_SETTINGS = [
    {},
    {"enable_thinking": False, "thinking": True, "documents": [{"title": "T", "text": "Text"}], "max_turns": 2},
    {"controls": {"length": "short", "citations": True}, "documents": ["one", "two"], "custom_tools": [CLOCK]},
]


def write(folder, out, settings):
    tokens = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    cases = []
    for path in sorted(folder.glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for name, tools, generation, extra in itertools.product(CONVERSATIONS, TOOLS, (True, False), settings):
            case = {
                "template": template,
                "messages": CONVERSATIONS[name],
                "tools": tools,
                "add_generation_prompt": generation,
                "variables": tokens | extra,
            }
            answer = chat_jinja.answer(case)
            row = {"template": path.name, "messages": name, "tools": tools is not None,
                   "add_generation_prompt": generation, "settings": settings.index(extra)}
            cases.append(row | ({"text": answer["text"]} if "text" in answer else {"fails": True}))
        failed = sum("fails" in case for case in cases if case["template"] == path.name)
        print(f"{path.name}: {failed} errors")
    document = {"tokens": tokens, "conversations": CONVERSATIONS, "settings": settings, "tools": TOOLS[1], "cases": cases}
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(lzma.compress(json.dumps(document, ensure_ascii=False).encode("utf-8")))
    print(len(cases), "cases,", sum("fails" in case for case in cases), "of them errors")


def main():
    write(ROOT / "reference/templates", ROOT / "templates/prompts.json.xz", SETTINGS)
    write(ROOT / "templates/field", ROOT / "templates/field_prompts.json.xz", FIELD_SETTINGS)


if __name__ == "__main__":
    main()
