// Thinking and text told apart, for every format that models use and however the answer is cut into tokens.
#include "engine/text/answer_format.h"
#include "engine/text/chat_turns.h"

#include <gtest/gtest.h>

#include <functional>

namespace switchyard {
namespace {

/// A token: its text, or the spelling of a control token.
struct Piece {
    std::string text, control;
};
using Stream = std::vector<Piece>;

Piece control(const char* spelling) { return {{}, spelling}; }

struct Case {
    const char* name;
    Stream stream;
    std::string thinking, text;
    AnswerReading reading;
};

struct Parts {
    std::string thinking, text;
    bool operator==(const Parts&) const = default;
};

Parts read(const Stream& stream, const AnswerReading& reading) {
    AnswerReader reader(reading);
    std::vector<AnswerPiece> pieces;
    for (const Piece& piece : stream)
        reader.push(piece.text, piece.control, pieces);
    reader.finish(pieces);
    Parts parts;
    std::string raw; // control tokens count in `source`
    for (const Piece& piece : stream)
        raw += piece.control + piece.text;
    for (const AnswerPiece& piece : pieces) {
        (piece.part == AnswerPart::Thinking ? parts.thinking : parts.text) += piece.text;
        const std::string own = piece.text.substr(piece.added);
        EXPECT_EQ(raw.substr(piece.source, own.size()), own) << "the source of a piece";
    }
    return parts;
}

/// The same stream in pieces of `size` bytes; control tokens stay whole.
Stream cut(const Stream& stream, std::size_t size) {
    Stream out;
    std::string text;
    const auto flush = [&] {
        for (std::size_t at = 0; at < text.size(); at += size)
            out.push_back({text.substr(at, size), {}});
        text.clear();
    };
    for (const Piece& piece : stream) {
        if (!piece.control.empty()) {
            flush();
            out.push_back(piece);
        }
        text += piece.text;
    }
    flush();
    return out;
}

std::vector<Case> cases() {
    const auto start = control("<|start|>"), channel = control("<|channel|>"),
               message = control("<|message|>"), end = control("<|end|>"), back = control("<|return|>"),
               call = control("<|call|>"), constrain = control("<|constrain|>");
    const Piece role{"assistant", {}};
    const AnswerReading harmony{"<|start|>assistant", {}};
    return {
        {"plain text", {{"Just <b>text</b>.", {}}}, "", "Just <b>text</b>.", {}},
        {"tags as text",
         {{"<think>one < two</think>\nYes </think>.", {}}},
         "one < two",
         "\nYes </think>.",
         {}},
        {"one token each", {{"<think>", {}}, {"hm", {}}, {"</think>", {}}, {"so", {}}}, "hm", "so", {}},
        {"control tokens", {control("<think>"), {"hm", {}}, control("</think>"), {"so", {}}}, "hm", "so", {}},
        {"opened by the prompt", {{"hm</think>so", {}}}, "hm", "so", {"<think>", {}}},
        {"opened, closed by a control token",
         {{"hm", {}}, control("</think>"), {"so", {}}},
         "hm",
         "so",
         {"<think>", {}}},
        {"speaks of the tag", {{"The <think> tag", {}}}, "", "The <think> tag", {}},
        {"never ends", {{"<think>and so </thin", {}}}, "and so </thin", "", {}},
        {"nearly a tag", {{"<thing", {}}}, "", "<thing", {}},
        {"space in front", {{"\n\n<think>a</think>b", {}}}, "a", "b", {}},
        {"thinks again",
         {control("<think>"),
          {"a", {}},
          control("</think>"),
          {"b", {}},
          control("<think>"),
          {"c", {}},
          control("</think>"),
          {"d", {}}},
         "a\n\nc",
         "b\n\nd",
         {}},
        {"Magistral", {control("[THINK]"), {"a [x]", {}}, control("[/THINK]"), {"b", {}}}, "a [x]", "b", {}},
        {"Magistral as text", {{"[THINK]a[/THINK]b", {}}}, "a", "b", {}},
        {"Command A",
         {control("<|START_THINKING|>"),
          {"a", {}},
          control("<|END_THINKING|>"),
          control("<|START_RESPONSE|>"),
          {"b", {}},
          control("<|END_RESPONSE|>")},
         "a",
         "b",
         {}},
        {"Command A without thinking",
         {control("<|START_RESPONSE|>"), {"b", {}}, control("<|END_RESPONSE|>")},
         "",
         "b",
         {}},
        {"Seed", {{"<seed:think>", {}}, {"a", {}}, {"</seed:think>", {}}, {"b", {}}}, "a", "b", {}},
        {"thought and solution",
         {{"<|begin_of_thought|>a<|end_of_thought|>\n\n<|begin_of_solution|>b < c<|end_of_solution|>", {}}},
         "a",
         "b < c",
         {}},
        {"triangles", {{"\u25c1think\u25b7a\u25c1/think\u25b7b", {}}}, "a", "b", {}},
        {"a control token and a word",
         {control("<|channel>"), {"thought\na", {}}, control("<channel|>"), {"b", {}}},
         "\na",
         "b",
         {}},
        {"the model's own marks",
         {{"<ponder>a</ponder>b", {}}},
         "a",
         "b",
         {{}, {{"<ponder>", "</ponder>", {}, {}}}}},
        {"an answer in marks",
         {{"<think>\na\n</think>\n<answer>\nb\n</answer>", {}}},
         "\na\n",
         "\nb\n",
         {{}, {{"<think>", "</think>", "<answer>", "</answer>"}}}},
        {"harmony",
         {channel,
          {"analysis", {}},
          message,
          {"a < b", {}},
          end,
          start,
          role,
          channel,
          {"final", {}},
          message,
          {"b", {}},
          back},
         "a < b",
         "b",
         harmony},
        {"harmony, nothing known of the prompt",
         {channel,
          {"analysis", {}},
          message,
          {"a", {}},
          end,
          start,
          role,
          channel,
          {"final", {}},
          message,
          {"b", {}}},
         "a",
         "b",
         {}},
        {"harmony with a preamble",
         {channel,
          {"analysis", {}},
          message,
          {"a", {}},
          end,
          start,
          role,
          channel,
          {"commentary", {}},
          message,
          {"p", {}},
          end,
          start,
          role,
          channel,
          {"final", {}},
          message,
          {"b", {}}},
         "a\n\np",
         "b",
         harmony},
        {"harmony with a call",
         {channel, {"commentary to=functions.f ", {}}, constrain, {"json", {}}, message, {"{}", {}}, call},
         "{}",
         "",
         harmony},
        {"harmony, cut in a header",
         {channel, {"analysis", {}}, message, {"a", {}}, end, start, {"assis", {}}},
         "a",
         "",
         harmony},
        {"harmony, final only", {channel, {"final", {}}, message, {"b", {}}}, "", "b", harmony},
        {"harmony without a channel", {message, {"b", {}}}, "", "b", harmony},
        {"harmony as text",
         {{"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b <|x", {}}},
         "a",
         "b <|x",
         {}},
        {"harmony, marks in the text",
         {channel, {"final", {}}, message, {"<|message|> and <|end|> are marks", {}}},
         "",
         "<|message|> and <|end|> are marks",
         harmony},
        {"harmony opened in its thinking",
         {{"a", {}}, end, start, role, channel, {"final", {}}, message, {"b", {}}},
         "a",
         "b",
         {"<|start|>assistant<|channel|>analysis<|message|>", {}}},
    };
}

TEST(AnswerReader, TellsThinkingAndTextApartHoweverTheyAreCut) {
    for (const Case& c : cases()) {
        const Parts wanted{c.thinking, c.text};
        const Parts whole = read(c.stream, c.reading);
        EXPECT_EQ(whole.thinking, wanted.thinking) << c.name;
        EXPECT_EQ(whole.text, wanted.text) << c.name;
        for (std::size_t size = 1; size < 12; ++size)
            EXPECT_EQ(read(cut(c.stream, size), c.reading), wanted) << c.name << " in pieces of " << size;
    }
}

TEST(AnswerReader, GoesOnInAPart) {
    std::vector<AnswerPiece> pieces;
    AnswerReader thinking({"<think>", {}}, AnswerPart::Thinking);
    thinking.push("more</think>said", {}, pieces);
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[0].part, AnswerPart::Thinking);
    EXPECT_EQ(pieces[1].text, "said");
    pieces.clear();
    AnswerReader text({"<think>", {}}, AnswerPart::Text);
    text.push("<think> is a tag", {}, pieces);
    ASSERT_EQ(pieces.size(), 1u);
    EXPECT_EQ(pieces[0].part, AnswerPart::Text);
}

TEST(AnswerFormat, ReadsItsMarksFromTheTemplate) {
    const AnswerFormat split =
        answer_format(nullptr, "{% if x %}{{ content.split('</ponder>')[-1] }}{% endif %}<ponder>");
    ASSERT_EQ(split.marks.size(), 1u);
    EXPECT_EQ(split.marks[0], (ThinkingMarks{"<ponder>", "</ponder>", {}, {}}));
    const AnswerFormat none =
        answer_format(nullptr, "{{ m.content.split('</tool_call>') }} {{ '<|im_start|>' }}");
    EXPECT_TRUE(none.marks.empty());
    const AnswerFormat words =
        answer_format(nullptr, "... Here is my thought process: ... Here is my response: ...");
    ASSERT_EQ(words.marks.size(), 1u);
    EXPECT_EQ(read({{"Here is my thought process: a\nHere is my response: b", {}}}, {{}, words.marks}),
              (Parts{" a\n", " b"}));
    const AnswerFormat answer = answer_format(nullptr, "'</think>' in c <answer> </answer>");
    ASSERT_EQ(answer.marks.size(), 1u);
    EXPECT_EQ(answer.marks[0].reply_open, "<answer>");
}

TEST(AnswerFormat, KnowsWhatThePromptOpened) {
    const AnswerFormat plain;
    EXPECT_EQ(plain.reading("<|im_start|>assistant\n<think>\n").opened, "<think>");
    EXPECT_EQ(plain.reading("<|im_start|>assistant\n<think>\n\n</think>\n\n").opened, "");
    EXPECT_EQ(plain.reading("<seed:bos>assistant\n<seed:think>").opened, "<seed:think>");
    AnswerFormat harmony;
    harmony.channels = true;
    EXPECT_EQ(harmony.reading("<|start|>user<|message|>x<|end|><|start|>assistant").opened,
              "<|start|>assistant");
    EXPECT_EQ(harmony.reading("<|start|>assistant<|channel|>final<|message|>y<|end|>").opened, "");
}

TEST(AnswerFormat, SpellsAnAnswerAsTheModelWroteIt) {
    const AnswerFormat plain;
    EXPECT_EQ(plain.spell("a:", "", "text"), "text");
    EXPECT_EQ(plain.spell("a:", "hm", ""), "<think>hm");
    EXPECT_EQ(plain.spell("a:", "hm", "\ntext"), "<think>hm</think>\ntext");
    EXPECT_EQ(plain.spell("a:<think>\n", "hm", "text"), "hm</think>\n\ntext");
    EXPECT_EQ(plain.spell("a:<think>\n", "", "text"), "</think>\n\ntext");
    AnswerFormat harmony;
    harmony.channels = true;
    EXPECT_EQ(harmony.spell("<|start|>assistant", "hm", "text"),
              "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>text");
    EXPECT_EQ(harmony.spell("<|start|>assistant", "hm", ""), "<|channel|>analysis<|message|>hm");
}

} // namespace
} // namespace switchyard
