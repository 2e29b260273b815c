"""Chat templates rendered by jinja2 in the environment that Hugging Face's transformers sets up for them."""

import datetime
import json

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox


class Generation(jinja2.ext.Extension):
    """{% generation %}: marks the assistant's own words; the text passes through."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_pass")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _pass(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


# What strftime_now tells in fixtures; the C++ tests set the same local time.
NOW = datetime.datetime(2025, 3, 4, 15, 6, 7)


def strftime_now(format):
    return NOW.strftime(format)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = strftime_now
    return env


ENVIRONMENT = environment()


def render(template, messages, tools=None, add_generation_prompt=False, variables=None):
    """The prompt; raises whatever jinja2 or Python raises."""
    names = {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": add_generation_prompt}
    names.update(variables or {})
    return ENVIRONMENT.from_string(template).render(**names)


def answer(case):
    """{"text": ...} or {"error": ...} for one case, as the C++ test driver answers it."""
    try:
        text = render(
            case["template"],
            case.get("messages", []),
            case.get("tools"),
            case.get("add_generation_prompt", False),
            case.get("variables"),
        )
        text.encode("utf-8")
        return {"text": text}
    except (Exception, RecursionError) as error:
        return {"error": f"{type(error).__name__}: {error}"}
