// Where tokens stand in an answer's parts: recorded while it streams, and the same once it is read again.
#include "app/services/thinking_splitter.h"

#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// A record that spells `raw`, cut into pieces of about `size` bytes; control tokens stand in their own.
RunRecord recordOf(const std::string& raw, std::size_t size, const AnswerReading& reading = {}) {
    RunRecord record;
    record.reading = reading;
    for (std::size_t at = 0; at < raw.size();) {
        TokenRecord token;
        if (raw.compare(at, 2, "<|") == 0) {
            token.control = raw.substr(at, raw.find('>', at) + 1 - at);
            at += token.control.size();
        } else {
            const std::size_t stop = std::min(raw.find("<|", at), raw.size());
            std::size_t end = std::min(at + size, stop);
            while (end < stop && (raw[end] & 0xC0) == 0x80) // whole characters, as the engine gives them
                ++end;
            token.text = raw.substr(at, end - at);
            at += token.text.size();
        }
        record.tokens.push_back(token);
    }
    return record;
}

struct Streamed {
    QList<MessagePart> parts;
    TokenPlaces places;
};

Streamed stream(const RunRecord& record) {
    Streamed all;
    ThinkingSplitter splitter(record.reading);
    for (const TokenRecord& token : record.tokens)
        splitter.push(token, all.parts, all.places);
    splitter.finish(all.parts, all.places);
    return all;
}

/// Tokens whose text does not stand where their place says; those that a mark cuts are left out.
int misplaced(const RunRecord& record, const QList<MessagePart>& parts, const TokenPlaces& places,
              int& placed) {
    int wrong = 0;
    placed = 0;
    for (std::size_t i = 0; i < record.tokens.size(); ++i) {
        const std::string& text = record.tokens[i].text;
        const TextPlace at = places.begin(static_cast<int>(i)), next = places.begin(static_cast<int>(i) + 1);
        if (text.empty() || next.part != at.part || next.offset != at.offset + text.size())
            continue;
        ++placed;
        wrong += parts[at.part].text.toStdString().compare(at.offset, text.size(), text) != 0;
    }
    return wrong;
}

const std::string kChannels =
    "<|channel|>analysis<|message|>First I think.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Then I speak,<|end|>"
    "<|start|>assistant<|channel|>analysis<|message|>think again<|end|>"
    "<|start|>assistant<|channel|>final<|message|> and end: \u00e9\u6f5c.<|return|>";

} // namespace

class TokenPlacesTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void everyTokenStandsWhereItsTextIs_data() {
        QTest::addColumn<QByteArray>("raw");
        QTest::addColumn<QList<int>>("kinds");
        const QList<int> both{int(PartKind::Thinking), int(PartKind::Text)};
        QTest::newRow("text") << QByteArray("Just words, and more of them.")
                              << QList<int>{int(PartKind::Text)};
        QTest::newRow("thinking") << QByteArray("<think>one < two, so</think>\n\nYes </think>.") << both;
        QTest::newRow("only marks") << QByteArray("<think></think>What is left")
                                    << QList<int>{int(PartKind::Text)};
        QTest::newRow("channels") << QByteArray::fromStdString(kChannels) << both + both;
    }
    void everyTokenStandsWhereItsTextIs() {
        QFETCH(QByteArray, raw);
        QFETCH(QList<int>, kinds);
        for (std::size_t size = 1; size < 12; ++size) {
            const RunRecord record = recordOf(raw.toStdString(), size);
            const Streamed live = stream(record);
            QList<int> found;
            for (const MessagePart& part : live.parts)
                found.append(int(part.kind));
            QCOMPARE(found, kinds);
            QCOMPARE(live.places.size(), static_cast<int>(record.tokens.size()));
            int placed = 0;
            QCOMPARE(misplaced(record, live.parts, live.places, placed), 0);
            QVERIFY(placed > 0);
            QVERIFY(placesOf(record, live.parts) == live.places); // read again: the same
        }
    }

    void whatIsNotKnownYetIsTheEnd() {
        const RunRecord record = recordOf("<think>hm</think>so", 3);
        QList<MessagePart> parts;
        TokenPlaces places, shown;
        ThinkingSplitter splitter;
        for (const TokenRecord& token : record.tokens) {
            splitter.push(token, parts, places);
            shown.follow(places); // as the thread does, step by step
            QVERIFY(shown == places);
            const TextPlace end = places.begin(1000);
            QCOMPARE(end.part, std::max(0, static_cast<int>(parts.size()) - 1));
            QCOMPARE(end.offset, parts.isEmpty() ? 0u : std::size_t(parts.last().text.toUtf8().size()));
        }
    }

    /// An answer that was stopped inside a possible mark goes on: each token counts once.
    void goesOnWhereTokensWait() {
        const RunRecord whole = recordOf("<think>hm</think>so<|end|>", 3);
        for (std::size_t cut = 0; cut <= whole.tokens.size(); ++cut) {
            RunRecord first = whole;
            first.tokens.resize(cut);
            ReadAnswer read(first);
            for (std::size_t i = cut; i < whole.tokens.size(); ++i)
                read.splitter.push(whole.tokens[i], read.parts, read.places);
            read.splitter.finish(read.parts, read.places);
            QVERIFY(read.places == stream(whole).places);
        }
    }

    void aHeldTailIsTheLastTokens() {
        QList<MessagePart> parts;
        TokenPlaces places;
        ThinkingSplitter splitter;
        TokenRecord token;
        token.text = "ab";
        splitter.push(token, parts, places);
        splitter.finish(parts, places, "\u00e9");
        QCOMPARE(parts[0].text, u"ab\u00e9"_s);
        QCOMPARE(places.size(), 1);
        QCOMPARE(places.begin(1).offset, 4u);
    }

    /// An answer continued by a model that did not write its beginning: the tokens known are the last ones.
    void knownTokensMayBeTheEnd() {
        const RunRecord record = recordOf(" of it all.", 3);
        const QList<MessagePart> parts{{PartKind::Thinking, u"before"_s, {}, 0},
                                       {PartKind::Text, u"The m\u00e9aning of it all."_s, {}, 0}};
        const TokenPlaces places = placesOf(record, parts);
        int placed = 0;
        QCOMPARE(misplaced(record, parts, places, placed), 0);
        QCOMPARE(placed, 4);
        QCOMPARE(places.begin(0).part, 1);
    }

    /// Whatever was edited, or a damaged store says: places stay within the message.
    void placesOfOtherPartsStayInside() {
        const RunRecord record = recordOf(kChannels, 4);
        const QList<QList<MessagePart>> all{
            {},
            {{PartKind::Text, u"short"_s, {}, 0}},
            {{PartKind::File, u"x"_s, u"f"_s, 0}},
            {{PartKind::Thinking, u"a"_s, {}, 0}, {PartKind::ToolCall, u"{}"_s, u"t"_s, 0}},
        };
        for (const QList<MessagePart>& parts : all) {
            const TokenPlaces places = placesOf(record, parts);
            for (int i = -1; i <= places.size() + 1; ++i)
                QVERIFY(places.begin(i).part >= 0 &&
                        places.begin(i).part < std::max<qsizetype>(1, parts.size()));
        }
    }

    /// Records of before said nothing of a prompt that had opened the thinking.
    void thinkingThatThePromptOpened() {
        const RunRecord record = recordOf("so it is</think>Yes.", 4);
        const QList<MessagePart> parts{{PartKind::Thinking, u"so it is"_s, {}, 0},
                                       {PartKind::Text, u"Yes."_s, {}, 0}};
        const TokenPlaces places = placesOf(record, parts);
        QCOMPARE(places.begin(1), (TextPlace{0, 4}));
        QCOMPARE(places.begin(places.size()), (TextPlace{1, 4}));
    }
};

QTEST_GUILESS_MAIN(TokenPlacesTest)
#include "tst_token_places.moc"
