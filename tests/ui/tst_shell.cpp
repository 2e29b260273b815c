// The main window: pages, columns, model picker, dials in a running answer, and closing.
#include "tests/ui/desk.h"
#include "ui/insight/insight_panel.h"
#include "ui/insight/speed_plot.h"
#include "ui/language.h"
#include "ui/models/model_table.h"
#include "ui/settings_page.h"
#include "ui/tuning/dial_slider.h"
#include "ui/tuning/tune_column.h"

#include <QAbstractItemModelTester>
#include <QAbstractItemView>
#include <QCheckBox>
#include <QComboBox>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QLabel>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalSpy>
#include <QSplitter>
#include <QTemporaryDir>
#include <QToolButton>
#include <QTranslator>

using namespace switchyard;
using namespace Qt::StringLiterals;

class TestShell : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void chatsBeginWithTheModelsDials() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        Capabilities capabilities = mixtureModel();
        capabilities.defaults.sequence.temperature = 0.2;
        desk.load(capabilities);
        QCOMPARE(desk.controller.tuning().sequence.temperature, 0.2);
        desk.controller.newChat();
        QCOMPARE(desk.controller.tuning().sequence.temperature, 0.2);
        capabilities.defaults.sequence.temperature = 0.6;
        desk.load(capabilities); // another model before the first question
        QCOMPARE(desk.controller.tuning().sequence.temperature, 0.6);
    }

    void pagesAreReachedFromTheRail() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        auto* settings = desk.find<QWidget>(u"settings"_s);
        auto* models = desk.find<QWidget>(u"models"_s);
        QVERIFY(!settings->isVisible());
        QTest::mouseClick(desk.find<QToolButton>(u"rail.settings"_s), Qt::LeftButton);
        QVERIFY(settings->isVisible());
        QTest::mouseClick(desk.find<QToolButton>(u"rail.models"_s), Qt::LeftButton);
        QVERIFY(models->isVisible());
        desk.action(u"page_chat"_s)->trigger();
        QVERIFY(!models->isVisible());
        QVERIFY(desk.find<QToolButton>(u"rail.chat"_s)->isChecked());
    }

    void everyDialMovesTheRunningAnswerAndLeavesAMark() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        QVERIFY(desk.controller.send(u"Tell me something long."_s));
        auto* panel = desk.find<InsightPanel>(u"insight"_s);
        QTRY_VERIFY(panel->series().tokens().size() > 10);
        int marks = 0;
        for (const char* dial : {"temperature", "top_p", "experts", "kv", "quant"}) {
            auto* slider = desk.find<DialSlider>(u"tune.%1.slider"_s.arg(QLatin1String(dial)));
            slider->setValue(slider->value() > 0 ? slider->value() - 1 : slider->value() + 1);
            ++marks;
            QTRY_VERIFY2(static_cast<int>(panel->series().marks().size()) >= marks, dial);
        }
        QTRY_VERIFY(panel->speed().markCount() >= marks);
        // The move is kept with the answer.
        desk.controller.chat().stop();
        QTRY_VERIFY(!desk.controller.busy());
        const Message& answer = desk.controller.conversation().thread().last();
        QCOMPARE(static_cast<int>(answer.run.moves.size()), marks);
        QCOMPARE(answer.run.moves[2].name, std::string("experts"));
    }

    void storedAnswerIsPlottedWhenItsChatIsOpened() {
        QTemporaryDir folder;
        ConversationId chat = 0;
        {
            Desk desk(folder.path());
            desk.load();
            FakeScript script;
            desk.answers.setScript(script);
            QVERIFY(desk.controller.send(u"Hello"_s));
            QTRY_VERIFY(!desk.controller.busy());
            chat = desk.controller.current();
        }
        Desk desk(folder.path());
        auto* panel = desk.find<InsightPanel>(u"insight"_s);
        QCOMPARE(panel->series().tokens().size(), std::size_t(0));
        desk.controller.openChat(chat);
        QTRY_VERIFY(panel->series().tokens().size() > 10);
        QTRY_VERIFY(desk.find<QLabel>(u"status.context"_s)->text().contains(u"0"_s));
    }

    void columnsAreRemembered() {
        QTemporaryDir folder;
        int list_width = 0;
        {
            Desk desk(folder.path());
            auto* columns = desk.find<QSplitter>(u"splitter.columns"_s);
            columns->setSizes({330, 700, 370});
            list_width = columns->sizes()[0];
            desk.action(u"insight"_s)->trigger();
            QTest::mouseClick(desk.find<QToolButton>(u"tune.close"_s), Qt::LeftButton);
            desk.find<QWidget>(u"insight"_s);
            QVERIFY(!desk.find<QWidget>(u"tune"_s)->isVisible());
            QVERIFY(!desk.find<QWidget>(u"insight"_s)->isVisible());
            desk.window->close();
        }
        Desk desk(folder.path());
        QVERIFY(!desk.find<QWidget>(u"tune"_s)->isVisible());
        QVERIFY(!desk.find<QWidget>(u"insight"_s)->isVisible());
        QVERIFY(!desk.action(u"tune"_s)->isChecked());
        QVERIFY(std::abs(desk.find<QSplitter>(u"splitter.columns"_s)->sizes()[0] - list_width) <= 2);
        desk.action(u"tune"_s)->trigger();
        QVERIFY(desk.find<QWidget>(u"tune"_s)->isVisible());
    }

    void narrowWindowShowsOneSideColumn() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        auto* tune = desk.find<QWidget>(u"tune"_s);
        auto* list = desk.find<QToolButton>(u"fold.list"_s);
        QVERIFY(tune->isVisible() && list->isChecked());
        desk.window->resize(1000, 600);
        QTRY_COMPARE(desk.window->size(), QSize(1000, 600));
        QVERIFY(!(tune->isVisible() && list->isChecked()));
        desk.action(u"list"_s)->trigger();
        QVERIFY(list->isChecked());
        QVERIFY(!tune->isVisible());
        desk.action(u"tune"_s)->trigger();
        QVERIFY(tune->isVisible());
        QVERIFY(!list->isChecked());
        QCOMPARE(desk.window->size(), QSize(1000, 600)); // nothing pushed it wider
        desk.window->resize(1400, 900);
        QTRY_VERIFY(tune->isVisible() && list->isChecked());
    }

    void newChatsBeginWithTheChosenPreset() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        Tuning bold;
        bold.sequence.temperature = 1.4;
        QVERIFY(desk.presets.save(u"Bold"_s, bold));
        desk.settings.set<Setting::Preset>(u"Bold"_s);
        desk.load();
        QTRY_COMPARE(desk.controller.tuning().sequence.temperature, 1.4);
        Tuning moved = desk.controller.tuning();
        moved.sequence.temperature = 0.2;
        desk.controller.setTuning(moved);
        QCOMPARE(desk.controller.tuning().sequence.temperature, 0.2); // a dial that is moved stays moved
        desk.action(u"new"_s)->trigger();
        QCOMPARE(desk.controller.tuning().sequence.temperature, 1.4);
    }

    void pluralsAreEnglishWhereTheSystemNamesNoLanguage() {
        const QLocale before;
        QLocale::setDefault(QLocale::c());
        installLanguage(*qApp, u"C"_s);
        const QString one = QCoreApplication::translate("switchyard::ModelsPage",
                                                        "%n model file(s) in your folders.", nullptr, 1);
        for (QTranslator* translator : qApp->findChildren<QTranslator*>())
            QCoreApplication::removeTranslator(translator);
        QLocale::setDefault(before);
        QCOMPARE(one, u"1 model file in your folders."_s);
    }

    void regenerateMakesABranchAndAltArrowsSwitch() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        desk.answers.setScript({});
        QVERIFY(desk.controller.send(u"Hello"_s));
        QTRY_VERIFY(!desk.controller.busy());
        const MessageId first = desk.controller.conversation().thread().last().id;
        desk.action(u"regenerate"_s)->trigger();
        QTRY_VERIFY(desk.controller.busy());
        QTRY_VERIFY(!desk.controller.busy());
        const MessageId second = desk.controller.conversation().thread().last().id;
        QVERIFY(second != first);
        desk.action(u"previous_branch"_s)->trigger();
        QTRY_COMPARE(desk.controller.conversation().thread().last().id, first);
        desk.action(u"next_branch"_s)->trigger();
        QTRY_COMPARE(desk.controller.conversation().thread().last().id, second);
    }

    void pickerShowsLoadingThenTheModelThenErrors() {
        QTemporaryDir folder;
        FakeScript script;
        script.load_seconds = 0.3;
        Desk desk(folder.path(), script);
        auto* bar = desk.find<QProgressBar>(u"picker.progress"_s);
        auto* facts = desk.find<QLabel>(u"picker.facts"_s);
        QVERIFY(!bar->isVisible());
        desk.window->loadModel(u"/models/Small-MoE.gguf"_s);
        QVERIFY(bar->isVisible());
        QTRY_VERIFY(bar->value() > 100);
        QVERIFY(desk.find<QLabel>(u"status.activity"_s)->text().contains(u"%"_s));
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QVERIFY(!bar->isVisible());
        QVERIFY(desk.find<QToolButton>(u"picker.button"_s)->text().contains(u"Small-MoE"_s));
        QVERIFY2(facts->text().contains(u"6/64"_s), qPrintable(facts->text()));
        QVERIFY(facts->text().contains(u"Q8_0"_s));
        QCOMPARE(desk.settings.get<Setting::LastModel>(), u"/models/Small-MoE.gguf"_s);

        desk.find<DialSlider>(u"tune.experts.slider"_s)->setValue(1);
        QVERIFY2(facts->text().contains(u"2/64"_s), qPrintable(facts->text()));

        script.load_error = u"Q8_0 needs 16.9 GiB, 11.2 GiB are free: choose Q4_K."_s;
        desk.answers.setScript(script);
        desk.window->loadModel(u"/models/Large.gguf"_s);
        auto* error = desk.find<QLabel>(u"picker.error"_s);
        QTRY_VERIFY(error->isVisible());
        QCOMPARE(error->text(), script.load_error);
        QCOMPARE(desk.settings.get<Setting::LastModel>(),
                 u"/models/Small-MoE.gguf"_s); // not the one that failed
    }

    void controlTokensInMessagesAreTextUnlessTheChatAllowsThem() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        const auto ask = [&desk] {
            if (!desk.controller.send(u"<|im_start|>system"_s))
                return true;
            desk.controller.chat().stop();
            return desk.answers.requests().back().tuning.sequence.special_tokens;
        };
        QVERIFY(!ask());
        QTRY_VERIFY(!desk.controller.busy());
        auto* slider = desk.find<DialSlider>(u"tune.special_tokens.slider"_s);
        slider->setValue(1);
        QCOMPARE(desk.find<QLabel>(u"tune.special_tokens.value"_s)->text(), u"control"_s);
        QVERIFY(ask());
        QTRY_VERIFY(!desk.controller.busy());
        desk.controller.newChat(); // it was allowed to that chat
        QVERIFY(!ask());
        QTRY_VERIFY(!desk.controller.busy());
    }

    void wordsForAModelThatWasNotLoadedStandInANewChat() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        desk.window->propose(u"from a second start"_s);
        auto* edit = desk.find<QPlainTextEdit>(u"composerEdit"_s);
        QTRY_COMPARE(edit->toPlainText(), u"from a second start"_s);
        QCOMPARE(desk.controller.current(), ConversationId(0));
        desk.window->propose(u"and another"_s);
        QCOMPARE(edit->toPlainText(), u"from a second start\nand another"_s);
        QVERIFY(desk.answers.requests().empty());
    }

    void aFileThatCannotBeUsedCostsNothing() {
        QTemporaryDir folder;
        FakeScript script;
        Desk desk(folder.path(), script);
        desk.window->loadModel(u"/models/Works.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        script.refused_error = u"Is not a GGUF file (/models/Bad.gguf)"_s;
        desk.answers.setScript(script);
        desk.window->loadModel(u"/models/Bad.gguf"_s);
        auto* notice = desk.find<QLabel>(u"picker.error"_s);
        QTRY_VERIFY(notice->isVisible());
        QVERIFY2(notice->text().contains(u"Is not a GGUF file"_s) &&
                     notice->text().contains(u"Works stays in use"_s),
                 qPrintable(notice->text()));
        QCOMPARE(desk.model.state(), ModelState::Ready);
        QVERIFY(desk.find<QToolButton>(u"picker.button"_s)->text().contains(u"Works"_s));
        QVERIFY(desk.controller.send(u"Are you there?"_s));
        QTRY_VERIFY(!desk.controller.busy());
        QCOMPARE(desk.controller.conversation().thread().last().state, MessageState::Complete);
    }

    void whereLoadingFailsThereIsAWayBack() {
        QTemporaryDir folder;
        FakeScript script;
        Desk desk(folder.path(), script);
        desk.window->loadModel(u"/models/Works.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        script.load_error = u"needs 16.9 GiB, 11.2 GiB are free"_s;
        desk.answers.setScript(script);
        desk.window->loadModel(u"/models/Large.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        auto* back = desk.find<QToolButton>(u"picker.noticeAction"_s);
        QTRY_VERIFY(back->isVisible());
        QCOMPARE(back->text(), u"Back to Works"_s);
        script.load_error.clear();
        desk.answers.setScript(script);
        QTest::mouseClick(back, Qt::LeftButton);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QVERIFY(!back->isVisible());
        QCOMPARE(desk.model.capabilities().model_path, u"/models/Works.gguf"_s);
    }

    /// Loading at once ends the answers that wait for their turn, too: the button says so.
    void allAnswersThatWouldEndAreCounted() {
        QTemporaryDir folder;
        FakeScript script = longAnswer(60);
        Desk desk(folder.path(), script);
        desk.window->loadModel(u"/models/Works.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QVERIFY(desk.controller.send(u"A question"_s));
        desk.window->loadModel(u"/models/Other.gguf"_s);
        auto* load = desk.find<QToolButton>(u"picker.noticeAction"_s);
        QCOMPARE(load->text(), u"Load now, stopping the answer"_s);
        desk.controller.newChat();
        QVERIFY(desk.controller.send(u"Another question"_s));
        QTRY_VERIFY2(load->text().contains(u"stopping 2 answer"_s), qPrintable(load->text()));
        QVERIFY(desk.find<QLabel>(u"picker.error"_s)->text().contains(u"2 answer"_s));
    }

    void everyModelOfTheWindowKeepsTheRules() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        QList<QAbstractItemModel*> models;
        for (const QAbstractItemView* view : desk.window->findChildren<QAbstractItemView*>()) {
            if (view->model() && !models.contains(view->model()))
                models << view->model();
        }
        for (const QComboBox* box : desk.window->findChildren<QComboBox*>()) {
            if (!models.contains(box->model()))
                models << box->model();
        }
        QVERIFY(models.size() > 5);
        std::vector<std::unique_ptr<QAbstractItemModelTester>> testers; // gone before the window
        for (QAbstractItemModel* model : models)
            testers.push_back(std::make_unique<QAbstractItemModelTester>(
                model, QAbstractItemModelTester::FailureReportingMode::QtTest));
        desk.load();
        QVERIFY(desk.controller.send(u"Hello"_s));
        QTRY_VERIFY(desk.find<InsightPanel>(u"insight"_s)->series().tokens().size() > 3);
        desk.controller.chat().stop();
        desk.settings.set<Setting::ModelFolders>({u"/a"_s, u"/b"_s});
        desk.settings.set<Setting::ModelFolders>({u"/b"_s});
        QVERIFY(desk.presets.save(u"Bold"_s, desk.controller.tuning()));
        desk.load(denseModel());
        desk.controller.list().createFolder(u"Work"_s);
        desk.controller.deleteChat(desk.controller.current());
        QCoreApplication::processEvents();
    }

    /// What was carved before stays: the next one has a number.
    void carvingReplacesNoFile() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load(denseModel());
        QVERIFY(QDir().mkpath(desk.paths.models));
        QFile before(desk.paths.models + u"/Example-carved.gguf"_s);
        QVERIFY(before.open(QIODevice::WriteOnly));
        auto* tune = desk.window->findChild<TuneColumn*>();
        const auto asked = [&] {
            Q_EMIT tune->carveRequested();
            return QFileInfo(outputOf(desk.answers.jobs.jobs().last().task)).fileName();
        };
        QCOMPARE(asked(), u"Example-carved-2.gguf"_s);
        QCOMPARE(asked(), u"Example-carved-3.gguf"_s); // the other is not written yet
    }

    void anotherModelWaitsForTheAnswer() {
        QTemporaryDir folder;
        FakeScript script;
        script.tokens_per_second = 60;
        Desk desk(folder.path(), script);
        desk.window->loadModel(u"/models/Works.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QVERIFY(desk.controller.send(u"A question"_s));
        QTRY_VERIFY(desk.controller.busy());
        desk.window->loadModel(u"/models/Other.gguf"_s);
        auto* notice = desk.find<QLabel>(u"picker.error"_s);
        QVERIFY(notice->isVisible());
        QCOMPARE(notice->text(), u"Other is loaded when the answer has ended."_s);
        QCOMPARE(desk.model.capabilities().model_path, u"/models/Works.gguf"_s);
        QTRY_COMPARE(desk.model.capabilities().model_path, u"/models/Other.gguf"_s);
        QCOMPARE(desk.controller.conversation().thread().last().state, MessageState::Complete);
        QVERIFY(!notice->isVisible());
        // Or at once, which stops the answer and keeps its text.
        QVERIFY(desk.controller.send(u"Another question"_s));
        QTRY_VERIFY(desk.controller.busy());
        desk.window->loadModel(u"/models/Works.gguf"_s);
        QTest::mouseClick(desk.find<QToolButton>(u"picker.noticeAction"_s), Qt::LeftButton);
        QTRY_COMPARE(desk.model.capabilities().model_path, u"/models/Works.gguf"_s);
        QTRY_COMPARE(desk.controller.conversation().thread().last().state, MessageState::Stopped);
    }

    void carvingIsOfferedRunAndOpened() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load(denseModel());
        auto* start = desk.find<QPushButton>(u"carve.start"_s);
        QTRY_VERIFY(start->isVisible());
        start->click();
        QVERIFY(desk.find<QPushButton>(u"carve.cancel"_s)->isVisible());
        QTRY_VERIFY(desk.answers.jobs.jobs().last().state == JobState::Done);
        auto* open = desk.find<QPushButton>(u"carve.open"_s);
        QTRY_VERIFY(open->isVisible());
        FakeScript script;
        desk.answers.setScript(script);
        open->click();
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QVERIFY(desk.model.capabilities().model_path.startsWith(desk.paths.models));
        QVERIFY(desk.model.capabilities().model_path.endsWith(u"-carved.gguf"_s));
    }

    void closingWhileAnsweringEndsCleanly() {
        QTemporaryDir folder;
        ConversationId chat = 0;
        QElapsedTimer timer;
        {
            Desk desk(folder.path(), longAnswer(50));
            desk.load();
            QVERIFY(desk.controller.send(u"Go on."_s));
            QTRY_VERIFY(desk.find<InsightPanel>(u"insight"_s)->series().tokens().size() > 5);
            chat = desk.controller.current();
            timer.start();
            QVERIFY(desk.window->close());
        }
        QVERIFY2(timer.elapsed() < 2000, qPrintable(QString::number(timer.elapsed())));
        Desk again(folder.path());
        again.controller.openChat(chat);
        QTRY_VERIFY(!again.controller.conversation().thread().isEmpty());
        QVERIFY(again.controller.conversation().thread().last().text().contains(u"word"_s));
    }

    /// Who has never chatted here is told of the dials, the plots, and where the words stay; once.
    void aFirstStartExplainsItselfInThreeHints() {
        QTemporaryDir folder;
        const auto hints = [](const Desk& desk) {
            int seen = 0;
            for (int i = 0; i < 3; ++i)
                seen += desk.find<QLabel>(u"firstStartTip-%1"_s.arg(i))->isVisible() ? 1 : 0;
            return seen;
        };
        {
            Desk desk(folder.path());
            QTRY_COMPARE(hints(desk), 3);
            desk.load();
            QVERIFY(desk.controller.send(u"A question"_s));
            QTRY_VERIFY(!desk.controller.busy());
            desk.action(u"new"_s)->trigger();
            QTRY_COMPARE(hints(desk), 0);
        }
        Desk again(folder.path());
        QTRY_VERIFY(again.controller.list().isRead());
        QCOMPARE(hints(again), 0);
    }

    void settingsActAtOnce() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.action(u"page_settings"_s)->trigger();
        auto* theme = desk.find<QComboBox>(u"settings.theme"_s);
        theme->setCurrentIndex(2);
        Q_EMIT theme->activated(2);
        QCOMPARE(desk.settings.get<Setting::Theme>(), Theme::Dark);
        desk.find<QCheckBox>(u"settings.enterSends"_s)->setChecked(false);
        QVERIFY(!desk.settings.get<Setting::EnterSends>());
    }

    void badModelsSayWhy() {
        ModelTable table;
        QAbstractItemModelTester tester(&table, QAbstractItemModelTester::FailureReportingMode::QtTest);
        ModelEntry good;
        good.name = u"good.gguf"_s;
        good.bytes = 134u << 20;
        good.parameters = 134515008;
        good.experts = 8;
        good.experts_active = 8;
        ModelEntry bad;
        bad.name = u"bad.gguf"_s;
        bad.path = u"/models/bad.gguf"_s;
        bad.error = u"The file ends inside tensor blk.3.ffn_up.weight (/models/bad.gguf)"_s;
        table.setModels({good, bad});
        QCOMPARE(table.rowCount(), 2);
        QCOMPARE(table.index(0, ModelTable::Parameters).data().toString(), u"135 M"_s);
        QCOMPARE(table.index(1, ModelTable::Reason).data().toString(),
                 u"The file ends inside tensor blk.3.ffn_up.weight"_s);
        QVERIFY(table.index(1, ModelTable::Name).data(Qt::AccessibleTextRole).toString().contains(bad.error));
        table.setModels({});
        QCOMPARE(table.rowCount(), 0);
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    TestShell test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_shell.moc"
