// Where a model is computed, as its user chooses and sees it: cards by a script stand for those of a machine,
// the engine is the real one.
#include "app/services/model_stores.h"
#include "tests/app/scripted_model.h"
#include "tests/app/tiny_model.h"
#include "tests/ui/device_desk.h"
#include "ui/insight/insight_panel.h"
#include "ui/insight/memory_plot.h"
#include "ui/tuning/device_picker.h"

#include <QAbstractItemView>
#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QTableView>
#include <QToolButton>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

constexpr quint64 kGiB = 1ull << 30;

std::shared_ptr<ScriptedCard> card(quint64 memory, const QString& name = u"Test Card"_s) {
    return std::make_shared<ScriptedCard>(name, memory);
}

LocalHostOptions with(std::vector<std::shared_ptr<ScriptedCard>> cards, const QString& none = {}) {
    LocalHostOptions options = LocalServices::withThreads(1);
    options.hardware = std::make_shared<ScriptedHardware>(std::move(cards), none);
    return options;
}

struct Workplace : DeviceDesk {
    using DeviceDesk::DeviceDesk;
    QString facts() const { return find<QLabel>(u"picker.facts"_s)->text(); }
    QToolButton* offer() const { return find<QToolButton>(u"picker.noticeAction"_s); }
    /// Loads it on the first card, where it fails, and takes the CPU, which is offered instead.
    void takeTheCpuInstead(const QString& path) {
        settings.set<Setting::Device>(u"cuda:0"_s);
        window->loadModel(path);
        QTRY_COMPARE(model.state(), ModelState::Failed);
        QVERIFY2(notice().contains(u"on Test Card"_s) && notice().contains(u"100.0 KiB are free there"_s),
                 qPrintable(notice()));
        QCOMPARE(offer()->text(), u"Open on the CPU"_s);
        QTest::mouseClick(offer(), Qt::LeftButton);
        QVERIFY(readyOn(-1));
    }
    bool waitRead() {
        return QTest::qWaitFor([&] { return devices.reading().known(); }, 5000);
    }
};

} // namespace

class TestDevices : public QObject {
    Q_OBJECT
    QTemporaryDir models_;
    QString path_, other_;

  private Q_SLOTS:
    void initTestCase() {
        path_ = models_.filePath(u"tiny.gguf"_s);
        other_ = models_.filePath(u"other.gguf"_s);
        writeTinyModel(path_.toStdString());
        writeTinyModel(other_.toStdString(), {.seed = 2});
    }

    void aCardIsChosenAndTheChatStays() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        CardReading reading;
        reading.celsius = 45;
        reading.watts = 120;
        reading.watts_limit = 700;
        reading.clock_mhz = 1980;
        gpu->setReading(reading);
        Workplace desk(folder.path(), with({gpu}));
        desk.settings.set<Setting::Device>(u"cpu"_s);
        desk.settings.set<Setting::InsightTab>(1);
        QVERIFY(desk.load(path_));
        QVERIFY2(desk.facts().contains(u"CPU"_s), qPrintable(desk.facts()));
        QVERIFY(!desk.vram()->isVisible());
        desk.ask(u"one"_s);
        const qsizetype said = desk.thread().size();

        desk.choose(u"Test Card"_s);
        QVERIFY(desk.readyOn(0));
        QVERIFY2(desk.facts().contains(u"Test Card"_s), qPrintable(desk.facts()));
        QCOMPARE(desk.settings.get<Setting::Device>(), u"cuda:0"_s);
        QCOMPARE(desk.thread().size(), said);
        QVERIFY(desk.waitRead());
        QVERIFY(desk.vram()->isVisible());
        QVERIFY2(desk.vram()->text().contains(u"24.0 GiB"_s), qPrintable(desk.vram()->text()));
        QVERIFY(desk.devices.reading().taken > 0);
        const QString bytes = desk.find<QLabel>(u"tune.quant.forecast"_s)->text();
        QVERIFY2(bytes.contains(u"of VRAM"_s), qPrintable(bytes));

