"""Random templates over the grammar of jinja2, with random data."""

FILTERS = {
    # name: argument makers; "e" any expression, "i" small integer, "s" text, "b" truth, "a" attribute, "f" filter,
    # "t" test; a "?" makes it optional, NAME= a keyword.
    "abs": [""], "attr": ["s"], "batch": ["i", "i,e"], "capitalize": [""], "center": ["", "i"], "count": [""],
    "d": ["", "e", "e,b"], "default": ["e", "e,b", "boolean=b"], "dictsort": ["", "b", "by='value'", "reverse=b"],
    "e": [""], "escape": [""], "filesizeformat": ["", "b"], "first": [""], "float": ["", "e"],
    "forceescape": [""], "format": ["e", "e,e"], "groupby": ["a", "a,default=e", "a,case_sensitive=b"],
    "indent": ["", "i", "i,b", "i,b,b", "s", "first=b", "blank=b"], "int": ["", "e", "default=i,base=i"],
    "join": ["", "s", "s,a", "attribute=a"], "last": [""], "length": [""], "list": [""], "lower": [""], "items": [""],
    "map": ["f", "attribute=a", "attribute=a,default=e", "f,s"], "max": ["", "attribute=a"],
    "min": ["", "attribute=a"], "pprint": [""], "reject": ["", "t", "t,e"],
    "rejectattr": ["a", "a,t", "a,t,e"], "replace": ["s,s", "s,s,i", "s,e"], "reverse": [""],
    "round": ["", "i", "i,'floor'", "method='ceil'", "i,s"], "safe": [""], "select": ["", "t", "t,e"],
    "selectattr": ["a", "a,t", "a,t,e"], "slice": ["i", "i,e"],
    "sort": ["", "reverse=b", "b,b", "attribute=a", "case_sensitive=b"], "string": [""], "striptags": [""],
    "sum": ["", "attribute=a", "start=e"], "title": [""],
    "tojson": ["", "indent=i", "ensure_ascii=b", "sort_keys=b", "separators=(s,s)", "indent=s", "b,i"],
    "trim": ["", "s"], "truncate": ["", "i", "i,b", "i,b,s", "i,b,s,i"],
    "unique": ["", "b", "attribute=a"], "upper": [""], "urlencode": [""], "wordcount": [""],
    "wordwrap": ["i", "i,b", "i,b,s"], "xmlattr": ["", "b"],
}
TESTS = {
    "odd": "", "even": "", "divisibleby": "i", "defined": "", "undefined": "", "none": "", "boolean": "", "false": "",
    "true": "", "integer": "", "float": "", "lower": "", "upper": "", "string": "", "mapping": "", "number": "",
    "sequence": "", "iterable": "", "callable": "", "escaped": "", "in": "e", "eq": "e", "equalto": "e",
    "ne": "e", "gt": "e", "greaterthan": "e", "ge": "e", "lt": "e", "lessthan": "e", "le": "e",
    "filter": "", "test": "", "sameas": "c",
}
METHODS = {
    "split": ["", "s", "s,i", "none,i", "maxsplit=i"], "rsplit": ["", "s", "s,i"], "strip": ["", "s"],
    "lstrip": ["", "s"], "rstrip": ["", "s"], "startswith": ["s", "(s,s)", "s,i"], "endswith": ["s", "(s,s)", "s,i,i"],
    "replace": ["s,s", "s,s,i"], "upper": [""], "lower": [""], "title": [""], "capitalize": [""], "swapcase": [""],
    "casefold": [""], "join": ["e"], "find": ["s", "s,i", "s,i,i"], "rfind": ["s"], "index": ["s", "e"],
    "rindex": ["s"], "count": ["s", "e", "s,i"], "splitlines": ["", "b"], "partition": ["s"], "rpartition": ["s"],
    "isdigit": [""], "isalpha": [""], "isalnum": [""], "isspace": [""], "islower": [""], "isupper": [""],
    "istitle": [""], "isnumeric": [""], "isdecimal": [""], "isidentifier": [""], "isprintable": [""], "isascii": [""],
    "zfill": ["i"], "ljust": ["i", "i,c1"], "rjust": ["i", "i,c1"], "center": ["i", "i,c1"],
    "removeprefix": ["s"], "removesuffix": ["s"], "expandtabs": ["", "i"],
    "format": ["e", "e,e", "a=e", "e,b=e"], "items": [""], "keys": [""], "values": [""], "get": ["s", "s,e"],
    "append": ["e"], "pop": [""], "update": ["e"], "copy": [""], "bit_length": [""], "is_integer": [""],
    "fromkeys": ["e"],
}
TEXTS = [
    "", "a", "b", "ab", "abc", "Hello World", " padded ", "x,y,,z", "line one\nline two\n\nlast", "tab\there", "é", "ß",
    "中文字", "😀 ok", "ΑΣ", "<b>&\"'</b>", "12", "-7", "3.5", "1e3", "0x1f", "  42 ", "1_000", "nan", "inf", "a b c d",
    "aXbXc", "www.example.com", "ab-cd-ef gh", "%s", "%d and %5.2f", "%(a)s", "{} {}", "{0!r:>6}", "{a:<5}|", "role",
    "user", "content", "The quick brown fox jumps over the lazy dog", "UPPER", "mixedCase", "don't", "\\", "\"q\"", "_",
    "ǆ", "İ", "ŉ", "\u00a0x\u2003", "a\r\nb\rc", "name", "i", "0", "--a--", "ﬁ",
]
ATTRIBUTES = ["role", "content", "name", "a", "b", "missing", "0", "items", "a.b", "tool_calls", "x"]
NAMES = ["a", "b", "x", "y", "items", "messages", "tools", "ns", "missing", "text", "number", "d", "l", "w", "n", "x", "y", "z"]
PRINTF = ["%s", "%r", "%d", "%5d", "%-5d|", "%05d", "%+d", "%x", "%#x", "%o", "%e", "%.3f", "%g", "%10.4s|", "%c", "%%",
          "%i", "%5s|", "%-6s|", "% d", "%.2e", "%G", "%X", "%a"]
