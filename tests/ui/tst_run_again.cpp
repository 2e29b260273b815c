// "Run again exactly" over the real engine: the same tokens, whenever it is asked for.
#include "tests/app/tiny_model.h"
#include "tests/ui/real_desk.h"

#include <QAction>

using namespace Qt::StringLiterals;
using namespace switchyard;

class RunAgainTest : public QObject {
    Q_OBJECT
    QTemporaryDir models_;
    QString model_;

    static QList<int> ids(const Message& message) {
        QList<int> all;
        for (const TokenRecord& token : message.run.tokens)
            all.append(token.id);
        return all;
    }
    /// By the action under the answer. The new answer stands where the old one stood.
    static QList<int> again(const RealDesk& desk) {
        const MessageId old = desk.answer().id;
        desk.tools()->findChild<QAction*>(u"runAgainAction"_s)->trigger();
        if (!QTest::qWaitFor([&] { return desk.answer().id != old && !desk.controller.busy(); }, 20000))
            qFatal("it was not run again");
        return ids(desk.answer());
    }
    static void ask(RealDesk& desk) {
        desk.setDial(u"max_tokens"_s, 24);
        desk.setDial(u"temperature"_s, 1.3);
        desk.ask(u"Tell me something"_s);
    }

  private Q_SLOTS:
    void initTestCase() {
        installLanguage(*qApp, u"en"_s);
        model_ = models_.filePath(u"mixture.gguf"_s);
        writeTinyModel(model_.toStdString(), TinyModel{});
    }

    void atOnceAndOfItselfAndAfterARestart() {
        QTemporaryDir folder;
        QList<int> first;
        ConversationId chat = 0;
        {
            RealDesk desk(folder.path(), model_);
            ask(desk);
            first = ids(desk.answer());
            QVERIFY(first.size() > 4);
            QCOMPARE(desk.answer().run.computed_by.draw, kDrawVersion);
            QCOMPARE(again(desk), first);
            QCOMPARE(again(desk), first);
            chat = desk.controller.current();
        }
        RealDesk desk(folder.path(), model_);
        desk.controller.openChat(chat);
        QTRY_VERIFY(desk.controller.current() == chat && !desk.thread().isEmpty());
        QCOMPARE(desk.answer().tokenCount(), first.size());
        QCOMPARE(again(desk), first); // its tokens are read for it
    }

    void anAnswerThatGoesOnIsDrawnAsItBegan() {
        QTemporaryDir folder;
        RealDesk desk(folder.path(), model_);
        ask(desk);
        QVERIFY(desk.button(u"continueButton"_s)->isVisible());
        desk.setDial(u"max_tokens"_s, 40);
        QVERIFY(desk.click(u"continueButton"_s));
        QVERIFY(ids(desk.answer()).size() > 24);
        QCOMPARE(desk.answer().run.computed_by.draw, kDrawVersion);
        QCOMPARE(desk.answer().run.computed_by.backend, std::string("cpu"));
    }
};

QTEST_MAIN(RunAgainTest)
#include "tst_run_again.moc"
