#include "ui/chat/code_languages.h"

#include <QHash>

#include <vector>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

QSet<QString> words(const char* list) {
    const QStringList parts = QString::fromLatin1(list).split(u' ', Qt::SkipEmptyParts);
    return QSet<QString>(parts.begin(), parts.end());
}

constexpr const char* c_keywords =
    "if else for while do switch case default break continue return goto sizeof typedef struct union enum "
    "static extern const volatile inline register restrict #include #define #ifdef #ifndef #endif #if #else "
    "#pragma #elif #undef NULL true false";
constexpr const char* c_types = "void char short int long float double signed unsigned bool size_t ssize_t "
                                "int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t FILE";
constexpr const char* cpp_keywords =
    " alignas alignof asm auto catch class co_await co_return co_yield concept consteval constexpr constinit "
    "const_cast decltype delete dynamic_cast explicit export final friend mutable namespace new noexcept "
    "nullptr operator override private protected public reinterpret_cast requires static_assert static_cast "
    "template this thread_local throw try typeid typename using virtual import module __global__ __device__ "
    "__host__ __shared__";
constexpr const char* cpp_types = " std string string_view vector map set unordered_map unordered_set array "
                                  "span optional variant unique_ptr shared_ptr wchar_t char8_t";

/// The comments of C and its heirs.
CodeLanguage braces(const char* name, const char* aliases, const char* keywords, const char* types) {
    CodeLanguage language;
    language.name = QString::fromLatin1(name);
    language.aliases = QString::fromLatin1(aliases).split(u' ');
    language.line_comments = {u"//"_s};
    language.comment_open = u"/*"_s;
    language.comment_close = u"*/"_s;
    language.keywords = words(keywords);
    language.types = words(types);
    return language;
}

/// Comments with '#'.
CodeLanguage hashes(const char* name, const char* aliases, const char* keywords, const char* types) {
    CodeLanguage language = braces(name, aliases, keywords, types);
    language.line_comments = {u"#"_s};
    language.comment_open.clear();
    language.comment_close.clear();
    return language;
}

void addSystems(std::vector<CodeLanguage>& all) {
    CodeLanguage c = braces("C", "c h", c_keywords, c_types);
    c.word_prefixes = u"#"_s;
    CodeLanguage cpp = c;
    cpp.name = u"C++"_s;
    cpp.aliases = u"cpp c++ cc cxx hpp hxx cuda cu"_s.split(u' ');
    cpp.keywords.unite(words(cpp_keywords));
    cpp.types.unite(words(cpp_types));
    all.push_back(c);
    all.push_back(cpp);
    all.push_back(
        braces("Rust", "rust rs",
               "as async await break const continue crate dyn else enum extern false fn for if impl "
               "in let loop match mod move mut pub ref return self Self static struct super trait "
               "true type unsafe use where while",
               "bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize String "
               "Vec Option Result Box Rc Arc HashMap Some None Ok Err"));
    CodeLanguage go =
        braces("Go", "go golang",
               "break case chan const continue default defer else fallthrough for func go goto "
               "if import interface map package range return select struct switch type var "
               "true false nil iota",
               "bool byte complex64 complex128 error float32 float64 int int8 int16 int32 int64 "
               "rune string uint uint8 uint16 uint32 uint64 uintptr any");
    go.quotes = u"\"'`"_s;
    all.push_back(go);
}