SPECS = ["", ":5", ":<5", ":>8", ":^7", ":*^9", ":05", ":+", ":,", ":_", ":.2f", ":e", ":g", ":x", ":#x", ":b", ":o", ":%",
         ":.1%", ":d", ":s", ":10.3", "!r", "!s:>10", ":c", ":=+6", ":08.3f", ":,.2f", ":n", ":.3", ":G", ":#o", ":.0f"]


class Generator:
    def __init__(self, rng):
        self.rng = rng
        self.loops = 0
        self.macros = []

    # ---- data

    def value(self, depth=0):
        r = self.rng
        kind = r.randrange(9 if depth < 3 else 6)
        if kind == 0:
            return None
        if kind == 1:
            return r.random() < 0.5
        if kind == 2:
            return r.choice([0, 1, 2, 3, -1, 7, 10, 100, -13, 255, 1234567, 2**40])
        if kind == 3:
            return r.choice([0.0, 0.5, 1.0, -1.5, 2.5, 3.14159, 1e16, 1e-5, 123456.789, 1e22, 0.1, 100.0, 1e300])
        if kind in (4, 5):
            return r.choice(TEXTS)
        if kind == 6:
            return [self.value(depth + 1) for _ in range(r.randrange(5))]
        if kind == 7:
            return {r.choice(ATTRIBUTES[:7] + TEXTS[:8]): self.value(depth + 1) for _ in range(r.randrange(4))}
        same = r.randrange(3)
        return [
            r.choice([1, 3, 2, -5, 10]) if same == 0 else r.choice(TEXTS) if same == 1 else self.record()
            for _ in range(r.randrange(6))
        ]

    def record(self):
        r = self.rng
        return {"role": r.choice(["user", "assistant", "System", "tool"]), "a": r.randrange(5), "b": r.choice(TEXTS[:9]),
                "content": r.choice(TEXTS)}

    # ---- expressions, by the type they should have; now and then another one

    def quoted(self, text):
        quote = self.rng.choice("'\"")
        out = text.replace("\\", "\\\\").replace(quote, "\\" + quote)
        if self.rng.random() < 0.7:
            out = out.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
        return quote + out + quote

    def string(self):
        return self.quoted(self.rng.choice(TEXTS))

    def integer(self):
        return str(self.rng.choice([0, 1, 2, 3, 4, 5, 8, 10, 16, 20, -1, -2, -3]))

    def argument(self, code, depth):
        if "=" in code and not code.startswith("("):
            name, rest = code.split("=", 1)
            return name + "=" + self.argument(rest, depth)
        if code == "e":
            return self.expression(depth + 1)
        if code == "i":
            return self.integer() if self.rng.random() < 0.8 else self.expression(depth + 1, "int")
        if code == "s":
            return self.string() if self.rng.random() < 0.8 else self.expression(depth + 1, "text")
        if code == "c1":
            return self.quoted(self.rng.choice(["*", "0", "é", "-"]))
        if code == "b":
            return self.rng.choice(["true", "false"])
        if code == "a":
            return self.quoted(self.rng.choice(ATTRIBUTES[:3] + ATTRIBUTES))
        if code == "f":
            return self.quoted(self.rng.choice(["upper", "string", "length", "trim", "int", "list", "first", "title"]
                                               if self.rng.random() < 0.8 else list(FILTERS)))
        if code == "t":
            return self.quoted(self.rng.choice(["string", "defined", "number", "none", "odd", "mapping", "eq", "in"]
                                               if self.rng.random() < 0.6 else list(TESTS)))
        if code == "c":
            return self.rng.choice(["none", "true", "false", "missing", "l", "d"])
        return code

    def arguments(self, pattern, depth):
        parts = []
        for code in pattern.replace("(s,s)", "(s\0s)").split(",") if pattern else []:
            if "\0" in code:
                parts.append(f"{code.split('(')[0]}({self.string()}, {self.string()})")
            else:
                parts.append(self.argument(code, depth))
        return ", ".join(parts)

    def items_of(self, depth, count):
        kind = self.rng.choice(["any", "int", "text", "text"])
        return [self.expression(depth + 1, kind) for _ in range(self.rng.randrange(count))]

    def literal(self, kind):
        r = self.rng
        if kind == "text":
            return self.string()
        if kind == "int":
            return self.integer() if r.random() < 0.8 else r.choice(
                ["1.5", "0.1", "2.0", "1e3", "10.25", "1_000", "0x1F", "0b101", "0o17", "3.0e-2", "1_0.5"])
        if kind == "bool":
            return r.choice(["true", "false", "True", "False"])
        if kind == "list":
            return r.choice(["[]", "[1, 2, 3]", "['b', 'a', 'B']", "range(4)", "range(5, 0, -2)", "('x', 1)", "()",
                             "[[1, 2], [3, 4]]", "[none, true, 2.5]", "[{'a': 2, 'b': 'x'}, {'a': 1, 'b': 'y'}]"])
        if kind == "dict":
            return r.choice(["{}", "{'a': 1}", "{'b': 'x', 'a': [1]}", "{1: 2, 'role': none}", "dict(a=1, b=2)",
                             "{'a': {'b': 3}, 'name': 'N'}", "{true: 1, 2.5: 2, none: 3}"])
        return r.choice(["none", "None", "missing", self.string(), self.integer()])

    def name(self, kind):
        r = self.rng
        if self.loops and r.random() < 0.15:
            if kind == "int":
                return "loop." + r.choice(["index", "index0", "revindex", "revindex0", "length", "depth", "depth0"])
            if kind == "bool":
                return "loop." + r.choice(["first", "last", "changed(x)", "changed(loop.index // 2)"])
            return "loop." + r.choice(["previtem", "nextitem", "cycle('a', 'b')", "cycle(1, 2, 3)", "nothing", "index"])
        names = {"text": ["text", "a", "text"], "int": ["number", "n", "b"], "list": ["l", "items", "messages", "w"],
                 "dict": ["d", "d", "messages[0]"], "bool": ["yes"]}.get(kind, [])
        if not names or r.random() < 0.1:
            names = NAMES
        return r.choice(names)

    def of(self, kind, depth):
        """An operand of the given type, in brackets where it is not simple."""
        out = self.expression(depth + 1, kind)
        simple = out.replace("_", "").isalnum() or self.rng.random() < 0.03
        return out if simple else "(" + out + ")"

    def expression(self, depth=0, kind=None):
        r = self.rng
        kind = kind or r.choice(["any", "text", "text", "int", "list", "dict", "bool"])
        if r.random() < 0.02:
            kind = r.choice(["any", "text", "int", "list", "dict", "bool"])
        if depth > 4 or r.random() < 0.36:
            return self.literal(kind) if r.random() < 0.5 else self.name(kind)
        if r.random() < 0.12:
            return self.general(kind, depth)
        return getattr(self, "make_" + kind)(depth)

    def general(self, kind, depth):
        r = self.rng
        choice = r.randrange(5)
        if choice == 0:
            out = f"{self.of(kind, depth)} if {self.expression(depth + 1, 'bool')}"
            return "(" + out + (f" else {self.of(kind, depth)}" if r.random() < 0.7 else "") + ")"
        if choice == 1:
            return f"{self.of(kind, depth)} {r.choice(['and', 'or'])} {self.of(kind, depth)}"
        if choice == 2:
            return f"{self.of(kind, depth)}|default({self.expression(depth + 1, kind)}{r.choice(['', ', true'])})"
        if choice == 3:
            return f"{self.of('list', depth)}|{r.choice(['first', 'last', 'max', 'min'])}"
        return f"{self.of('dict', depth)}.{r.choice(ATTRIBUTES[:7])}"

    def use(self, table, names, kind, depth, call):
        name = self.rng.choice(names)
        arguments = self.arguments(self.rng.choice(table[name]), depth)
        if call:
            return f"{self.of(kind, depth)}.{name}({arguments})"
        return f"{self.of(kind, depth)}{self.rng.choice(['|', ' | '])}{name}" + (f"({arguments})" if arguments else "")

    def make_any(self, depth):
        r = self.rng
        choice = r.randrange(8)
        if choice == 0:
            return f"{self.of('list', depth)}[{self.expression(depth + 1, 'int')}]"
        if choice == 1:
            return f"{self.of('dict', depth)}[{self.expression(depth + 1, 'text')}]"
        if choice == 2:
            return f"{self.of('any', depth)}.{r.choice(ATTRIBUTES[:7] + ['grouper', 'list', '1'])}"
        if choice == 3 and self.macros:
            return self.macro_call(depth)
        if choice == 4:
            return self.use(FILTERS, list(FILTERS), "any", depth, False)
        if choice == 5:
            return self.use(METHODS, list(METHODS), "any", depth, True)
        if choice == 6:
            return f"{self.of('any', depth)} {r.choice(['+', '-', '*', '/', '//', '%', '~'])} {self.of('any', depth)}"
        return self.expression(depth + 1)

    def make_text(self, depth):
        r = self.rng
        choice = r.randrange(12)
        if choice < 3:
            return self.use(FILTERS, ["capitalize", "center", "e", "forceescape", "indent", "lower", "replace", "reverse",
                                      "safe", "string", "striptags", "title", "trim", "truncate", "upper", "urlencode",
                                      "wordwrap", "pprint"], "text", depth, False)
        if choice < 6:
            return self.use(METHODS, ["strip", "lstrip", "rstrip", "replace", "upper", "lower", "title", "capitalize",
                                      "swapcase", "casefold", "zfill", "ljust", "rjust", "center", "removeprefix",
                                      "removesuffix", "expandtabs"], "text", depth, True)
        if choice == 6:
            return f"{self.of('text', depth)} {r.choice(['+', '~'])} {self.of('text', depth)}"
        if choice == 7:
            return f"{self.of('list', depth)}|join({self.string()}{r.choice(['', '', ', ' + self.quoted(r.choice(ATTRIBUTES))])})"
        if choice == 8:
            return self.use(FILTERS, ["tojson", "tojson", "string", "pprint", "e", "urlencode"],
                            r.choice(["dict", "list", "any", "list"]), depth, False)
        if choice == 9:
            return self.slice("text", depth)
        if choice == 10:
            return f"{self.string()}.join({self.of('list', depth)}|map('string'))"
        return self.formatting(depth)

    def make_int(self, depth):
        r = self.rng
        choice = r.randrange(8)
        if choice < 2:
            operator = r.choice(["+", "+", "-", "*", "/", "//", "%", "**"])
            right = self.of("int", depth) if operator not in ("**", "*") else r.choice(["2", "3", "0", "-1", "0.5", "n"])
            return f"{self.of('int', depth)} {operator} {right}"
        if choice == 2:
            return r.choice(["-", "+", "- -"]) + self.of("int", depth)
        if choice == 3:
            return f"{self.of(r.choice(['list', 'text', 'dict']), depth)}|{r.choice(['length', 'count'])}"
        if choice == 4:
            return self.use(FILTERS, ["abs", "round", "int", "float"], "int", depth, False)
        if choice == 5:
            return self.use(FILTERS, ["int", "float", "wordcount"], "text", depth, False)
        if choice == 6:
            return self.use(METHODS, ["find", "rfind", "index", "rindex", "count"], "text", depth, True)
        return f"{self.of('list', depth)}|sum" + r.choice(["", "", "(attribute='a')", "(start=10)"])

    def slice(self, kind, depth):
        r = self.rng
        step = r.choice(["", "", ":", ":-1", ":2", ":-2", ":n"])
        operand = self.of(kind, depth)
        if not operand.replace("_", "").isalnum():
            operand = r.choice(["text", "l", "w", "messages"])  # jinja2 folds slices of constants in a way of its own
        bound = lambda: r.choice(["", "", self.integer(), self.integer(), "-1", "n"])
        return f"{operand}[{bound()}:{bound()}{step}]"

    def make_list(self, depth):
        r = self.rng
        choice = r.randrange(12)
        if choice == 0:
            return "[" + ", ".join(self.items_of(depth, 5)) + "]"
        if choice == 1:
            parts = self.items_of(depth, 4)
            return "(" + ", ".join(parts) + ("," if len(parts) == 1 else "") + ")"
        if choice < 6:
            name = r.choice(["batch", "list", "map", "reject", "rejectattr", "select", "selectattr", "slice", "sort",
                             "unique", "reverse", "groupby"])
            operand = self.of("list", depth)
            if name in ("selectattr", "rejectattr", "groupby") or r.random() < 0.3:
                operand = r.choice(["messages", "items", "messages"])
            arguments = self.arguments(r.choice(FILTERS[name]), depth)
            return f"{operand}|{name}" + (f"({arguments})" if arguments else "") + r.choice(["|list", "|list", "|list", ""])
        if choice == 6:
            return f"{self.of('list', depth)} {r.choice(['+', '+', '*'])} {self.of(r.choice(['list', 'list', 'int']), depth)}"
        if choice == 7:
            return self.slice("list", depth)
        if choice == 8:
            return self.use(METHODS, ["split", "split", "rsplit", "splitlines", "partition", "rpartition"], "text", depth, True)
        if choice == 9:
            return f"{self.of('dict', depth)}" + r.choice([".items()", ".keys()", ".values()", "|items", "|dictsort",
                                                          "|dictsort(by='value')", "|list", "|dictsort(reverse=true)"])
        if choice == 10:
            return f"{self.of('text', depth)}|list"
        return f"range({self.integer()}{r.choice(['', ', 6', ', 10, 3', ', -4, -1'])})"

    def make_dict(self, depth):
        r = self.rng
        choice = r.randrange(4)
        if choice == 0:
            return f"dict({self.of('dict', depth)}, {r.choice(['a', 'z'])}={self.expression(depth + 1)})"
        if choice == 1:
            return f"dict({self.of('dict', depth)}.items())"
        if choice == 2:
            return f"({self.of('dict', depth)}).get({self.string()}, {self.literal('dict')})"
        return "{" + ", ".join(f"{self.quoted(r.choice(ATTRIBUTES))}: {self.expression(depth + 1)}"
                               for _ in range(r.randrange(4))) + "}"

    def make_bool(self, depth):
        r = self.rng
        choice = r.randrange(6)
        if choice < 2:
            name = r.choice(list(TESTS))
            out = self.of("any", depth) + " is " + ("not " if r.random() < 0.3 else "") + name
            code = TESTS[name]
            if code:
                argument = self.argument(code, depth) if code != "e" else self.literal(r.choice(["any", "int", "list", "text"]))
                out += f"({argument})" if r.random() < 0.6 else " " + argument
            return out
        if choice == 2:
            return f"not {self.of(r.choice(['bool', 'any', 'list']), depth)}"
        if choice == 3:
            return self.use(METHODS, ["startswith", "endswith", "isdigit", "isalpha", "isalnum", "isspace", "islower",
                                      "isupper", "istitle", "isnumeric", "isdecimal", "isidentifier", "isprintable",
                                      "isascii"], "text", depth, True)
        if choice == 4:
            kind = r.choice(["text", "dict", "list"])
            item = "text" if kind != "list" else "any"
            return f"{self.of(item, depth)} {r.choice(['in', 'not in'])} {self.of(kind, depth)}"
        kind = r.choice(["int", "int", "text", "list", "any"])
        out = self.of(kind, depth)
        for _ in range(r.choice([1, 1, 2])):
            operators = ["==", "!="] if kind in ("any", "list") and r.random() < 0.8 else ["==", "!=", "<", "<=", ">", ">="]
            out += f" {r.choice(operators)} {self.of(kind, depth)}"
        return out

    def formatting(self, depth):
        r = self.rng
        if r.random() < 0.5:
            pieces = [r.choice(PRINTF) for _ in range(r.choice([1, 1, 2, 3]))]
            text = " ".join(pieces)
            values = [self.literal("text" if piece[-1] in "sra|" else "int") for piece in pieces if piece != "%%"]
            if r.random() < 0.5:
                return f"({self.quoted(text)}|format({', '.join(values)}))"
            return f"({self.quoted(text)} % ({', '.join(values)}{',' if len(values) == 1 else ''}))"
        fields, values = [], []
        for _ in range(r.choice([1, 1, 2])):
            spec = r.choice(SPECS)
            kind = "text" if spec in ("", ":5", ":<5", ":>8", ":^7", ":*^9", "!r", "!s:>10") and r.random() < 0.6 else "int"
            fields.append("{" + spec + "}")
            values.append(self.literal(kind))
        if r.random() < 0.2:
            fields.append("{" + r.choice(["0", "a", "a.b", "0[1]", "a[b]", "b[0]"]) + r.choice(["", ":>5", "!r"]) + "}")
            fields = fields[-1:]
        return f"{self.quoted(' '.join(fields))}.format({', '.join(values)}, a={self.literal('dict')}, b={self.literal('list')})"

    def macro_call(self, depth):
        r = self.rng
        parts = [self.expression(depth + 1) for _ in range(r.choice([0, 1, 1, 2]))]
        parts += [f"{key}={self.expression(depth + 1)}" for key in r.sample(["x", "y", "a", "z"], r.choice([0, 0, 0, 1, 2]))]
        if r.random() < 0.05:
            parts.append("*" + r.choice(["l", "[1, 2]", "text"]))
        if r.random() < 0.05:
            parts.append("**" + r.choice(["d", "{'x': 1}"]))
        return f"{r.choice(self.macros)}({', '.join(parts)})"

    # ---- statements

    def data(self):
        return self.rng.choice(["", " ", "\n", "  \n  ", "text", "a b", "\n\n", " x ", "\t", "{ ", "}", "% ", "-", "# ", "é\n", "end \n "])

    def tag(self, inside):
        left = self.rng.choice(["", "", "", "-", "+"])
        right = self.rng.choice(["", "", "", "-", "+"])
        return "{%" + left + " " + inside + " " + right + "%}"

    def output(self):
        left = self.rng.choice(["", "", "", "-", "+"])
        right = self.rng.choice(["", "", "", "-"])
        return "{{" + left + " " + self.expression() + " " + right + "}}"

    def target(self):
        return self.rng.choice(["x", "y", "z", "x", "y", "z", "x, y", "ns.a", "ns.x", "ns.a"])

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.rng.choice([1, 1, 2, 2, 3, 4])))

    def statement(self, depth):
        r = self.rng
        kind = r.randrange(24) if depth < 4 else r.randrange(8)
        if kind < 4:
            return self.data()
        if kind < 8:
            return self.output()
        if kind < 11:
            target = self.target()
            value = "[1, 2]" if "," in target and r.random() < 0.9 else self.expression(1)
            return self.tag(f"set {target} = {value}")
        if kind < 14:
            out = self.tag(f"if {self.expression(1, 'bool')}") + self.body(depth + 1)
            for _ in range(r.choice([0, 0, 0, 1])):
                out += self.tag(f"elif {self.expression(2, 'bool')}") + self.body(depth + 1)
            if r.random() < 0.5:
                out += self.tag("else") + self.body(depth + 1)
            return out + self.tag("endif")
        if kind < 18:
            return self.loop(depth)
        if kind == 18:
            name = r.choice(["m", "f"])
            parameters = r.choice(["", "x", "x, y", "x, y=1", "x=a", "a, b=x", "x, caller=none"])
            saved, self.loops = self.loops, 0
            body = self.body(depth + 1)
            if r.random() < 0.3:
                body += "{{ caller(" + self.expression(3) + ") if caller else 'none' }}" if r.random() < 0.5 else "{{ caller() }}"
            if r.random() < 0.3:
                body += r.choice(["{{ varargs }}", "{{ kwargs }}", "{{ varargs|length }}{{ kwargs }}"])
            self.loops = saved
            out = self.tag(f"macro {name}({parameters})") + body + self.tag("endmacro")
            if name not in self.macros:
                self.macros.append(name)
            return out
        if kind == 19:
            if self.macros and r.random() < 0.7:
                saved, self.loops = self.loops, 0
                body = self.body(depth + 1)
                self.loops = saved
                return self.tag(f"call{r.choice(['', '', '(x)', '(y, b=2)'])} {self.macro_call(2)}") + body + self.tag("endcall")
            saved, self.loops = self.loops, 0
            body = self.body(depth + 1)
            self.loops = saved
            return self.tag("generation") + body + self.tag("endgeneration")
        if kind == 20:
            name = r.choice(["upper", "indent(2)", "trim", "replace('a', 'b')", "length", "title", "trim|upper", "wordcount"])
            return self.tag(f"filter {name}") + self.body(depth + 1) + self.tag("endfilter")
        if kind == 21:
            target = r.choice(["x", "y", "text", "ns.a"])
            return self.tag(f"set {target}{r.choice(['', '', ' | upper', ' | trim | length'])}") + self.body(depth + 1) + self.tag("endset")
        if kind == 22:
            pairs = ", ".join(f"{r.choice(['x', 'y', 'a', 'b'])} = {self.expression(2)}" for _ in range(r.choice([0, 1, 2])))
            return self.tag(f"with {pairs}") + self.body(depth + 1) + self.tag("endwith")
        other = r.randrange(4)
        if other == 0:
            return "{#" + r.choice(["", "-", "+"]) + r.choice([" comment ", "{{ x }}", "\n#\n"]) + r.choice(["", "-", "+"]) + "#}"
        if other == 1:
            return self.tag("raw").replace("+%}", "%}") + r.choice(["{{ x }}", " {% if %} ", "\n{#\n"]) + self.tag("endraw")
        if other == 2:
            return "{% set ns = namespace(a=1, x='t') %}"
        return self.tag("print " + self.expression(2))

    def loop(self, depth):
        r = self.rng
        target = r.choice(["x", "x", "x", "y", "item", "x, y", "a"])
        source = r.choice(["l", "items", "messages", "range(3)", "d", "d.items()", "text", "[1, 2, 3]", "d|dictsort", "missing",
                           "'abc'", "[[1, 2], [3, 4]]", "l|reverse", "messages|selectattr('role')",
                           self.expression(2, "list"), self.expression(2, "list")])
        if target == "x, y":
            source = r.choice(["d.items()", "[[1, 2], [3, 4]]", "d|dictsort", "d|items", "items|groupby('a')", "w|batch(2, 'z')"])
        condition = f" if {self.expression(2, 'bool')}" if r.random() < 0.2 else ""
        recursive = " recursive" if r.random() < 0.1 else ""
        self.loops += 1
        body = self.body(depth + 1)
        if r.random() < 0.15:
            body += self.tag(f"if {self.expression(3)}") + self.tag(r.choice(["break", "continue"])) + self.tag("endif") + self.data()
        if recursive:
            body += r.choice(["{{ loop(x) if x is sequence and x is not string and loop.depth < 4 }}",
                              "{% if loop.depth < 3 %}{{ loop([1, 2]) }}{% endif %}"])
        if r.random() < 0.3:
            body += "{{ loop.index }}" + r.choice(["", "{{ ',' if not loop.last }}", "{{ loop.length }}"])
        self.loops -= 1
        out = self.tag(f"for {target} in {source}{condition}{recursive}") + body
        if r.random() < 0.2:
            out += self.tag("else") + self.body(depth + 1)
        return out + self.tag("endfor")

    def mutated(self, template):
        """A template with pieces lost, doubled or out of place: mostly no template any more."""
        r = self.rng
        for _ in range(r.choice([1, 1, 2])):
            i = r.randrange(len(template) + 1)
            j = min(len(template), i + r.choice([1, 1, 2, 3, 8]))
            piece = template[i:j]
            k = r.randrange(len(template) + 1)
            extra = r.choice([piece, "", "", " ", "-", "{", "}", "%", "'", "(", ")", "|", ".", ",", "not ", "is ", "\\", "\n", "0", "{%", "#}"])
            template = template[:i] + template[j:] if r.random() < 0.5 else template[:k] + extra + template[k:]
        return template

    def case(self):
        r = self.rng
        template = ""
        if r.random() < 0.97:
            template += "{% set ns = namespace(a=1, x=[]) %}"
        if r.random() < 0.5:
            template += self.output()
        else:
            template += "".join(self.statement(0) for _ in range(r.randrange(1, 6)))
        if r.random() < 0.1:
            template = self.mutated(template)
        variables = {name: self.value() for name in ["x", "y", "z"] if r.random() < 0.7}
        variables |= {"text": r.choice(TEXTS), "a": r.choice(TEXTS), "number": r.choice([0, 3, -7, 2.5]), "yes": True,
                      "n": r.choice([1, 2, -1, 2]), "b": r.choice([0, 1, 5, 12, 1.25]),
                      "l": [r.choice([1, 3, 2, -5, 10, 2.5]) for _ in range(r.randrange(6))],
                      "w": [r.choice(TEXTS) for _ in range(r.randrange(6))],
                      "items": [self.record() for _ in range(r.randrange(5))],
                      "d": {r.choice(ATTRIBUTES[:7]): self.value(1) for _ in range(r.randrange(5))}}
        return {"template": template, "messages": [self.record() for _ in range(r.randrange(1, 4))], "variables": variables}
