// Another language is there at once: the window is made anew, and nothing that was in it is lost.
#include "app/services/transfer/message_words.h"
#include "tests/ui/desk.h"
#include "ui/chat/chat_page.h"
#include "ui/language.h"
#include "ui/notice_banner.h"
#include "ui/page.h"

#include <QAccessible>
#include <QComboBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QStackedWidget>
#include <QTemporaryDir>

using namespace Qt::StringLiterals;
using namespace switchyard;

class TestLanguage : public QObject {
    Q_OBJECT

    /// As a user does, in the box of the Settings page.
    static void choose(Desk& desk, const QString& language) {
        auto* box = desk.find<QComboBox>(u"settings.language"_s);
        const int row = box->findData(language);
        QVERIFY(row >= 0);
        box->setCurrentIndex(row);
        Q_EMIT box->activated(row);
    }

    static bool isChinese(const QString& text) {
        return std::ranges::any_of(text,
                                   [](QChar c) { return c.unicode() >= 0x4E00 && c.unicode() < 0xA000; });
    }

    static QString shownPage(const Desk& desk) {
        for (const Page* page : desk.window->findChildren<Page*>()) {
            if (page->isVisible())
                return page->sign().name;
        }
        return {};
    }

  private Q_SLOTS:
    void init() { installLanguage(*qApp, u"en"_s); }
    void cleanupTestCase() { installLanguage(*qApp, u"en"_s); }

