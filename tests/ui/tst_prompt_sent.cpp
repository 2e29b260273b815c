// What the model reads: the prompt as it was sent can be seen, thinking is turned on and off, and a context
// that is full is foreseen.
#include "app/services/prompt.h"
#include "engine/base/error.h"
#include "tests/ui/real_desk.h"
#include "ui/chat/paged_edit.h"
#include "ui/chat/prompt_window.h"

#include <QMenu>
#include <QThread>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

const QString kQuestion = u"A question of twenty"_s; // one token a letter

QString turn(const QString& role, const QString& text) {
    return u"<|im_start|>%1\n%2<|im_end|>\n"_s.arg(role, text);
}

const QString kAnswerBegins = u"<|im_start|>assistant\n"_s;

/// The window that the menu under the last answer opens.
struct Shown {
    explicit Shown(const RealDesk& desk) {
        desk.tools()->findChild<QAction*>(u"showPromptAction"_s)->trigger();
        if (!QTest::qWaitFor([&] { return desk.page->findChild<PromptWindow*>() != nullptr; }, 5000))
            qFatal("no window");
        window = desk.page->findChild<PromptWindow*>();
        text = window->findChild<PagedEdit*>(u"promptWindow.text"_s)->wholeText();
        said = window->findChild<QLabel*>(u"promptWindow.said"_s)->text();
        marked = window->findChild<PagedEdit*>(u"promptWindow.text"_s)->extraSelections().size();
    }
    ~Shown() { delete window; }
    PromptWindow* window;
    QString text, said;
    qsizetype marked;
};

} // namespace

class PromptSentTest : public QObject {
    Q_OBJECT
    QTemporaryDir models_;
    QString model_, small_;

    static QWidget* contextLine(const RealDesk& desk) {
        return desk.find<QLabel>(u"composerContext"_s)->parentWidget();
    }
    static QString foreseen(const RealDesk& desk) {
        return contextLine(desk)->isVisible() ? desk.find<QLabel>(u"composerContext"_s)->text() : QString();
    }

  private Q_SLOTS:
    void initTestCase() {
        installLanguage(*qApp, u"en"_s);
        model_ = written(models_, u"chat"_s, chatScript({"Hello", " there"}));
        ScriptedModel small = chatScript({"Hello", " there"});
        small.context = 256;
        small_ = written(models_, u"small"_s, small);
    }

    // ---- The prompt as sent ----

