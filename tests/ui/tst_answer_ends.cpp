// How an answer ends, as it is seen: at the next turn, at the limit, with a full context, inside a character,
// without a word; and how it goes on.
#include "tests/ui/real_desk.h"

using namespace Qt::StringLiterals;
using namespace switchyard;

class AnswerEndsTest : public QObject {
    Q_OBJECT
    QTemporaryDir models_;

    /// A chat that writes these bytes, one token each, after "Hi ".
    static ScriptedModel afterHi(const QByteArray& bytes) {
        ScriptedModel model = chatScript({"Hi "});
        const std::string text = bytes.toStdString();
        model.chain(model.end + 1, model.bytes(text));
        model.chain(static_cast<unsigned char>(text.back()), {model.end});
        return model;
    }

    /// Thinks without end.
    static ScriptedModel thinker() {
        ScriptedModel model = chatScript({});
        const int again = model.word(" then");
        model.chain('\n', {model.word("<think>"), model.word("Well,"), again, again});
        return model;
    }

  private Q_SLOTS:
    void initTestCase() { installLanguage(*qApp, u"en"_s); }

    // ---- Models that were never taught to chat ----

    void withoutATemplateTheNextTurnEndsTheAnswer_data() {
        QTest::addColumn<bool>("by_bytes");
        QTest::newRow("the role is a token") << false;
        QTest::newRow("the role comes in pieces") << true;
    }
    void withoutATemplateTheNextTurnEndsTheAnswer() {
        QFETCH(bool, by_bytes);
        ScriptedModel model;
        const int fine = model.word(" fine.");
        if (by_bytes)
            model.chain(':', {fine, '\n', 'U', 's', 'e', 'r', ':'});
        else
            model.chain(':', {fine, model.word("\n\nUser:"), model.word(" now?"),
                              model.word("\n\nAssistant:"), fine});
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"base"_s, model));
        QCOMPARE(desk.ask(u"How are you?"_s).text(), u" fine."_s);
        QCOMPARE(desk.answer().state, MessageState::Complete);
        QCOMPARE(desk.answer().run.finish, FinishReason::EndOfTurn);
        QCOMPARE(desk.ask(u"And now?"_s).text(), u" fine."_s);
        const QByteArray prompt = "User: How are you?\n\nAssistant:  fine.\n\nUser: And now?\n\nAssistant:";
        QVERIFY2(std::abs(desk.answer().run.timings.prompt_tokens - static_cast<int>(prompt.size())) <= 1,
                 qPrintable(QString::number(desk.answer().run.timings.prompt_tokens)));
        // A limit that falls into the role keeps nothing of it.
        desk.setDial(u"max_tokens"_s, 2);
        QCOMPARE(desk.ask(u"Still?"_s).text().trimmed(), u"fine."_s);
    }

    // ---- Templates that want turns to alternate ----

    void anEmptyAnswerDoesNotEndTheChat() {
        ScriptedModel model;
        model.end = model.control("</s>");
        model.chain('?', {model.end});
        model.chain('n', {model.word("Hello!"), model.end});
        model.chat_template =
            "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
            "{{ raise_exception('user and assistant have to take turns') }}{% endif %}"
            "{% if m.role == 'user' %}[INST] {{ m.content }}{% else %} {{ m.content }}</s>{% endif %}"
            "{% endfor %}";
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"turns"_s, model));
        QCOMPARE(desk.ask(u"Are you there?"_s).text(), QString());
        QCOMPARE(desk.answer().state, MessageState::Complete);
        QVERIFY2(desk.saidUnder().contains(u"without a word"_s), qPrintable(desk.saidUnder()));
        for (int i = 0; i < 2; ++i) {
            QCOMPARE(desk.ask(u"Hello agan"_s).text(), u"Hello!"_s);
            QCOMPARE(desk.answer().state, MessageState::Complete);
        }
        QVERIFY(desk.click(u"deleteButton"_s)); // an answer that is gone
        QTRY_COMPARE(desk.thread().size(), 5);
        QCOMPARE(desk.ask(u"Once agan"_s).text(), u"Hello!"_s);
        QCOMPARE(desk.answer().state, MessageState::Complete);
    }

    // ---- The limit ----

    void anAnswerCutByItsLimitSaysSoAndGoesOn_data() {
        QTest::addColumn<QString>("language");
        QTest::addColumn<QString>("cut");
        QTest::newRow("English") << u"en"_s << u"Cut at the limit of 2 tokens. Continue goes on from here"_s;
        QTest::newRow("Chinese") << u"zh_CN"_s << u"到达 2 个词元的上限，回答被截断。“继续”会从这里接着写"_s;
    }
    void anAnswerCutByItsLimitSaysSoAndGoesOn() {
        QFETCH(QString, language);
        QFETCH(QString, cut);
        const WindowLanguage in(language);
        QTemporaryDir folder;
        RealDesk desk(folder.path(),
                      written(models_, u"words"_s, chatScript({"One", " two", " three", " four"})));
        desk.setDial(u"max_tokens"_s, 2);
        QCOMPARE(desk.ask(u"Count"_s).text(), u"One two"_s);
        QVERIFY2(desk.saidUnder().contains(cut), qPrintable(desk.saidUnder()));
        QVERIFY(desk.button(u"continueButton"_s)->isVisible());
        desk.setDial(u"max_tokens"_s, 50);
        QVERIFY(desk.click(u"continueButton"_s));
        QTRY_COMPARE(desk.answer().text(), u"One two three four"_s);
        QVERIFY(!desk.saidUnder().contains(cut.left(6)));
        QVERIFY(!desk.button(u"continueButton"_s)->isVisible());
    }

    void aThoughtThatUsedTheLimitUpSaysSo_data() {
        QTest::addColumn<QString>("language");
        QTest::addColumn<QString>("cut");
        QTest::newRow("English") << u"en"_s << u"The limit of 12 tokens was used up by thinking"_s;
        QTest::newRow("Chinese") << u"zh_CN"_s << u"思考用完了 12 个词元的上限"_s;
    }
    void aThoughtThatUsedTheLimitUpSaysSo() {
        QFETCH(QString, language);
        QFETCH(QString, cut);
        const WindowLanguage in(language);
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"thinker"_s, thinker()));
        desk.setDial(u"max_tokens"_s, 12);
        QCOMPARE(desk.ask(u"Think"_s).text(), QString());
        QVERIFY2(desk.saidUnder().contains(cut), qPrintable(desk.saidUnder()));
        QVERIFY(desk.button(u"continueButton"_s)->isVisible());
        const QString thought = desk.answer().parts.first().text;
        QVERIFY(thought.startsWith(u"Well, then"_s));
        QVERIFY(desk.click(u"continueButton"_s));
        QTRY_COMPARE(desk.answer().run.tokens.size(), 24u);
        QVERIFY(desk.answer().parts.first().text.size() > thought.size());
        QCOMPARE(desk.answer().parts.size(), 1);
    }

    // ---- The context ----

    void aFullContextSaysSoAndAnotherModelGoesOn_data() {
        QTest::addColumn<QString>("language");
        QTest::addColumn<bool>("thinks");
        QTest::addColumn<QString>("cut");
        QTest::newRow("text") << u"en"_s << false << u"Cut because the context is full."_s;
        QTest::newRow("thinking") << u"en"_s << true << u"The context was full before the answer"_s;
        QTest::newRow("text, Chinese") << u"zh_CN"_s << false << u"上下文已满，回答被截断"_s;
        QTest::newRow("thinking, Chinese") << u"zh_CN"_s << true << u"上下文就被思考占满了"_s;
    }
    void aFullContextSaysSoAndAnotherModelGoesOn() {
        QFETCH(QString, language);
        QFETCH(bool, thinks);
        QFETCH(QString, cut);
        const WindowLanguage in(language);
        ScriptedModel model = thinks ? thinker() : chatScript({"round", " and"}, false);
        model.context = 64;
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"small"_s, model));
        const Message& answer = desk.ask(u"Go"_s);
        QCOMPARE(answer.run.finish, FinishReason::ContextFull);
        QCOMPARE(answer.text().isEmpty(), thinks);
        QVERIFY2(desk.saidUnder().contains(cut), qPrintable(desk.saidUnder()));
        const std::size_t tokens = answer.run.tokens.size();
        // Here it cannot go on, and says so.
        if (desk.button(u"continueButton"_s)->isVisible()) {
            QTest::mouseClick(desk.button(u"continueButton"_s), Qt::LeftButton);
            QVERIFY(!desk.controller.busy());
            QVERIFY2(desk.page->toast()->isVisible() && desk.page->toast()->sentence().contains(u"64"_s),
                     qPrintable(desk.page->toast()->sentence()));
        }
        QCOMPARE(desk.answer().run.tokens.size(), tokens);
        // With more room it does, from the text: it is another file.
        model.context = 256;
        QVERIFY(desk.load(written(models_, u"large"_s, model)));
        desk.setDial(u"max_tokens"_s, 10);
        QVERIFY(desk.button(u"continueButton"_s)->isVisible());
        const QString before = desk.answer().parts.first().text;
        QVERIFY(desk.click(u"continueButton"_s));
        QTRY_COMPARE(desk.answer().run.tokens.size(), tokens + 10);
        QVERIFY(desk.answer().parts.first().text.startsWith(before));
        QCOMPARE(desk.answer().parts.size(), 1);
    }

    // ---- Inside a character ----

    void theLimitInsideACharacter_data() {
        QTest::addColumn<QByteArray>("character");
        QTest::addColumn<int>("limit");
        QTest::addColumn<bool>("restart");
        for (const char* character : {"\xF0\x9F\x98\x80", "\xE4\xBD\xA0", "\xC3\xA9"}) {
            for (int bytes = 1; bytes < static_cast<int>(strlen(character)); ++bytes) {
                for (const bool restart : {false, true})
                    QTest::addRow("%d of %d bytes%s", bytes, static_cast<int>(strlen(character)),
                                  restart ? ", restarted" : "")
                        << QByteArray(character) << 1 + bytes << restart;
            }
        }
    }
    void theLimitInsideACharacter() {
        QFETCH(QByteArray, character);
        QFETCH(int, limit);
        QFETCH(bool, restart);
        const QString model = written(models_, u"character"_s, afterHi(character));
        QTemporaryDir folder;
        auto desk = std::make_unique<RealDesk>(folder.path(), model);
        desk->setDial(u"max_tokens"_s, limit);
        QCOMPARE(desk->ask(u"Greet"_s).text(), u"Hi "_s);
        const ConversationId chat = desk->controller.current();
        if (restart) {
            desk.reset();
            desk = std::make_unique<RealDesk>(folder.path(), model);
            QTRY_COMPARE(desk->controller.list().chats().size(), 1);
            desk->controller.openChat(chat);
            QTRY_COMPARE(desk->thread().size(), 2);
            QCOMPARE(desk->answer().text(), u"Hi "_s);
        }
        desk->setDial(u"max_tokens"_s, 50);
        QVERIFY(desk->click(u"continueButton"_s));
        QTRY_COMPARE(desk->answer().text(), u"Hi "_s + QString::fromUtf8(character));
        QCOMPARE(desk->answer().run.tokens[1].id, static_cast<unsigned char>(character[0]));
    }

    void anAnswerThatEndsInsideACharacterKeepsNoHalf() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"half"_s, afterHi("\xF0\x9F"_ba)));
        QCOMPARE(desk.ask(u"Greet"_s).text(), u"Hi "_s);
        QCOMPARE(desk.answer().state, MessageState::Complete);
    }

    /// Characters that a text document keeps for itself, as a model may write them.
    void nonCharactersAreShownAndOpenedAgain_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::newRow("in code") << "Use ``\xEF\xB7\x90x\xEF\xB7\x91`` here."_ba;
        QTest::newRow("a block of code") << "```\n\xEF\xB7\x90\xEF\xB7\xAF\xEF\xB7\x91\n```"_ba;
        QTest::newRow("in a table") << "| a |\n|---|\n| \xEF\xB7\x91\xEF\xB7\x90 |"_ba;
        QTest::newRow("in a formula") << "\\(a \xEF\xB7\x91 b\\) and \xEF\xBF\xBC"_ba;
    }
    void nonCharactersAreShownAndOpenedAgain() {
        QFETCH(QByteArray, text);
        const QString model = written(models_, u"signs"_s, chatScript({text.toStdString()}));
        QTemporaryDir folder;
        ConversationId chat = 0;
        {
            RealDesk desk(folder.path(), model);
            QCOMPARE(desk.ask(u"How?"_s).text(), QString::fromUtf8(text));
            desk.window->grab();
            chat = desk.controller.current();
        }
        RealDesk desk(folder.path(), model);
        QTRY_COMPARE(desk.controller.list().chats().size(), 1);
        desk.controller.openChat(chat);
        QTRY_COMPARE(desk.thread().size(), 2);
        desk.window->grab();
        QCOMPARE(desk.answer().text(), QString::fromUtf8(text));
        QTest::mouseClick(desk.button(u"copyButton"_s), Qt::LeftButton);
        QCOMPARE(QGuiApplication::clipboard()->text(), QString::fromUtf8(text));
        QCOMPARE(desk.ask(u"Again?"_s).text(), QString::fromUtf8(text));
    }

    void anEditedAnswerGoesOnFromItsText() {
        ScriptedModel model = afterHi("\xF0\x9F\x98\x80"_ba);
        model.chain('o', {model.word(" and more"), model.end});
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"edited"_s, model));
        desk.setDial(u"max_tokens"_s, 3);
        QCOMPARE(desk.ask(u"Greet"_s).text(), u"Hi "_s);
        desk.setDial(u"max_tokens"_s, 50);
        QTest::mouseClick(desk.button(u"editButton"_s), Qt::LeftButton);
        auto* edit = desk.find<QPlainTextEdit>(u"messageEditorText"_s);
        edit->setPlainText(u"Ho"_s);
        QTest::mouseClick(desk.find<QPushButton>(u"messageEditorSave"_s), Qt::LeftButton);
        QTRY_COMPARE(desk.answer().text(), u"Ho"_s);
        QVERIFY(desk.click(u"continueButton"_s));
        QTRY_COMPARE(desk.answer().text(), u"Ho and more"_s);
    }
};

QTEST_MAIN(AnswerEndsTest)
#include "tst_answer_ends.moc"