    /// What the engine said of a model while it was loaded is said in the new language, too.
    void whatTheEngineSaidFollows() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        Capabilities capabilities = mixtureModel();
        capabilities.device_why = u"Automatic: the CPU, because there is no NVIDIA driver on this machine."_s;
        capabilities.device = u"CPU (AVX2), 2 threads"_s;
        capabilities.notes = {
            u"The model is not locked in memory: this system lets a program lock 8.0 MiB. Raise "
            "\"memlock\" in /etc/security/limits.conf, or do without: it is swapped out only "
            "where memory is short."_s};
        for (ChoiceForecast& choice : capabilities.kv) {
            choice.experts_in_ram = 3ull << 30;
            choice.note =
                u"Q5_0 where rows are not divisible by 256, Q8_0 where rows are not divisible by 32"_s;
        }
        desk.load(capabilities);
        choose(desk, u"zh_CN"_s);
        QTRY_VERIFY(isChinese(desk.action(u"new"_s)->text()));
        const auto why = [&] { return desk.find<QLabel>(u"tune.device.why"_s)->text(); };
        QVERIFY2(isChinese(why()) && !why().contains(u"because"_s), qPrintable(why()));
        const QString facts = desk.find<QLabel>(u"picker.facts"_s)->text();
        QVERIFY2(facts.contains(u"2 线程"_s), qPrintable(facts));
        const QString tip = desk.find<QLabel>(u"picker.facts"_s)->toolTip();
        QVERIFY2(tip.contains(u"8.0 MiB"_s) && !tip.contains(u"locked"_s), qPrintable(tip));
        const QString kv = desk.find<QLabel>(u"tune.kv.forecast"_s)->text();
        QVERIFY2(kv.contains(u"256"_s) && kv.contains(u"3.0 GiB"_s) && !kv.contains(u"rows"_s) &&
                     !kv.contains(u"experts"_s),
                 qPrintable(kv));
    }

    /// Under the answer, and in a file of the chat: stored is what the engine said.
    void theReasonOfAnAnswerThatFailedFollows_data() {
        QTest::addColumn<QString>("engine");
        QTest::addColumn<QString>("english"); ///< a part of what is said
        QTest::addColumn<QString>("stays");   ///< in every language
        QTest::newRow("of the run")
            << u"the prompt has 9000 tokens, the model's context holds 8192: shorten it or start a new chat"_s
            << u"holds 8,192"_s << u"8,192"_s;
        QTest::newRow("of the model's file")
            << u"/my models/a: b.gguf: is not a GGUF file"_s << u"Is not a GGUF file (/my models/a: b.gguf)"_s
            << u"(/my models/a: b.gguf)"_s;
        QTest::newRow("of a part of the file")
            << u"/m.gguf: tensor \"blk.1\" lies beyond the end of the file (cut short?)"_s
            << u"Tensor \"blk.1\" lies beyond the end of the file (cut short?) (/m.gguf)"_s << u"(/m.gguf)"_s;
        QTest::newRow("without a colon")
            << u"/my models/m.gguf has no tokenizer: it can be run on token ids only"_s
            << u"Has no tokenizer: it can be run on token ids only (/my models/m.gguf)"_s
            << u"(/my models/m.gguf)"_s;
    }
    void theReasonOfAnAnswerThatFailedFollows() {
        QFETCH(QString, engine);
        QFETCH(QString, english);
        QFETCH(QString, stays);
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        FakeScript script;
        script.fail_at = 0;
        script.error = engine;
        desk.answers.setScript(script);
        QVERIFY(desk.controller.send(u"first question"_s));
        QTRY_VERIFY(!desk.controller.busy());
        const auto said = [&] {
            QAccessibleInterface* view =
                QAccessible::queryAccessibleInterface(desk.window->findChild<ChatPage*>()->thread());
            QString all;
            for (int i = 0; i < view->childCount(); ++i)
                all += view->child(i)->text(QAccessible::Description);
            return all;
        };
        const auto stored = [&] { return shownEnd(desk.controller.conversation().thread().last()); };
        QTRY_VERIFY2(said().contains(english), qPrintable(said()));
        choose(desk, u"zh_CN"_s);
        QTRY_VERIFY(isChinese(desk.action(u"new"_s)->text()));
        QTRY_VERIFY2(said().contains(stays) && !said().contains(english), qPrintable(said()));
        QVERIFY2(isChinese(stored()), qPrintable(stored()));
        choose(desk, u"en"_s);
        QTRY_VERIFY2(said().contains(english), qPrintable(said()));
    }

    /// Over the thread, while the model is not there, and on the page of models.
    void theReasonOfAModelThatFailedFollows() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        FakeScript script;
        script.load_error = u"/models/Broken.gguf: is not a GGUF file"_s;
        desk.answers.setScript(script);
        desk.window->loadModel(u"/models/Broken.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        const auto said = [&] { return desk.find<QLabel>(u"picker.error"_s)->text(); };
        const QString english = said();
        QCOMPARE(english, u"Is not a GGUF file (/models/Broken.gguf)"_s);
        choose(desk, u"zh_CN"_s);
        QTRY_VERIFY(isChinese(desk.action(u"new"_s)->text()));
        QVERIFY2(isChinese(said()) && said().endsWith(u"(/models/Broken.gguf)"_s), qPrintable(said()));
        const auto detail = [&] { return desk.find<QLabel>(u"models.detail"_s)->text(); };
        QCOMPARE(detail(), said());
        desk.library.rescan();
        QTRY_VERIFY(!desk.library.scanning());
        QCOMPARE(detail(), said());
        choose(desk, u"en"_s);
        QTRY_COMPARE(said(), english);
    }

    void changesWithoutARestartAndBack() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        QVERIFY(desk.controller.send(u"first question"_s));
        QTRY_VERIFY(!desk.controller.busy());
        desk.find<QPlainTextEdit>(u"composerEdit"_s)->setPlainText(u"not sent yet"_s);
        desk.window->resize(1230, 777);
        desk.action(u"page_settings"_s)->trigger();
        QVERIFY(!isChinese(desk.action(u"new"_s)->text()));

        choose(desk, u"zh_CN"_s);
        QTRY_VERIFY(isChinese(desk.action(u"new"_s)->text()));
        QVERIFY(desk.window->isVisible());
        QCOMPARE(desk.window->size(), QSize(1230, 777));
        QCOMPARE(shownPage(desk), u"settings"_s);
        QCOMPARE(desk.find<QComboBox>(u"settings.language"_s)->currentData().toString(), u"zh_CN"_s);
        for (const QAction* action : desk.window->findChildren<QAction*>()) {
            if (action->objectName().startsWith(u"action."_s))
                QVERIFY2(isChinese(action->text()), qPrintable(action->objectName()));
        }
        desk.action(u"page_chat"_s)->trigger();
        QCOMPARE(desk.find<QPlainTextEdit>(u"composerEdit"_s)->toPlainText(), u"not sent yet"_s);
        QCOMPARE(desk.controller.conversation().thread().size(), 2);
        QVERIFY(!desk.find<QLabel>(u"picker.facts"_s)->text().isEmpty()); // of the model that is loaded still
        const auto* page = desk.window->findChild<ChatPage*>();
        QTRY_COMPARE(page->thread()->messageCount(), 2);
        QVERIFY(desk.find<QLabel>(u"status.activity"_s)->text().isEmpty() ||
                isChinese(desk.find<QLabel>(u"status.activity"_s)->text()));

        choose(desk, u"en"_s);
        QTRY_VERIFY(!isChinese(desk.action(u"new"_s)->text()));
        QCOMPARE(shownPage(desk), u"chat"_s);
        QCOMPARE(desk.find<QPlainTextEdit>(u"composerEdit"_s)->toPlainText(), u"not sent yet"_s);
    }

    void anAnswerUnderWayGoesOn() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        QVERIFY(desk.controller.send(u"a long one"_s));
        QTRY_VERIFY(!desk.controller.conversation().thread().last().text().isEmpty());
        choose(desk, u"zh_CN"_s);
        QTRY_VERIFY(isChinese(desk.action(u"new"_s)->text()));
        QVERIFY(desk.controller.busy());
        QVERIFY(desk.action(u"stop"_s)->isEnabled()); // the new window knows of it
        const qsizetype before = desk.controller.conversation().thread().last().text().size();
        QTRY_VERIFY(desk.controller.conversation().thread().last().text().size() > before);
        desk.action(u"stop"_s)->trigger();
        QTRY_VERIFY(!desk.controller.busy());
    }

    /// What is known of the model in use, and what is to be said of it, is not the window's alone.
    void theWayToTheModelGoesOn() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        desk.answers.setScript(longAnswer(60));
        QVERIFY(desk.controller.send(u"A question"_s));
        QTRY_VERIFY(desk.controller.busy());
        desk.window->loadModel(u"/models/Second.gguf"_s); // it waits for the answer
        QVERIFY(desk.find<QLabel>(u"picker.error"_s)->text().contains(u"Second"_s));
        choose(desk, u"zh_CN"_s);
        QTRY_VERIFY(isChinese(desk.action(u"new"_s)->text()));
        const QString waits = desk.find<QLabel>(u"picker.error"_s)->text();
        QVERIFY2(waits.contains(u"Second"_s) && isChinese(waits), qPrintable(waits));
        desk.controller.chat().stop();
        QTRY_COMPARE(desk.model.capabilities().model_path, u"/models/Second.gguf"_s);
    }

    void whatHasToBeReadStillStandsThere() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->findChild<NoticeBanner*>()->add(u"The chats are in another file now."_s);
        choose(desk, u"zh_CN"_s);
        QTRY_VERIFY(isChinese(desk.action(u"new"_s)->text()));
        QCOMPARE(desk.window->findChild<NoticeBanner*>()->sentences(),
                 QStringList(u"The chats are in another file now."_s));
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    TestLanguage test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_language.moc"