void addManaged(std::vector<CodeLanguage>& all) {
    const char* shared = "abstract break case catch class const continue default do else enum extends final "
                         "finally for if implements import instanceof interface native new package private "
                         "protected public return static super switch synchronized this throw throws "
                         "transient try volatile while true false null var record sealed yield";
    CodeLanguage java =
        braces("Java", "java", shared,
               "boolean byte char double float int long short void String Integer Object List "
               "Map Set ArrayList HashMap");
    java.word_prefixes = u"@"_s;
    java.triple_quotes = true;
    all.push_back(java);
    CodeLanguage kotlin =
        braces("Kotlin", "kotlin kt", shared, "Int Long String Boolean Double Float Any Unit");
    kotlin.keywords.unite(words("fun val when object companion data override suspend in is as by init"));
    kotlin.word_prefixes = u"@"_s;
    all.push_back(kotlin);
    CodeLanguage csharp =
        braces("C#", "csharp cs c#", shared,
               "bool byte char decimal double float int long object sbyte short string uint "
               "ulong ushort void Task List Dictionary");
    csharp.keywords.unite(
        words("async await base delegate event foreach get in init internal is lock namespace "
              "out override params readonly ref set struct using virtual where"));
    all.push_back(csharp);
    all.push_back(braces("Swift", "swift",
                         "as associatedtype break case catch class continue default defer do else enum "
                         "extension false fileprivate for func guard if import in init inout internal is let "
                         "mutating nil open operator private protocol public repeat return self static "
                         "struct subscript super switch throw throws true try typealias var where while "
                         "async await actor",
                         "Int Double Float String Bool Character Array Dictionary Set Optional Any Void"));
}

void addWeb(std::vector<CodeLanguage>& all) {
    CodeLanguage js = braces("JavaScript", "javascript js jsx mjs node",
                             "async await break case catch class const continue debugger default delete do "
                             "else export extends false finally for from function get if import in "
                             "instanceof let new null of return set static super switch this throw true try "
                             "typeof undefined var void while with yield",
                             "Array Boolean Date Error Map Math Number Object Promise RegExp Set String JSON "
                             "console document window");
    js.quotes = u"\"'`"_s;
    CodeLanguage ts = js;
    ts.name = u"TypeScript"_s;
    ts.aliases = u"typescript ts tsx"_s.split(u' ');
    ts.keywords.unite(words("abstract as declare enum implements interface keyof namespace never private "
                            "protected public readonly type is satisfies"));
    ts.types.unite(words("any boolean number string unknown void"));
    all.push_back(js);
    all.push_back(ts);
    CodeLanguage php = braces("PHP", "php",
                              "abstract and array as break case catch class clone const continue declare "
                              "default do echo else elseif empty extends final finally fn for foreach "
                              "function global if implements include instanceof interface isset match "
                              "namespace new null or print private protected public require require_once "
                              "return static switch throw trait true false try unset use var while yield",
                              "int float string bool mixed void");
    php.line_comments = {u"//"_s, u"#"_s};
    php.word_prefixes = u"$"_s;
    all.push_back(php);
    CodeLanguage css = braces("CSS", "css scss less", "", "");
    css.line_comments.clear();
    css.dashes_in_words = true;
    css.word_prefixes = u"@.#"_s;
    css.key_mark = u':';
    all.push_back(css);
    for (const auto& [name, aliases] :
         {std::pair{u"HTML"_s, u"html htm xhtml vue svelte"_s}, std::pair{u"XML"_s, u"xml svg qrc ui"_s}}) {
        CodeLanguage markup;
        markup.name = name;
        markup.aliases = aliases.split(u' ');
        markup.shape = CodeShape::Markup;
        all.push_back(markup);
    }
}

void addScripts(std::vector<CodeLanguage>& all) {
    CodeLanguage python =
        hashes("Python", "python py python3 py3 ipython",
               "False None True and as assert async await break class continue def del elif "
               "else except finally for from global if import in is lambda nonlocal not or "
               "pass raise return try while with yield match case self",
               "int float str bool list dict set tuple bytes object type range len print "
               "Exception ValueError TypeError");
    python.triple_quotes = true;
    python.word_prefixes = u"@"_s;
    all.push_back(python);
    all.push_back(hashes("Ruby", "ruby rb",
                         "alias and begin break case class def defined do else elsif end ensure false for if "
                         "in module next nil not or redo rescue retry return self super then true undef "
                         "unless until when while yield require attr_accessor puts",
                         ""));
    CodeLanguage shell = hashes("Shell", "bash sh shell zsh console shellscript fish",
                                "if then else elif fi for while until do done case esac in function return "
                                "exit export local readonly source alias set unset shift trap echo cd sudo "
                                "read test",
                                "");
    shell.word_prefixes = u"$"_s;
    shell.dashes_in_words = true;
    all.push_back(shell);
    CodeLanguage powershell = hashes("PowerShell", "powershell ps1 pwsh",
                                     "begin break catch class continue data do else elseif end exit filter "
                                     "finally for foreach function if in param process return switch throw "
                                     "try until using while",
                                     "");
    powershell.word_prefixes = u"$"_s;
    powershell.case_sensitive = false;
    powershell.dashes_in_words = true;
    all.push_back(powershell);
    CodeLanguage lua = braces("Lua", "lua",
                              "and break do else elseif end false for function goto if in local nil not or "
                              "repeat return then true until while",
                              "");
    lua.line_comments = {u"--"_s};
    lua.comment_open = u"--[["_s;
    lua.comment_close = u"]]"_s;
    all.push_back(lua);
    all.push_back(hashes(
        "R", "r", "if else for while repeat function break next TRUE FALSE NULL NA in library return", ""));
    all.push_back(
        hashes("Julia", "julia jl",
               "abstract baremodule begin break catch const continue do else elseif end export false "
               "finally for function global if import let local macro module mutable primitive quote "
               "return struct true try type using while",
               "Int Int64 Float64 String Bool Vector Matrix Array Dict"));
}

