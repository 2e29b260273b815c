// The main window: pages, columns, keys, model picker, dials in a running answer, and closing.
#include "app/services/fake_generator.h"
#include "ui/chat/message_content.h"
#include "ui/chat_columns.h"
#include "ui/insight/insight_panel.h"
#include "ui/insight/speed_plot.h"
#include "ui/keys_window.h"
#include "ui/language.h"
#include "ui/main_window.h"
#include "ui/models/model_table.h"
#include "ui/settings_page.h"
#include "ui/status_line.h"
#include "ui/theme.h"
#include "ui/tuning/control_strings.h"
#include "ui/tuning/dial_slider.h"

#include <QAbstractItemModelTester>
#include <QAbstractSpinBox>
#include <QAction>
#include <QCheckBox>
#include <QClipboard>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollBar>
#include <QSignalSpy>
#include <QSplitter>
#include <QStackedWidget>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>
#include <QTranslator>
#include <QTreeView>

#include <set>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

FakeScript longAnswer(double tokens_per_second) {
    FakeScript script;
    script.text = QString(u" word"_s).repeated(400);
    script.tokens_per_second = tokens_per_second;
    script.recode_seconds = 0.1;
    return script;
}

/// A window over a data folder, as the program builds it.
struct Desk {
    explicit Desk(const QString& folder, const FakeScript& script = {})
        : paths{folder, folder + u"/models"_s, folder + u"/presets"_s, folder + u"/switchyard.ini"_s},
          settings(paths.settings), store(folder), generator(script), library({}), presets(paths.presets),
          controller(store, generator), theme(*qApp),
          window(std::make_unique<MainWindow>(
              WindowServices{settings, generator, library, controller, presets, theme, paths})) {
        window->resize(1400, 900);
        window->show();
    }
    void load(const Capabilities& capabilities = FakeGenerator::mixtureModel()) {
        FakeScript script = longAnswer(200);
        script.capabilities = capabilities;
        generator.setScript(script);
        window->loadModel(u"/models/Example.gguf"_s);
        QTRY_COMPARE(generator.modelState(), ModelState::Ready);
    }
    template <typename T>
    T* find(const QString& name) const {
        T* found = window->findChild<T*>(name);
        if (!found)
            qFatal("no %s", qPrintable(name));
        return found;
    }
    QAction* action(const QString& name) const { return find<QAction>(u"action."_s + name); }

    Paths paths;
    Settings settings;
    ConversationStore store;
    FakeGenerator generator;
    ModelLibrary library;
    Presets presets;
    ChatController controller;
    ThemeManager theme;
    std::unique_ptr<MainWindow> window;
};

bool hasChinese(const QString& text) {
    return std::any_of(text.begin(), text.end(), [](QChar c) { return c.script() == QChar::Script_Han; });
}

} // namespace