        desk.ask(u"two"_s);
        auto* insight = desk.window->findChild<InsightPanel*>();
        QVERIFY(insight->series().tokens().back().on_card);
        QVERIFY(!insight->series().tokens().front().on_card);
        const QString note = insight->memory().machineText();
        QVERIFY2(note.contains(u"VRAM"_s) && note.contains(u"24.00 GiB"_s), qPrintable(note));
        const QString health = desk.find<QLabel>(u"insight.health"_s)->text();
        for (const auto& part : {u"45 °C"_s, u"120 of 700 W"_s, u"1,980 MHz"_s})
            QVERIFY2(health.contains(part), qPrintable(health));
        QVERIFY2(!health.contains(u"memory"_s), qPrintable(health)); // it is not told

        desk.choose(u"CPU"_s);
        QVERIFY(desk.readyOn(-1));
        QVERIFY(!desk.vram()->isVisible());
        QVERIFY(!desk.find<QLabel>(u"insight.health"_s)->isVisible());
        QCOMPARE(desk.thread().size(), said + 2);
    }

    void aDeviceIsChosenBesideTheModelsName() {
        QTemporaryDir folder;
        Workplace desk(folder.path(), with({card(24 * kGiB)}));
        desk.settings.set<Setting::Device>(u"cpu"_s);
        QVERIFY(desk.load(path_));
        auto* button = desk.find<QToolButton>(u"picker.button"_s);
        bool seen = false;
        QTimer::singleShot(0, button, [&] { // the menu runs until something is chosen
            QMenu* menu = button->menu();
            const auto actions = menu->actions();
            const auto device =
                std::ranges::find_if(actions, [](QAction* a) { return a->menu() != nullptr; });
            QVERIFY(device != actions.end());
            menu->setActiveAction(*device);
            QTest::keyClick(menu, Qt::Key_Right);
            QMenu* list = (*device)->menu();
            QTRY_VERIFY(list->isVisible());
            const auto named = [&](const QString& text) {
                const auto all = list->actions();
                const auto found =
                    std::ranges::find_if(all, [&](QAction* a) { return a->text().startsWith(text); });
                return found == all.end() ? nullptr : *found;
            };
            QTRY_VERIFY(named(u"Test Card"_s));
            QVERIFY(named(u"CPU"_s)->isChecked());
            list->setActiveAction(named(u"Test Card"_s));
            seen = true;
            QTest::keyClick(list, Qt::Key_Return);
        });
        QTest::mouseClick(button, Qt::LeftButton);
        QVERIFY(seen);
        QVERIFY(desk.readyOn(0));
        QCOMPARE(desk.settings.get<Setting::Device>(), u"cuda:0"_s);
        QVERIFY2(desk.list()->currentText().startsWith(u"Test Card"_s), "the Tune column follows");
    }

    void automaticTakesACardThatFitsAndSaysSo() {
        QTemporaryDir folder;
        Workplace desk(folder.path(), with({card(8 * kGiB, u"Small Card"_s), card(24 * kGiB)}));
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, 1);
        const QString why = desk.why();
        QVERIFY2(why.startsWith(u"Automatic: Test Card, 24.0 GiB free; this model needs "_s),
                 qPrintable(why));
        QCOMPARE(desk.list()->currentText(), u"Automatic"_s);
    }

    void automaticTakesTheCpuWhereTheCardIsTooSmall() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        gpu->leaveFree(100 << 10);
        Workplace desk(folder.path(), with({gpu}));
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, -1);
        const QString why = desk.why();
        QVERIFY2(why.startsWith(u"Automatic: the CPU, because the model needs "_s), qPrintable(why));
        QVERIFY2(why.contains(u"Test Card has 100.0 KiB free"_s), qPrintable(why));
        desk.ask(u"one"_s);
        QVERIFY(desk.answer().tokenCount() > 0);
    }

    /// Its forecast fits, and then something else takes the memory.
    void automaticTakesTheCpuWhereLoadingFails() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        Workplace desk(folder.path(), with({gpu}));
        gpu->failAfter(2);
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, -1);
        QVERIFY2(desk.why().startsWith(u"Automatic: the CPU, because the weights need "_s),
                 qPrintable(desk.why()));
    }

    void aChosenCardThatIsTooSmallOffersTheCpu() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        gpu->leaveFree(100 << 10);
        {
            Workplace desk(folder.path(), with({gpu}));
            desk.takeTheCpuInstead(path_);
            QVERIFY(desk.find<QCheckBox>(u"tune.device.own"_s)->isChecked());
        }
        // The model keeps it, others do not.
        Workplace desk(folder.path(), with({gpu}));
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.list()->currentText(), u"CPU"_s);
        gpu->leaveFree(20 * kGiB);
        QVERIFY(desk.load(other_));
        QCOMPARE(desk.model.capabilities().card, 0);
        QVERIFY(!desk.find<QCheckBox>(u"tune.device.own"_s)->isChecked());
    }

    /// That a model has a choice of its own since the CPU was offered for it.
    void theCpuThatWasOfferedIsSaidAndTakenBack() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        gpu->leaveFree(100 << 10);
        Workplace desk(folder.path(), with({gpu}));
        desk.takeTheCpuInstead(path_);
        QTRY_COMPARE(desk.notice(), u"tiny is opened on the CPU from now on, all other models on Test Card. "
                                    "\"As for all models\" in the list of devices takes that back."_s);
        QTest::mouseClick(desk.offer(), Qt::LeftButton);
        QVERIFY(desk.notice().isEmpty());
        gpu->leaveFree(20 * kGiB);
        const int row = desk.list()->count() - 1;
        QCOMPARE(desk.list()->itemText(row), u"As for all models: Test Card, 24.0 GiB"_s);
        QMenu* menu = desk.find<DevicePicker>(u"tune.device"_s)->menu();
        menu->popup({});
        QCOMPARE(menu->actions().last()->text(), u"As for all models: Test Card, 24.0 GiB"_s);
        menu->hide();
        desk.list()->setFocus();
        QTest::keyClick(desk.list(), Qt::Key_End);
        QVERIFY(desk.readyOn(0));
        QVERIFY(!desk.find<QCheckBox>(u"tune.device.own"_s)->isChecked());
        QCOMPARE(desk.settings.get<Setting::Device>(), u"cuda:0"_s);
        QVERIFY(desk.settings.get<Setting::ModelDevices>().isEmpty());
        QCOMPARE(desk.list()->count(), 3);
        QCOMPARE(desk.list()->currentText(), u"Test Card, 24.0 GiB"_s);
    }

    void aMoveThatIsRefusedLeavesTheModelWhereItIs() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        gpu->leaveFree(100 << 10);
        Workplace desk(folder.path(), with({gpu}));
        desk.settings.set<Setting::Device>(u"cpu"_s);
        QVERIFY(desk.load(path_));
        desk.choose(u"Test Card"_s);
        QTRY_VERIFY(desk.notice().contains(u"was not opened on Test Card"_s));
        QCOMPARE(desk.model.state(), ModelState::Ready);
        QCOMPARE(desk.list()->currentText(), u"CPU"_s);
        desk.ask(u"one"_s);
        QVERIFY(desk.answer().tokenCount() > 0);
    }

    void anAnswerIsWaitedForOrStopped() {
        QTemporaryDir folder;
        const QString talker = folder.filePath(u"talker.gguf"_s);
        ScriptedModel says; // one letter, without end
        for (int byte = 0; byte < 256; ++byte)
            says.chain(byte, {'a'});
        says.write(talker.toStdString());
        const auto gpu = card(24 * kGiB);
        gpu->slowDown(std::chrono::milliseconds(10));
        Workplace desk(folder.path(), with({gpu}));
        QVERIFY(desk.load(talker));
        desk.send(u"go on"_s);
        QTRY_VERIFY(desk.controller.busy() && desk.answer().tokenCount() > 2);
        desk.choose(u"CPU"_s);
        QVERIFY2(desk.notice().contains(u"is opened on the CPU when the answer has ended"_s),
                 qPrintable(desk.notice()));
        QCOMPARE(desk.model.capabilities().card, 0);
        QCOMPARE(desk.why(), u"Test Card computes until the answer has ended."_s);
        desk.choose(u"Automatic"_s); // taken back
        QVERIFY2(desk.why().startsWith(u"Automatic: Test Card, "_s), qPrintable(desk.why()));
        QVERIFY2(desk.notice().isEmpty(), qPrintable(desk.notice()));
        desk.choose(u"CPU"_s);
        QCOMPARE(desk.offer()->text(), u"Open now, stopping the answer"_s);
        QTest::mouseClick(desk.offer(), Qt::LeftButton);
        QVERIFY(desk.readyOn(-1));
        QVERIFY(desk.answer().tokenCount() > 2);
        QVERIFY2(!desk.why().contains(u"Test Card"_s), qPrintable(desk.why()));
    }

    /// The card is a place of its own beside RAM.
    void theModelsPageSaysWhereTheWeightsLie() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        gpu->leaveFree(20 * kGiB);
        Workplace desk(folder.path(), with({gpu}));
        QVERIFY(QFile::copy(path_, folder.filePath(u"models.gguf"_s)));
        desk.library.setProviders(modelProviders({folder.path()}));
        desk.library.rescan();
        QTRY_VERIFY(!desk.library.models().isEmpty());
        const QString path = desk.library.models().first().path;
        desk.action(u"page_models"_s)->trigger();
        desk.find<QTableView>(u"models.table"_s)->selectRow(0);
        auto* verdict = desk.find<QLabel>(u"models.anatomy.verdict"_s);
        constexpr int kPatience = 20000; // ms: an emulated card computes on a machine that may be busy
        QTRY_VERIFY_WITH_TIMEOUT(
            verdict->text().contains(u"Fits Test Card: 20.0 GiB of 24.0 GiB of VRAM are free."_s), kPatience);
        gpu->leaveFree(100 << 10);
        desk.devices.look();
        QTRY_VERIFY_WITH_TIMEOUT(verdict->text().contains(u"Does not fit Test Card: "_s), kPatience);
        QVERIFY2(verdict->text().contains(u"100.0 KiB of VRAM are free"_s), qPrintable(verdict->text()));
        gpu->leaveFree(20 * kGiB);
        QVERIFY(desk.load(path));
        auto* measured = desk.find<QLabel>(u"models.anatomy.measured"_s);
        QTRY_VERIFY_WITH_TIMEOUT(measured->text().startsWith(u"In use now on Test Card: "_s), kPatience);
    }

    void aCardThatIsLostEndsTheAnswerAlone_data() {
        QTest::addColumn<QString>("choice");
        QTest::addRow("chosen") << u"cuda:0"_s;
        QTest::addRow("automatic") << u"auto"_s;
    }
    void aCardThatIsLostEndsTheAnswerAlone() {
        QFETCH(QString, choice);
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        Workplace desk(folder.path(), with({gpu}));
        desk.settings.set<Setting::Device>(choice);
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, 0);
        gpu->loseAfter(8);
        desk.ask(u"one"_s);
        const Message lost = desk.answer();
        QVERIFY2(lost.tokenCount() > 2, "what was written is kept");
        QVERIFY2(desk.saidUnder().contains(u"the device is lost; restart the program"_s),
                 qPrintable(desk.saidUnder()));
        if (choice == u"auto"_s) {
            QVERIFY(desk.readyOn(-1)); // by itself
            QVERIFY2(desk.notice().contains(u"Test Card was lost"_s), qPrintable(desk.notice()));
            QVERIFY2(desk.why().contains(u"because Test Card was lost"_s), qPrintable(desk.why()));
        } else {
            QTRY_COMPARE(desk.model.state(), ModelState::Failed);
            QVERIFY2(desk.notice().contains(u"Test Card was lost"_s), qPrintable(desk.notice()));
            QCOMPARE(desk.offer()->text(), u"Open on the CPU"_s);
            QTest::mouseClick(desk.offer(), Qt::LeftButton);
            QVERIFY(desk.readyOn(-1));
            QCOMPARE(desk.settings.get<Setting::Device>(), u"cuda:0"_s); // for the next start
        }
        desk.list()->showPopup();
        QTRY_VERIFY(desk.list()->findText(u"Test Card"_s, Qt::MatchStartsWith) >= 0);
        desk.list()->hidePopup();
        desk.ask(u"two"_s);
        QVERIFY(desk.answer().tokenCount() > 0);
        QCOMPARE(desk.answer().run.finish != FinishReason::Failed, true);
    }

    void aCardShortOfMemoryOffersTheCpu() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        Workplace desk(folder.path(), with({gpu}));
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, 0);
        gpu->leaveFree(10);
        desk.ask(u"one"_s);
        QVERIFY2(desk.saidUnder().contains(u"on Test Card, 10 B are free"_s), qPrintable(desk.saidUnder()));
        QTRY_VERIFY(desk.notice().contains(u"had not enough free memory"_s));
        QCOMPARE(desk.offer()->text(), u"Open on the CPU"_s);
        QTest::mouseClick(desk.offer(), Qt::LeftButton);
        QVERIFY(desk.readyOn(-1));
        QCOMPARE(desk.thread().size(), 2);
        desk.ask(u"two"_s);
        QVERIFY(desk.answer().run.finish != FinishReason::Failed);
    }

    void whatCannotBeChosenSaysWhy_data() {
        QTest::addColumn<QString>("why");
        QTest::addRow("no driver") << u"there is no NVIDIA driver on this machine"_s;
        QTest::addRow("old driver")
            << u"the NVIDIA driver knows CUDA 12.2 and this build needs 13.0: install "
               "driver 580 or newer"_s;
    }
    void whatCannotBeChosenSaysWhy() {
        QFETCH(QString, why);
        QTemporaryDir folder;
        Workplace desk(folder.path(), with({}, why));
        QVERIFY(desk.load(path_));
        QVERIFY2(desk.why().contains(why), qPrintable(desk.why()));
        desk.list()->showPopup();
        QTRY_COMPARE(desk.list()->count(), 3);
        desk.list()->hidePopup();
        QVERIFY2(desk.list()->itemText(2).contains(why), qPrintable(desk.list()->itemText(2)));
        QVERIFY(!desk.list()->model()->index(2, 0).flags().testFlag(Qt::ItemIsEnabled));
        desk.list()->setFocus();
        QTest::keyClick(desk.list(), Qt::Key_End);
        QVERIFY(desk.list()->currentIndex() != 2);
    }

    /// The section of the list was never open: nobody has looked for cards yet.
    void theMenuSaysAtOnceWhyThereIsNoCard() {
        const QString why =
            u"the NVIDIA driver knows CUDA 12.2 and this build needs 13.0: install driver 580 or "
            "newer"_s;
        QTemporaryDir folder;
        RealDesk desk(folder.path(), {}, with({}, why));
        QVERIFY(desk.load(path_));
        QMenu* menu = desk.find<DevicePicker>(u"tune.device"_s)->menu();
        menu->popup({});
        const auto texts = [&] {
            QStringList all;
            for (const QAction* action : menu->actions())
                all << action->text();
            return all;
        };
        QTRY_VERIFY2(texts().contains(u"Card"_s), qPrintable(texts().join(u'|')));
        const QStringList all = texts();
        QCOMPARE(all.first(3), (QStringList{u"Automatic"_s, u"CPU"_s, u"Card"_s}));
        QVERIFY2(all.size() > 4, "the reason is longer than a line");
        QCOMPARE(all.mid(3).join(u' '), why);
        for (const QAction* action : menu->actions().mid(2))
            QVERIFY(!action->isEnabled());
        menu->hide();
    }

    void aLongReasonIsReadWholeInTheList() {
        QTemporaryDir folder;
        const auto old = card(8 * kGiB, u"Old Card"_s);
        old->setUnusable(u"Old Card has compute capability 6.1, and this build needs 7.5 or more"_s);
        Workplace desk(folder.path(), with({old, card(24 * kGiB)}));
        QVERIFY(desk.load(path_));
        desk.list()->showPopup();
        QTRY_COMPARE(desk.list()->count(), 4);
        const QAbstractItemView* view = desk.list()->view();
        const auto rect = [&](int row) { return view->visualRect(view->model()->index(row, 0)); };
        QTRY_VERIFY(rect(2).height() > rect(0).height() + view->fontMetrics().height() / 2);
        QVERIFY(view->viewport()->rect().contains(rect(3))); // nothing is scrolled away
        QVERIFY(rect(2).height() >=
                view->fontMetrics().height() +
                    view->fontMetrics()
                        .boundingRect(QRect(0, 0, rect(2).width() - 16, 1000), Qt::TextWordWrap,
                                      u"has compute capability 6.1, and this build needs 7.5 or more"_s)
                        .height());
        desk.list()->hidePopup();
    }

    /// With the plots open and a sentence about a device above, there is little left for an empty chat.
    void promptsToTryAreWholeInASmallWindow() {
        QTemporaryDir folder;
        Workplace desk(folder.path(),
                       with({}, u"the NVIDIA driver knows CUDA 12.2 and this build needs 13.0: "
                                "install driver 580 or newer"_s));
        desk.settings.set<Setting::Device>(u"cuda:1"_s);
        desk.window->resize(1000, 600);
        desk.window->loadModel(path_);
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        QVERIFY(desk.find<InsightPanel>(u"insight"_s)->isVisible());
        const auto* empty = desk.find<QWidget>(u"emptyState"_s);
        const auto whole = [&](const QWidget* widget) {
            return empty->rect().contains(QRect(widget->mapTo(empty, QPoint()), widget->size())) &&
                   (widget->height() >= widget->sizeHint().height() || widget->hasHeightForWidth());
        };
        const auto allWhole = [&] {
            int shown = 0;
            for (const QWidget* widget : empty->findChildren<QWidget*>())
                if (widget->isVisible() && widget->findChildren<QWidget*>().isEmpty()) {
                    if (!whole(widget))
                        return -1;
                    shown += qobject_cast<const QPushButton*>(widget) != nullptr;
                }
            return shown;
        };
        QTRY_VERIFY(allWhole() >= 0);
        const int few = allWhole();
        QVERIFY(few < 3);
        desk.window->resize(1400, 900);
        QTRY_COMPARE(allWhole(), 3);
    }

    void aCardThatIsNoUseSaysWhyInTheList() {
        QTemporaryDir folder;
        const auto old = card(8 * kGiB, u"Old Card"_s);
        old->setUnusable(u"Old Card has compute capability 6.1, and this build needs 7.5 or more"_s);
        Workplace desk(folder.path(), with({old, card(24 * kGiB)}));
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.model.capabilities().card, 1);
        desk.list()->showPopup();
        QTRY_COMPARE(desk.list()->count(), 4);
        const QWidget* popup = desk.list()->view()->window(); // wider than its box, which is at the edge
        QTRY_VERIFY(popup->geometry().right() <= desk.window->geometry().right());
        desk.list()->hidePopup();
        QCOMPARE(desk.list()->itemText(2),
                 u"Old Card, 8.0 GiB – has compute capability 6.1, and this build needs 7.5 or more"_s);
        QVERIFY(!desk.list()->model()->index(2, 0).flags().testFlag(Qt::ItemIsEnabled));
        desk.choose(u"CPU"_s);
        QVERIFY(desk.readyOn(-1));
        QTest::keyClick(desk.list(), Qt::Key_Down); // past the one that cannot be used
        QCOMPARE(desk.list()->currentText(), u"Test Card, 24.0 GiB"_s);
        QVERIFY(desk.readyOn(1));
        desk.settings.set<Setting::Device>(u"cuda:0"_s); // as it was before the card was found to be too old
        QTRY_VERIFY2(
            desk.why().contains(u"The chosen card cannot be used: Old Card has compute capability"_s),
            qPrintable(desk.why()));
    }

    void aChosenCardThatIsNotThereAnyMoreSaysSo() {
        QTemporaryDir folder;
        Workplace desk(folder.path(), with({}, u"there is no NVIDIA driver on this machine"_s));
        desk.settings.set<Setting::Device>(u"cuda:1"_s);
        desk.window->loadModel(path_);
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        QVERIFY2(desk.notice().contains(u"there is no NVIDIA driver"_s), qPrintable(desk.notice()));
        QTest::mouseClick(desk.offer(), Qt::LeftButton);
        QVERIFY(desk.readyOn(-1));
    }

    /// A chat may come from another machine, or from before the card was taken out.
    void aCacheThatTheDeviceHasNotBecomesTheNearest() {
        QTemporaryDir folder;
        Workplace desk(folder.path(), with({}));
        desk.controller.setTuning([&] {
            Tuning tuning = desk.controller.tuning();
            tuning.sequence.kv = BlockType::FP8;
            return tuning;
        }());
        QVERIFY(desk.load(path_));
        QCOMPARE(desk.find<QLabel>(u"tune.kv.note"_s)->text(),
                 u"This device keeps no cache as FP8: Q8_0 is used instead."_s);
        desk.ask(u"one"_s);
        QVERIFY(desk.answer().tokenCount() > 0);
        QCOMPARE(desk.answer().run.settings.sequence.kv, BlockType::Q8_0);
    }

    void speedsAreThoseOfTheDevice() {
        QTemporaryDir folder;
        const QString talker = folder.filePath(u"talker.gguf"_s);
        ScriptedModel says;
        for (int byte = 0; byte < 256; ++byte)
            says.chain(byte, {'a'});
        says.write(talker.toStdString());
        const auto gpu = card(24 * kGiB);
        gpu->slowDown(std::chrono::milliseconds(20));
        Workplace desk(folder.path(), with({gpu}));
        QVERIFY(desk.load(talker));
        QCOMPARE(desk.model.capabilities().card, 0);
        QVERIFY2(!desk.why().contains(u"tokens/s"_s), qPrintable(desk.why())); // nothing is guessed
        desk.setDial(u"max_tokens"_s, 40);
        desk.ask(u"one"_s);
        QTRY_VERIFY2(desk.why().contains(u" tokens/s here"_s), qPrintable(desk.why()));
        const SpeedRange here = desk.model.capabilities().speed;
        QVERIFY2(here.low > 10 && here.high < 60, qPrintable(QString::number(here.high)));
        const QString forecast = desk.find<QLabel>(u"tune.quant.forecast"_s)->text();
        QVERIFY2(forecast.contains(u"tokens/s"_s), qPrintable(forecast));
        // The processor's own are none of the card's.
        desk.choose(u"CPU"_s);
        QVERIFY(desk.readyOn(-1));
        QVERIFY2(!desk.why().contains(u"here"_s), qPrintable(desk.why()));
    }

    void twoModelsOnACardCountTogether() {
        QTemporaryDir folder;
        const auto gpu = card(24 * kGiB);
        Workplace desk(folder.path(), with({gpu}));
        QVERIFY(desk.load(path_));
        QVERIFY(desk.waitRead());
        const quint64 one = desk.devices.reading().taken;
        desk.answers.models.load(other_);
        QTRY_COMPARE(desk.answers.models.state(other_), ModelState::Ready);
        QTRY_VERIFY_WITH_TIMEOUT(desk.devices.reading().taken > one, 4000);
    }
};

QTEST_MAIN(TestDevices)
#include "tst_devices.moc"
