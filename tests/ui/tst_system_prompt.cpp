// The system prompt: written over the thread, kept, named, and told to the model.
#include "tests/ui/chat_desk.h"
#include "tests/ui/desk.h"
#include "ui/chat/paged_edit.h"

#include <QComboBox>
#include <QFile>
#include <QLineEdit>
#include <QMenu>
#include <QToolButton>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

struct PromptDesk : ChatDesk {
    explicit PromptDesk(const QString& path = {}, const FakeScript& script = quickAnswer(u"Aye."_s))
        : ChatDesk(script, path) {}

    SystemPromptBar* bar() const { return find<SystemPromptBar>(u"systemPrompt"_s); }
    QToolButton* fold() const { return find<QToolButton>(u"systemPrompt.fold"_s); }
    void write(const QString& text) {
        if (!bar()->isUnfolded())
            QTest::mouseClick(fold(), Qt::LeftButton);
        bar()->edit()->setFocus();
        bar()->edit()->selectAll();
        QTest::keyClicks(bar()->edit(), text);
    }
    QString summary() const { return find<QLabel>(u"systemPrompt.summary"_s)->text(); }
    /// An entry of the menu of named ones, as it is now.
    QAction* entry(const QString& name) const {
        auto* menu = find<QMenu>(u"systemPrompt.menu"_s);
        Q_EMIT menu->aboutToShow();
        if (!QTest::qWaitFor([&] { return !bar()->isLooking(); }, 5000))
            qFatal("it is not known which one it is");
        auto* found = menu->findChild<QAction*>(u"systemPrompt."_s + name);
        if (!found)
            qFatal("no entry %s", qPrintable(name));
        return found;
    }
    void name(const QString& action, const QString& name) {
        entry(action)->trigger();
        auto* field = find<QLineEdit>(u"systemPrompt.name"_s);
        field->selectAll();
        field->insert(name); // keys have no Chinese
        QTest::keyClick(field, Qt::Key_Return);
    }
    const std::vector<ChatTurn> told() const { return answers.requests().back().turns; }
    QStringList named() const { return prompts.names(); }
};

bool tells(const std::vector<ChatTurn>& turns, const QString& system) {
    return !turns.empty() && turns.front().author == Author::System && turns.front().text == system;
}

} // namespace

class SystemPromptTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void reachesTheModelFromTheNextAnswerOn() {
        PromptDesk desk;
        QCOMPARE(desk.summary(), u"none"_s);
        desk.chat(u"First"_s);
        QVERIFY(desk.told().front().author == Author::User);
        desk.write(u"Talk like a pirate."_s);
        desk.page->composer()->edit()->setFocus();
        desk.ask(u"Second"_s); // at once: what stands there counts
        QVERIFY(desk.waitIdle());
        QVERIFY(tells(desk.told(), u"Talk like a pirate."_s));
        QCOMPARE(QString::fromStdString(*desk.thread().last().run.system_prompt), u"Talk like a pirate."_s);
        desk.click(u"regenerateButton"_s);
        QVERIFY(desk.waitIdle());
        QVERIFY(tells(desk.told(), u"Talk like a pirate."_s));
        desk.write(u" "_s);
        desk.ask(u"Third"_s); // blanks are none
        QVERIFY(desk.waitIdle());
        QVERIFY(desk.told().front().author == Author::User);
    }

    void whatIsOfferedOfOneChatIsNotShownInAnother() {
        PromptDesk desk;
        const ConversationId first = desk.chat(u"First"_s);
        desk.page->newChat();
        desk.chat(u"Second"_s);
        const Toast* toast = desk.page->toast();
        desk.write(u"Be brief."_s);
        QTest::keyClick(desk.bar()->edit(), Qt::Key_Escape);
        QVERIFY(toast->isVisible() && toast->offers());
        QVERIFY(desk.open(first));
        QVERIFY(!toast->isVisible());
        desk.write(u"Be kind."_s); // and goes away while it is open
        desk.page->newChat();
        QVERIFY(!toast->isVisible());
        QVERIFY(desk.controller.undo().canUndo());
    }

    void isFoldedIntoALine() {
        PromptDesk desk;
        QVERIFY(!desk.bar()->isUnfolded());
        desk.write(u"Be brief."_s);
        QVERIFY(desk.bar()->isUnfolded());
        QTest::keyClick(desk.bar()->edit(), Qt::Key_Escape);
        QVERIFY(!desk.bar()->isUnfolded());
        QCOMPARE(desk.summary(), u"Be brief."_s);
        QVERIFY(desk.fold()->accessibleDescription().contains(u"Be brief."_s));
    }

    void isTheChatsOwnAndKept() {
        QTemporaryDir folder;
        ConversationId pirate = 0;
        {
            PromptDesk desk(folder.path());
            desk.write(u"Talk like a pirate."_s);
            pirate = desk.chat(u"Hello"_s);
            QVERIFY(tells(desk.told(), u"Talk like a pirate."_s));
            desk.page->newChat();
            QCOMPARE(desk.bar()->text(), QString());
            desk.chat(u"Other"_s);
            QVERIFY(desk.told().front().author == Author::User);
            QVERIFY(desk.open(pirate));
            QCOMPARE(desk.bar()->text(), u"Talk like a pirate."_s);
            desk.write(u"Talk like a queen."_s);
            desk.page->newChat(); // leaves it in the middle of writing
        }
        PromptDesk again(folder.path());
        QVERIFY(again.open(pirate));
        QTRY_COMPARE(again.bar()->text(), u"Talk like a queen."_s);
        again.ask(u"And now?"_s);
        QVERIFY(again.waitIdle());
        QVERIFY(tells(again.told(), u"Talk like a queen."_s));
    }

    void ofAChatThatIsNotBegunIsADraft() {
        QTemporaryDir folder;
        {
            PromptDesk desk(folder.path());
            desk.write(u"Half a prom"_s);
            desk.type(u"and a question"_s);
            const ConversationId none = desk.controller.current();
            QCOMPARE(none, ConversationId(0));
        }
        PromptDesk again(folder.path());
        QTRY_COMPARE(again.bar()->text(), u"Half a prom"_s);
        QTRY_COMPARE(again.page->composer()->text(), u"and a question"_s);
        again.enter();
        QVERIFY(again.waitIdle());
        QVERIFY(tells(again.told(), u"Half a prom"_s));
        again.page->newChat();
        QCOMPARE(again.bar()->text(), QString());
    }

    void isTakenBack() {
        PromptDesk desk;
        desk.write(u"One"_s);
        desk.chat(u"Hello"_s);
        desk.write(u"Two"_s);
        desk.page->composer()->edit()->setFocus();
        QTest::mouseClick(desk.fold(), Qt::LeftButton);
        QTRY_VERIFY(desk.page->toast()->offers());
        QVERIFY(desk.page->toast()->sentence().contains(u"next answer"_s));
        QCOMPARE(desk.controller.systemPrompt(), u"Two"_s);
        (*desk.actions)[Act::Undo].trigger();
        QCOMPARE(desk.controller.systemPrompt(), u"One"_s);
        QCOMPARE(desk.bar()->text(), u"One"_s);
        desk.ask(u"Again"_s);
        QVERIFY(desk.waitIdle());
        QVERIFY(tells(desk.told(), u"One"_s));
    }

    void takenBackWhenTheChatWasBegunMeanwhileIsStillItsOwn() {
        PromptDesk desk;
        desk.write(u"One"_s);
        desk.bar()->finish();
        desk.write(u"Two"_s);
        desk.bar()->finish();
        const ConversationId chat = desk.chat(u"Hello"_s);
        desk.page->newChat();
        (*desk.actions)[Act::Undo].trigger();
        QCOMPARE(desk.bar()->text(), QString()); // of the new chat
        QVERIFY(desk.open(chat));
        QTRY_COMPARE(desk.bar()->text(), u"One"_s);
    }

    void anAnswerIsRunAgainWithTheOneItHad() {
        PromptDesk desk;
        desk.write(u"One"_s);
        desk.chat(u"Hello"_s);
        desk.write(u"Two"_s);
        desk.bar()->finish();
        desk.controller.chat().runAgain(desk.lastId());
        QVERIFY(desk.waitIdle());
        QVERIFY(tells(desk.told(), u"One"_s));
    }

    void namedOnesAreSavedChosenRenamedAndDeleted() {
        PromptDesk desk;
        QVERIFY(!desk.entry(u"saveAs"_s)->isEnabled());
        desk.write(u"Talk like a pirate."_s);
        desk.name(u"saveAs"_s, u"Pirate / 海盗"_s);
        QCOMPARE(desk.named(), QStringList{u"Pirate / 海盗"_s});
        desk.write(u"Be brief."_s);
        desk.name(u"saveAs"_s, u"Brief"_s);
        QVERIFY(desk.entry(u"choose.Brief"_s)->isChecked());
        desk.entry(u"choose.Pirate / 海盗"_s)->trigger();
        QCOMPARE(desk.bar()->text(), u"Talk like a pirate."_s);
        QCOMPARE(desk.controller.systemPrompt(), u"Talk like a pirate."_s);
        desk.name(u"saveAs"_s, u"Brief"_s); // there is one
        QVERIFY(desk.find<QLabel>(u"systemPrompt.error"_s)->isVisible());
        QCOMPARE(*desk.prompts.load(u"Brief"_s), u"Be brief."_s);
        QTest::keyClick(desk.find<QLineEdit>(u"systemPrompt.name"_s), Qt::Key_Escape);
        desk.name(u"rename"_s, u"Corsair"_s);
        QCOMPARE(desk.named(), (QStringList{u"Brief"_s, u"Corsair"_s}));
        desk.write(u"Talk like a corsair."_s);
        desk.entry(u"save"_s)->trigger();
        QCOMPARE(*desk.prompts.load(u"Corsair"_s), u"Talk like a corsair."_s);
        desk.entry(u"delete"_s)->trigger();
        QCOMPARE(desk.named(), QStringList{u"Brief"_s});
        QCOMPARE(desk.bar()->text(), u"Talk like a corsair."_s); // the chat keeps it
        (*desk.actions)[Act::Undo].trigger();
        QCOMPARE(*desk.prompts.load(u"Corsair"_s), u"Talk like a corsair."_s);
        desk.entry(u"none"_s)->trigger();
        QCOMPARE(desk.controller.systemPrompt(), QString());
    }

    void whichOneItIsIsFoundOutBesideTheMenu() {
        PromptDesk desk;
        desk.prompts.save(u"Pirate"_s, u"Talk like a pirate."_s);
        desk.prompts.save(u"Queen"_s, u"Talk like a queen."_s);
        desk.write(u"Talk like a queen."_s);
        auto* menu = desk.find<QMenu>(u"systemPrompt.menu"_s);
        Q_EMIT menu->aboutToShow();
        QVERIFY(desk.bar()->isLooking()); // and the menu is there
        const auto entry = [&](const QString& id) {
            return menu->findChild<QAction*>(u"systemPrompt."_s + id);
        };
        QVERIFY(!entry(u"choose.Queen"_s)->isChecked() && !entry(u"rename"_s)->isEnabled());
        QTRY_VERIFY(entry(u"choose.Queen"_s)->isChecked());
        QVERIFY(!entry(u"choose.Pirate"_s)->isChecked());
        QVERIFY(entry(u"rename"_s)->isEnabled() && !entry(u"save"_s)->isEnabled());
        QCOMPARE(entry(u"save"_s)->text(), u"Save as “Queen”"_s);
    }

    void oneThatCannotBeReadIsSaidSo() {
        PromptDesk desk;
        desk.prompts.save(u"Odd"_s, u"x"_s);
        QFile file(desk.data + u"/prompts/Odd.txt"_s);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("\xff\xfe\0bad", 6);
        file.close();
        desk.write(u"Mine"_s);
        desk.entry(u"choose.Odd"_s)->trigger();
        QVERIFY(desk.find<QLabel>(u"systemPrompt.error"_s)->text().contains(u"Odd"_s));
        QCOMPARE(desk.bar()->text(), u"Mine"_s);
    }

    void newChatsBeginWithTheNamedOneThatIsChosen() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        desk.prompts.save(u"Pirate"_s, u"Talk like a pirate."_s);
        auto* bar = desk.find<SystemPromptBar>(u"systemPrompt"_s);
        desk.action(u"page_settings"_s)->trigger();
        auto* box = desk.find<QComboBox>(u"settings.systemPrompt"_s);
        box->setCurrentIndex(box->findText(u"Pirate"_s));
        Q_EMIT box->activated(box->currentIndex());
        QCOMPARE(desk.controller.systemPrompt(), u"Talk like a pirate."_s); // nothing was begun
        QVERIFY(desk.controller.send(u"Hello"_s));
        QVERIFY(tells(desk.answers.requests().back().turns, u"Talk like a pirate."_s));
        desk.controller.chat().stop();
        const ConversationId first = desk.controller.current();
        desk.prompts.save(u"Pirate"_s, u"Talk like a captain."_s);
        QCOMPARE(desk.controller.systemPrompt(), u"Talk like a pirate."_s); // its own copy
        desk.action(u"new"_s)->trigger();
        QCOMPARE(bar->text(), u"Talk like a captain."_s);
        QVERIFY(first != desk.controller.current());
        desk.settings.set<Setting::SystemPrompt>(u"Gone"_s);
        QCOMPARE(bar->text(), QString());
    }

    void aModelThatKnowsNoneIsToldInTheQuestionAndThatIsSaid() {
        FakeScript script = quickAnswer(u"Aye."_s);
        script.capabilities.system_role = SystemRole::InQuestion;
        PromptDesk desk({}, script);
        desk.write(u"x"_s);
        QVERIFY(desk.find<QLabel>(u"systemPrompt.note"_s)->text().contains(u"first question"_s));
    }
};

QTEST_MAIN(SystemPromptTest)
#include "tst_system_prompt.moc"