class TestShell : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void chatsBeginWithTheModelsDials() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        Capabilities capabilities = FakeGenerator::mixtureModel();
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
        desk.controller.stop();
        QTRY_VERIFY(!desk.controller.busy());
        const Message& answer = desk.controller.conversation().thread.last();
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
            desk.generator.setScript(script);
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

    void everyKeyOfTheWindowExists() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        std::multiset<QString> keys;
        for (const QAction* action : desk.window->findChildren<QAction*>()) {
            if (!action->objectName().startsWith(u"action."_s))
                continue;
            for (const QKeySequence& key : action->shortcuts())
                keys.insert(key.toString(QKeySequence::PortableText));
        }
        for (const char* key :
             {"Ctrl+N", "Ctrl+K", "Ctrl+F", "Ctrl+Return", "Esc", "Ctrl+L", "Ctrl+R", "Ctrl+E", "Alt+Left",
              "Alt+Right", "Ctrl+T", "Ctrl+P", "Ctrl+,", "Ctrl+Shift+C", "F1", "Ctrl++", "Ctrl+-"})
            QCOMPARE(static_cast<int>(keys.count(QLatin1String(key))), 1);
        for (const QString& key : keys)
            QCOMPARE(static_cast<int>(keys.count(key)), 1); // one key, one meaning
    }

    void everyKeyStandsInAMenu() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        std::set<const QAction*> in_menus;
        for (const QAction* menu : desk.window->menuBar()->actions()) {
            for (const QAction* action : menu->menu()->actions())
                in_menus.insert(action);
        }
        for (const QAction* action : desk.window->findChildren<QAction*>()) {
            if (action->objectName().startsWith(u"action."_s))
                QVERIFY2(in_menus.contains(action), qPrintable(action->objectName()));
        }
    }

    void f1ListsTheKeysWithoutBlocking() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.action(u"keys"_s)->trigger();
        auto* keys = desk.find<KeysWindow>(u"keys"_s);
        QVERIFY(keys->isVisible());
        QVERIFY(!keys->isModal());
        bool found = false;
        for (const QLabel* label : keys->findChildren<QLabel*>())
            found = found || label->text() == u"Ctrl+K"_s;
        QVERIFY(found);
    }

    void escapeStopsTheAnswer() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        QVERIFY(desk.controller.send(u"Go on."_s));
        QTRY_VERIFY(desk.find<InsightPanel>(u"insight"_s)->series().tokens().size() > 3);
        desk.action(u"stop"_s)->trigger();
        QTRY_VERIFY(!desk.controller.busy());
        QCOMPARE(desk.controller.conversation().thread.last().state, MessageState::Stopped);
        QVERIFY(!desk.controller.conversation().thread.last().text().isEmpty());
        desk.action(u"copy_answer"_s)->trigger();
        QCOMPARE(QGuiApplication::clipboard()->text(), desk.controller.conversation().thread.last().text());
    }

    /// Keys that the window has too belong first to what is being written in.
    void keysOfSearchAndEditorComeBeforeTheWindows() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        desk.load();
        desk.generator.setScript({});
        QVERIFY(desk.controller.send(u"Hello"_s));
        QTRY_VERIFY(!desk.controller.busy());

        auto* search = desk.find<QLineEdit>(u"chatSearch"_s);
        QTest::keyClick(desk.window.get(), Qt::Key_K, Qt::ControlModifier);
        QVERIFY(search->hasFocus());
        QTest::keyClicks(search, u"hel"_s);
        QTest::keyClick(search, Qt::Key_Escape);
        QVERIFY(search->text().isEmpty());

        QTest::keyClick(desk.window.get(), Qt::Key_E, Qt::ControlModifier);
        auto* editor = desk.find<QPlainTextEdit>(u"messageEditorText"_s);
        QVERIFY(editor->hasFocus());
        editor->setPlainText(u"Good day"_s);
        QTest::keyClick(editor, Qt::Key_Return, Qt::ControlModifier);
        QTRY_COMPARE(desk.controller.conversation().thread.first().text(), u"Good day"_s);
        QCOMPARE(desk.controller.conversation().thread.first().siblings.size(), 2);
    }

    void typingInTheListGoesToTheComposer() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(desk.window.get()));
        auto* tree = desk.find<QTreeView>(u"chatTree"_s);
        auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
        tree->setFocus();
        QTest::keyClick(tree, Qt::Key_Down); // moves in the list, as ever
        QVERIFY(tree->hasFocus());
        QTest::keyClick(tree, 'H', Qt::ShiftModifier);
        QVERIFY(composer->hasFocus());
        QTest::keyClick(composer, 'i');
        QCOMPARE(composer->toPlainText(), u"Hi"_s);
    }

    void largerTextIsLargerInTheComposerAndTheRail() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        auto* composer = desk.find<QPlainTextEdit>(u"composerEdit"_s);
        auto* models = desk.find<QToolButton>(u"rail.models"_s);
        const qreal before = composer->font().pointSizeF();
        for (int i = 0; i < 6; ++i)
            desk.action(u"larger"_s)->trigger();
        QTRY_COMPARE(composer->font().pointSizeF(), before + 6);
        QTRY_VERIFY(models->width() >= models->sizeHint().width()); // its name is not cut
        desk.action(u"normal_size"_s)->trigger();
        QTRY_COMPARE(composer->font().pointSizeF(), before);
    }

    void newChatsBeginWithTheChosenPreset() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        Tuning bold;
        bold.sequence.temperature = 1.4;
        QVERIFY(desk.presets.save(u"Bold"_s, bold));
        desk.settings.setPreset(u"Bold"_s);
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
        desk.generator.setScript({});
        QVERIFY(desk.controller.send(u"Hello"_s));
        QTRY_VERIFY(!desk.controller.busy());
        const MessageId first = desk.controller.conversation().thread.last().id;
        desk.action(u"regenerate"_s)->trigger();
        QTRY_VERIFY(desk.controller.busy());
        QTRY_VERIFY(!desk.controller.busy());
        const MessageId second = desk.controller.conversation().thread.last().id;
        QVERIFY(second != first);
        desk.action(u"previous_branch"_s)->trigger();
        QTRY_COMPARE(desk.controller.conversation().thread.last().id, first);
        desk.action(u"next_branch"_s)->trigger();
        QTRY_COMPARE(desk.controller.conversation().thread.last().id, second);
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
        QTRY_COMPARE(desk.generator.modelState(), ModelState::Ready);
        QVERIFY(!bar->isVisible());
        QVERIFY(desk.find<QToolButton>(u"picker.button"_s)->text().contains(u"Small-MoE"_s));
        QVERIFY2(facts->text().contains(u"6/64"_s), qPrintable(facts->text()));
        QVERIFY(facts->text().contains(u"Q8_0"_s));
        QCOMPARE(desk.settings.lastModel(), u"/models/Small-MoE.gguf"_s);

        desk.find<DialSlider>(u"tune.experts.slider"_s)->setValue(1);
        QVERIFY2(facts->text().contains(u"2/64"_s), qPrintable(facts->text()));

        script.load_error = u"Q8_0 needs 16.9 GiB, 11.2 GiB are free: choose Q4_K."_s;
        desk.generator.setScript(script);
        desk.window->loadModel(u"/models/Large.gguf"_s);
        auto* error = desk.find<QLabel>(u"picker.error"_s);
        QTRY_VERIFY(error->isVisible());
        QCOMPARE(error->text(), script.load_error);
        QCOMPARE(desk.settings.lastModel(), u"/models/Small-MoE.gguf"_s); // not the one that failed
    }

    void carvingIsOfferedRunAndOpened() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load(FakeGenerator::denseModel());
        auto* start = desk.find<QPushButton>(u"carve.start"_s);
        QTRY_VERIFY(start->isVisible());
        QSignalSpy finished(&desk.generator, &Generator::carveFinished);
        start->click();
        QVERIFY(desk.find<QPushButton>(u"carve.cancel"_s)->isVisible());
        QTRY_COMPARE(finished.size(), 1);
        auto* open = desk.find<QPushButton>(u"carve.open"_s);
        QTRY_VERIFY(open->isVisible());
        FakeScript script;
        desk.generator.setScript(script);
        open->click();
        QTRY_COMPARE(desk.generator.modelState(), ModelState::Ready);
        QVERIFY(desk.generator.capabilities().model_path.startsWith(desk.paths.models));
        QVERIFY(desk.generator.capabilities().model_path.endsWith(u"-carved.gguf"_s));
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
        QTRY_VERIFY(!again.controller.conversation().thread.isEmpty());
        QVERIFY(again.controller.conversation().thread.last().text().contains(u"word"_s));
    }

    void settingsActAtOnce() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->showPage(MainWindow::SettingsPageIndex);
        auto* theme = desk.find<QComboBox>(u"settings.theme"_s);
        theme->setCurrentIndex(2);
        Q_EMIT theme->activated(2);
        QCOMPARE(desk.settings.theme(), Theme::Dark);
        desk.find<QCheckBox>(u"settings.enterSends"_s)->setChecked(false);
        QVERIFY(!desk.settings.enterSends());
        auto* language = desk.find<QComboBox>(u"settings.language"_s);
        language->setCurrentIndex(2);
        Q_EMIT language->activated(2);
        QCOMPARE(desk.settings.language(), u"zh_CN"_s);
        QVERIFY(desk.find<QLabel>(u"settings.languageNote"_s)->text().contains(u"next start"_s));
    }

    void textSizeGoesByKeys() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        const int before = QApplication::font().pointSize();
        desk.action(u"larger"_s)->trigger();
        QCOMPARE(QApplication::font().pointSize(), before + 1);
        desk.action(u"smaller"_s)->trigger();
        desk.action(u"normal_size"_s)->trigger();
        QCOMPARE(QApplication::font().pointSize(), before);
    }

    void themesHaveReadableColours() {
        const auto luminance = [](const QColor& c) {
            const auto part = [](double v) {
                return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
            };
            return 0.2126 * part(c.redF()) + 0.7152 * part(c.greenF()) + 0.0722 * part(c.blueF());
        };
        const auto contrast = [&](const QColor& a, const QColor& b) {
            const double x = luminance(a), y = luminance(b);
            return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
        };
        for (const ThemeColours* c : {&lightColours(), &darkColours()}) {
            for (const QColor& ground : {c->window, c->surface, c->base, c->hover, c->accentSoft}) {
                QVERIFY(contrast(c->text, ground) >= 7);
                QVERIFY(contrast(c->muted, ground) >= 4.5);
                QVERIFY(contrast(c->danger, ground) >= 4.5);
                QVERIFY(contrast(c->warning, ground) >= 4.5);
                QVERIFY(contrast(c->accent, ground) >= 4.5);
                QVERIFY(contrast(c->good, ground) >= 4.5);
            }
            QVERIFY(contrast(c->accentText, c->accent) >= 4.5);
            QVERIFY(contrast(c->text, c->accentSoft) >= 7);
            for (std::size_t i = 0; i < 2; ++i) // the curves of the speed plot
                QVERIFY(contrast(c->series[i], c->window) >= 3);
        }
    }

    void everyIconIsThere() {
        for (const char* name :
             {"chat", "models", "settings", "compose", "search", "sidebar", "tune", "insight", "close",
              "copy", "regenerate", "edit", "stop", "send", "trash", "more", "warning"}) {
            const QImage image = themedIcon(QLatin1String(name)).pixmap(24, 24).toImage();
            bool drawn = false;
            for (int y = 0; y < image.height() && !drawn; ++y) {
                for (int x = 0; x < image.width(); ++x)
                    drawn = drawn || qAlpha(image.pixel(x, y)) > 0;
            }
            QVERIFY2(drawn, name);
        }
    }

    void everyControlHasANameForTestsAndForScreenReaders() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load(FakeGenerator::denseModel());
        for (QWidget* widget : desk.window->findChildren<QWidget*>()) {
            const bool control = qobject_cast<QAbstractButton*>(widget) ||
                                 qobject_cast<DialSlider*>(widget) || qobject_cast<QComboBox*>(widget) ||
                                 qobject_cast<QAbstractSpinBox*>(widget) ||
                                 qobject_cast<QAbstractItemView*>(widget);
            if (!control || widget->objectName().startsWith(u"qt_"_s) || widget->inherits("QHeaderView") ||
                widget->inherits("QComboBoxListView") || widget->inherits("QTableCornerButton") ||
                qobject_cast<QComboBox*>(widget->parentWidget()) ||
                widget->inherits("QComboBoxPrivateContainer") || widget->inherits("QLineEditIconButton"))
                continue;
            const QString what =
                u"%1 in %2"_s.arg(QLatin1String(widget->metaObject()->className()),
                                  widget->parentWidget() ? widget->parentWidget()->objectName() : QString());
            QVERIFY2(!widget->objectName().isEmpty(), qPrintable(what));
            const auto* button = qobject_cast<QAbstractButton*>(widget);
            if (button && button->text().isEmpty() && button->icon().isNull() &&
                !widget->isVisibleTo(desk.window.get()))
                continue; // gets its words when it is shown
            QVERIFY2(!widget->accessibleName().isEmpty() || (button && !button->text().isEmpty()),
                     qPrintable(widget->objectName()));
        }
    }

    void controlStringsMatchTheTable() {
        std::set<std::string> listed;
        for (const char* text : controlStrings())
            listed.insert(text);
        for (const ControlSpec& spec : controls()) {
            for (const std::string_view text : {spec.label, spec.help, spec.unit})
                QVERIFY2(text.empty() || listed.contains(std::string(text)), std::string(text).c_str());
        }
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
        bad.error = u"bad.gguf: the file ends inside tensor blk.3.ffn_up.weight"_s;
        table.setModels({good, bad});
        QCOMPARE(table.rowCount(), 2);
        QCOMPARE(table.index(0, ModelTable::Parameters).data().toString(), u"135 M"_s);
        QCOMPARE(table.index(1, ModelTable::Note).data().toString(), bad.error);
        QVERIFY(table.index(1, ModelTable::Name).data(Qt::AccessibleTextRole).toString().contains(bad.error));
        table.setModels({});
        QCOMPARE(table.rowCount(), 0);
    }

    // Last: translators stay installed.
    void theWholeWindowSpeaksChinese() {
        QTemporaryDir folder;
        installLanguage(*qApp, u"zh_CN"_s);
        Desk desk(folder.path());
        desk.load();
        for (const QAction* action : desk.window->findChildren<QAction*>()) {
            if (action->objectName().startsWith(u"action."_s))
                QVERIFY2(hasChinese(action->text()), qPrintable(action->objectName()));
        }
        for (const ControlSpec& spec : controls()) {
            const QString help = QCoreApplication::translate("Controls", std::string(spec.help).c_str());
            QVERIFY2(hasChinese(help), spec.name.data());
        }
        QVERIFY(hasChinese(desk.find<QLabel>(u"status.activity"_s)->text()));
        RunRecord run;
        run.tokens.resize(3);
        run.tokens[0].experts_active = run.tokens[2].experts_active = 6;
        QVERIFY2(runLine(run).contains(u"6 个专家"_s), qPrintable(runLine(run)));
        QLocale::setDefault(QLocale(QLocale::English));
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QLocale::setDefault(QLocale(QLocale::English, QLocale::UnitedStates));
    TestShell test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_shell.moc"