void addData(std::vector<CodeLanguage>& all) {
    CodeLanguage sql =
        braces("SQL", "sql sqlite mysql postgresql postgres plsql",
               "select from where insert into values update set delete create table drop alter "
               "add index view join inner left right outer full on as and or not null is in "
               "like between order by group having limit offset union all distinct primary key "
               "foreign references unique default check constraint begin commit rollback case "
               "when then else end exists asc desc with over partition if",
               "int integer bigint smallint text varchar char boolean date timestamp real "
               "double float numeric decimal blob serial");
    sql.line_comments = {u"--"_s};
    sql.case_sensitive = false;
    sql.backslash_escapes = false;
    all.push_back(sql);
    all.push_back(braces("JSON", "json jsonc json5", "true false null", ""));
    CodeLanguage yaml = hashes("YAML", "yaml yml", "true false null yes no", "");
    yaml.key_mark = u':';
    yaml.dashes_in_words = true;
    all.push_back(yaml);
    CodeLanguage toml = hashes("TOML", "toml ini cfg conf properties dotenv", "true false", "");
    toml.line_comments = {u"#"_s, u";"_s};
    toml.key_mark = u'=';
    toml.dashes_in_words = true;
    all.push_back(toml);
    CodeLanguage docker = hashes("Dockerfile", "dockerfile docker",
                                 "from run cmd label expose env add copy entrypoint volume user workdir arg "
                                 "onbuild stopsignal healthcheck shell as",
                                 "");
    docker.case_sensitive = false;
    all.push_back(docker);
    CodeLanguage make =
        hashes("Makefile", "makefile make mk", "ifeq ifneq ifdef ifndef else endif include define", "");
    make.word_prefixes = u"$"_s;
    all.push_back(make);
    CodeLanguage cmake = hashes("CMake", "cmake",
                                "if else elseif endif foreach endforeach while endwhile function "
                                "endfunction macro endmacro return set ON OFF TRUE FALSE",
                                "PUBLIC PRIVATE INTERFACE REQUIRED");
    all.push_back(cmake);
    CodeLanguage diff;
    diff.name = u"Diff"_s;
    diff.aliases = u"diff patch"_s.split(u' ');
    diff.shape = CodeShape::Diff;
    all.push_back(diff);
}

std::vector<CodeLanguage> makeAll() {
    std::vector<CodeLanguage> all;
    addSystems(all);
    addManaged(all);
    addWeb(all);
    addScripts(all);
    addData(all);
    return all;
}

} // namespace

const CodeLanguage* findLanguage(const QString& word) {
    static const std::vector<CodeLanguage> all = makeAll();
    static const QHash<QString, const CodeLanguage*> by_alias = [] {
        QHash<QString, const CodeLanguage*> map;
        for (const CodeLanguage& language : all) {
            for (const QString& alias : language.aliases)
                map.insert(alias, &language);
        }
        return map;
    }();
    return by_alias.value(word.toLower(), nullptr);
}

} // namespace switchyard