    void isShownWithItsSpecialTokens() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), model_);
        desk.controller.setSystemPrompt(0, u"Be kind."_s);
        desk.ask(u"Is <|im_end|> a word?"_s);
        Shown shown(desk);
        QCOMPARE(shown.text, turn(u"system"_s, u"Be kind."_s) + turn(u"user"_s, u"Is <|im_end|> a word?"_s) +
                                 kAnswerBegins);
        QCOMPARE(shown.marked, 5); // not the one that was only written
        QVERIFY2(shown.said.contains(u"Exactly what chat"_s), qPrintable(shown.said));
        QVERIFY2(shown.said.contains(QString::number(desk.answer().run.timings.prompt_tokens)),
                 qPrintable(shown.said));
        shown.window->findChild<QPushButton*>(u"promptWindow.copy"_s)->click();
        QCOMPARE(QGuiApplication::clipboard()->text(), shown.text);
    }

    void isWhatItWasThen() {
        QTemporaryDir folder;
        {
            RealDesk desk(folder.path(), model_);
            desk.controller.setSystemPrompt(0, u"One."_s);
            desk.ask(u"Hi"_s);
            desk.controller.setSystemPrompt(desk.controller.current(), u"Two."_s);
        }
        RealDesk desk(folder.path(), model_);
        QTRY_COMPARE(desk.controller.list().chats().size(), 1);
        desk.controller.openChat(desk.controller.list().chats().first().id);
        QTRY_COMPARE(desk.thread().size(), 2);
        QCOMPARE(desk.controller.systemPrompt(), u"Two."_s);
        const Shown shown(desk);
        QVERIFY(shown.text.startsWith(turn(u"system"_s, u"One."_s)));
        QVERIFY2(shown.said.contains(u"Exactly"_s), qPrintable(shown.said));
    }

    void byAnotherModelIsSaidToBeMadeAnew() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), model_);
        desk.ask(u"Hi"_s);
        ScriptedModel other = chatScript({"Yes"});
        other.chat_template.insert(0, "Rules. ");
        QVERIFY(desk.load(written(models_, u"other"_s, other)));
        const Shown shown(desk);
        QVERIFY(shown.text.startsWith(u"Rules. "_s));
        QVERIFY2(shown.said.contains(u"not what was sent"_s), qPrintable(shown.said));
    }

    // ---- Made to be measured, or not made to the end ----

    void onlyTheLatestOfThoseThatAreMeasuredIsAnswered() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), model_);
        std::vector<ShownPrompt> measured;
        QString shown;
        desk.controller.setSystemPrompt(0, u"Be kind."_s);
        desk.ask(u"Hi"_s);
        desk.controller.chat().measurePromptFor(
            u"no"_s, {}, this, [&](const ShownPrompt& prompt) { measured.push_back(prompt); });
        desk.controller.chat().showPromptOf(desk.answer().id, this,
                                            [&](const ShownPrompt& prompt) { shown = prompt.text; });
        for (const QString& text : {u"neither"_s, u"nor"_s, u"yes"_s})
            desk.controller.chat().measurePromptFor(
                text, {}, this, [&](const ShownPrompt& prompt) { measured.push_back(prompt); });
        QTRY_COMPARE(measured.size(), 1);
        QVERIFY(shown.contains(u"Be kind."_s)); // that one is not passed over
        QCOMPARE(measured.front().error, QString());
        QCOMPARE(measured.front().text, QString());
        desk.ask(u"yes"_s);
        QCOMPARE(measured.front().tokens, desk.answer().run.timings.prompt_tokens);
        QCOMPARE(measured.size(), 1);
    }

    void isNotMadeOnceItIsStopped() {
        ScriptedModel plain = chatScript({"Yes"});
        plain.chat_template.clear();
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"plain"_s, plain));
        const LocalEnginePtr engine = desk.answers.models.engine(desk.model.key());
        QVERIFY(engine);
        GenerationRequest request;
        request.turns = {{Author::User, kQuestion, {}, {}, 0}};
        std::stop_source stop;
        QVERIFY(!fitPrompt(*engine->model, request, stop.get_token()).prompt.ids.empty());
        stop.request_stop();
        QVERIFY_THROWS_EXCEPTION(Error, fitPrompt(*engine->model, request, stop.get_token()));
    }

    // ---- System prompts that the template does not know ----

    void aTemplateThatPassesOverTheSystemIsToldInTheQuestion() {
        ScriptedModel deaf = chatScript({"Yes"});
        deaf.chat_template = "{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
                             "{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
                             "{{ '<|im_start|>assistant\n' }}";
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"deaf"_s, deaf));
        desk.controller.setSystemPrompt(0, u"Be kind."_s);
        desk.ask(u"Hi"_s);
        const Shown shown(desk);
        QCOMPARE(shown.text, turn(u"user"_s, u"Be kind.\n\nHi"_s) + kAnswerBegins);
        QVERIFY(desk.find<QLabel>(u"systemPrompt.note"_s)->text().contains(u"first question"_s));
    }

    // ---- Thinking ----

    void thinkingIsTurnedOffAndOnAndReplayed() {
        ScriptedModel thinker = chatScript({"Yes"});
        thinker.chat_template += "{% if enable_thinking is defined and not enable_thinking %}(no thought)\n"
                                 "{% endif %}";
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"thinker"_s, thinker));
        QVERIFY(desk.find<QWidget>(u"tune.thinking"_s)->isVisible());
        QVERIFY(!desk.find<QWidget>(u"tune.thinking_effort"_s)->isVisible());
        desk.ask(u"Hi"_s);
        QVERIFY(Shown(desk).text.endsWith(kAnswerBegins));
        desk.find<DialSlider>(u"tune.thinking.slider"_s)->setValue(1);
        desk.ask(u"And now?"_s);
        QVERIFY(Shown(desk).text.endsWith(kAnswerBegins + u"(no thought)\n"_s));
        const auto hash = desk.answer().run.computed_by.prompt_hash;
        desk.find<DialSlider>(u"tune.thinking.slider"_s)->setValue(0);
        QVERIFY(desk.controller.chat().runAgain(desk.answer().id));
        QVERIFY(desk.waitIdle());
        QVERIFY2(desk.answer().state == MessageState::Complete, qPrintable(desk.answer().error));
        QCOMPARE(desk.answer().run.computed_by.prompt_hash, hash);
    }

    /// Moved in the moment in which the prompt is made, the dial is recorded as the prompt has it.
    void aDialThatMovesBesideThePromptIsRecordedAsItActed() {
        ScriptedModel thinker = chatScript({"Yes"});
        thinker.chat_template += "{% if enable_thinking is defined and not enable_thinking %}(no thought)\n"
                                 "{% endif %}";
        QTemporaryDir folder;
        RealDesk desk(folder.path(), written(models_, u"beside"_s, thinker));
        auto* dial = desk.find<DialSlider>(u"tune.thinking.slider"_s);
        for (int i = 0; i < 12; ++i) {
            QVERIFY(desk.controller.send(u"Hi"_s));
            QThread::usleep(static_cast<unsigned long>(150 * (i % 4)));
            dial->setValue(1 - i % 2);
            QVERIFY(desk.waitIdle());
            const RunRecord first = desk.answer().run;
            QVERIFY(desk.controller.chat().runAgain(desk.answer().id));
            QVERIFY(desk.waitIdle());
            QVERIFY2(desk.answer().state == MessageState::Complete, qPrintable(desk.answer().error));
            QCOMPARE(desk.answer().run.computed_by.prompt_hash, first.computed_by.prompt_hash);
        }
    }

    // ---- A context that is full ----

    void isForeseenAndTheUserChooses() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), small_);
        desk.controller.setSystemPrompt(0, u"Be kind."_s);
        for (int i = 0; i < 2; ++i)
            desk.ask(kQuestion);
        QCOMPARE(foreseen(desk), QString());
        desk.ask(kQuestion);
        desk.page->composer()->edit()->insertPlainText(kQuestion);
        QTRY_VERIFY2(foreseen(desk).contains(u"the answer ends after"_s), qPrintable(foreseen(desk)));
        auto* choice = desk.find<QPushButton>(u"composerContextChoice"_s);
        QCOMPARE(choice->text(), u"Leave out the oldest"_s);
        QTest::mouseClick(choice, Qt::LeftButton);
        QTRY_VERIFY2(foreseen(desk).contains(u"exchange"_s), qPrintable(foreseen(desk)));
        QCOMPARE(desk.find<QLabel>(u"tune.when_full.value"_s)->text(), u"leave out"_s);
        QTest::keyClick(desk.page->composer()->edit(), Qt::Key_Return);
        QVERIFY(desk.waitIdle());
        QCOMPARE(desk.answer().text(), u"Hello there"_s);
        const int left_out = desk.answer().run.left_out;
        QVERIFY(left_out >= 2 && left_out % 2 == 0);
        const Shown shown(desk);
        QVERIFY2(shown.said.contains(u"left out"_s), qPrintable(shown.said));
        QVERIFY(shown.text.startsWith(turn(u"system"_s, u"Be kind."_s) + turn(u"user"_s, kQuestion)));
        QCOMPARE(shown.text.count(kQuestion), 4 - left_out / 2);
        // The thread says where the model's memory begins.
        const MessageContent* last_left_out = desk.page->thread()->content(desk.thread()[left_out - 1].id);
        QVERIFY(last_left_out->forgotten);
        QVERIFY(noticeText(*last_left_out).contains(u"memory begins below"_s));
        QVERIFY(!desk.page->thread()->content(desk.answer().id)->forgotten);
        // Run again, with the dial back, it reads the same.
        const auto hash = desk.answer().run.computed_by.prompt_hash;
        desk.find<DialSlider>(u"tune.when_full.slider"_s)->setValue(0);
        QVERIFY(desk.controller.chat().runAgain(desk.answer().id));
        QVERIFY(desk.waitIdle());
        QVERIFY2(desk.answer().state == MessageState::Complete, qPrintable(desk.answer().error));
        QCOMPARE(desk.answer().run.computed_by.prompt_hash, hash);
        QCOMPARE(desk.answer().run.left_out, left_out);
    }

    void whatIsLeftOutStaysLeftOutSoThatTheCacheIsKept() {
        QTemporaryDir folder;
        ScriptedModel model = chatScript({"Hello", " there"});
        model.context = 512;
        RealDesk desk(folder.path(), written(models_, u"medium"_s, model));
        desk.find<DialSlider>(u"tune.when_full.slider"_s)->setValue(1);
        int changes = 0, before = 0, reused = 0;
        for (int i = 0; i < 11; ++i) { // seven fit; then every second one
            desk.ask(kQuestion);
            QCOMPARE(desk.answer().text(), u"Hello there"_s);
            const int now = desk.answer().run.left_out;
            QVERIFY(now >= before);
            changes += now != before;
            reused += now == before && now > 0 && desk.answer().run.timings.prompt_tokens_reused > 200;
            before = now;
        }
        QCOMPARE(changes, 2);
        QCOMPARE(reused, 2);
    }

    /// Enter does not send it, the ways stand beside the words, and one of them sends it.
    void whatDoesNotFitIsNotSent_data() {
        QTest::addColumn<bool>("at_once"); // before it was counted
        QTest::newRow("after a pause") << false;
        QTest::newRow("pasted and sent") << true;
    }
    void whatDoesNotFitIsNotSent() {
        QFETCH(bool, at_once);
        QTemporaryDir folder;
        RealDesk desk(folder.path(), small_);
        for (int i = 1; i <= 5; ++i) {
            desk.send(kQuestion);
            QTRY_COMPARE(desk.thread().size(), 2 * i); // the last one is counted before it is sent
            QVERIFY(desk.waitIdle());
        }
        desk.page->composer()->edit()->insertPlainText(kQuestion);
        if (!at_once)
            QTRY_VERIFY2(foreseen(desk).contains(u"does not fit"_s), qPrintable(foreseen(desk)));
        QTest::keyClick(desk.page->composer()->edit(), Qt::Key_Return);
        auto* said = desk.find<QLabel>(u"composerNotice"_s);
        QTRY_VERIFY2(said->isVisible() && said->text().contains(u"not sent"_s), qPrintable(said->text()));
        QVERIFY2(foreseen(desk).contains(u"does not fit"_s), qPrintable(foreseen(desk)));
        QCOMPARE(desk.thread().size(), 10);
        QCOMPARE(desk.page->composer()->text(), kQuestion);
        QTest::mouseClick(desk.find<QPushButton>(u"composerContextChoice"_s), Qt::LeftButton);
        QTRY_VERIFY2(foreseen(desk).contains(u"exchange"_s), qPrintable(foreseen(desk)));
        QTest::keyClick(desk.page->composer()->edit(), Qt::Key_Return);
        QTRY_COMPARE(desk.thread().size(), 12);
        QVERIFY(desk.waitIdle());
        QCOMPARE(desk.answer().state, MessageState::Complete);
        QVERIFY(desk.page->composer()->text().isEmpty());
        QVERIFY(!said->isVisible());
    }

    void whatIsTooLongAloneIsNotSent() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), small_);
        const QString words = kQuestion.repeated(20);
        desk.send(words);
        auto* said = desk.find<QLabel>(u"composerNotice"_s);
        QTRY_VERIFY2(said->isVisible() && said->text().contains(u"not sent"_s), qPrintable(said->text()));
        QVERIFY2(foreseen(desk).contains(u"alone is longer"_s), qPrintable(foreseen(desk)));
        QVERIFY(desk.thread().isEmpty());
        QCOMPARE(desk.page->composer()->text(), words);
        desk.page->composer()->replaceText(u"Hi"_s);
        QCOMPARE(desk.ask({}).text(), u"Hello there"_s);
    }

    void aQuestionThatIsTooLongAloneIsSaidSo() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), small_);
        desk.find<DialSlider>(u"tune.when_full.slider"_s)->setValue(1);
        desk.ask(kQuestion);
        desk.page->composer()->edit()->insertPlainText(kQuestion.repeated(20));
        QTRY_VERIFY2(foreseen(desk).contains(u"alone is longer"_s), qPrintable(foreseen(desk)));
        QVERIFY(!desk.find<QPushButton>(u"composerContextChoice"_s)->isVisible());
    }
};

QTEST_MAIN(PromptSentTest)
#include "tst_prompt_sent.moc"
