// The Tune column: dials, presets, forecasts and carving, against the table of controls.
#include "tests/app/tiny_model.h"
#include "tests/support/local_services.h"
#include "tests/support/scripted_services.h"
#include "tests/ui/desk.h"
#include "ui/theme.h"
#include "ui/tuning/carve_panel.h"
#include "ui/tuning/control_row.h"
#include "ui/tuning/dial_slider.h"
#include "ui/tuning/preset_bar.h"
#include "ui/tuning/tune_column.h"

#include <QComboBox>
#include <QDialog>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

using namespace switchyard;
using namespace Qt::StringLiterals;

Q_DECLARE_METATYPE(switchyard::Tuning)

namespace {

/// A Tune column with everything it needs, shown.
struct Bench {
    Bench() : settings(folder.filePath(u"settings.ini"_s)), presets(folder.filePath(u"presets"_s)) {
        column = std::make_unique<TuneColumn>(controls(), presets, settings);
        column->resize(320, 900);
        column->show();
        show(mixtureModel());
        QObject::connect(column.get(), &TuneColumn::tuningMoved,
                         [this](const Tuning& tuning) { moves.push_back(tuning); });
    }
    void show(Capabilities capabilities) {
        capabilities.ready = true;
        column->setCapabilities(capabilities);
        column->setTuning(capabilities.defaults);
    }
    template <typename T>
    T* find(const QString& name) const {
        return test::find<T>(*column, name);
    }
    DialSlider* slider(const QString& dial) const { return find<DialSlider>(u"tune.%1.slider"_s.arg(dial)); }
    QDoubleSpinBox* box(const QString& dial) const {
        return find<QDoubleSpinBox>(u"tune.%1.box"_s.arg(dial));
    }

    QTemporaryDir folder;
    Settings settings;
    Presets presets;
    std::unique_ptr<TuneColumn> column;
    std::vector<Tuning> moves;
};

} // namespace

class TestTune : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void everyDialOfTheTableIsThere() {
        Bench bench;
        for (const ControlSpec& spec : controls()) {
            ControlRow* row = bench.column->row(spec.name);
            QVERIFY2(row, spec.name.data());
            const QString id = QString::fromStdString(std::string(spec.name));
            QCOMPARE(bench.find<QLabel>(u"tune.%1.acts"_s.arg(id))->text(),
                     spec.acts == ControlActs::Now ? QString() : actsWord(spec.acts));
            if (auto* slider = row->findChild<DialSlider*>()) {
                QVERIFY2(!slider->accessibleName().isEmpty(), spec.name.data());
                QVERIFY2(!slider->accessibleDescription().isEmpty(), spec.name.data());
            }
        }
    }

    void everyNumberSliderMovesItsDial() {
        Bench bench;
        for (const ControlSpec& spec : controls()) {
            if (spec.kind == ControlKind::Choice)
                continue;
            ControlRow* row = bench.column->row(spec.name);
            auto* slider = row->findChild<DialSlider*>();
            if (!slider)
                continue; // the seed has a number box only
            bench.moves.clear();
            const ControlValue before = row->value();
            const int target = slider->value() == slider->maximum() ? slider->minimum() : slider->maximum();
            slider->setValue(target);
            QCOMPARE(bench.moves.size(), std::size_t(1));
            QVERIFY2(control_value(bench.moves[0], spec) != before, spec.name.data());
            QVERIFY2(control_value(bench.moves[0], spec) == row->value(), spec.name.data());
        }
    }

    void everyChoiceSliderMovesItsDial() {
        Bench bench;
        for (const char* dial : {"quant", "kv"}) {
            ControlRow* row = bench.column->row(dial);
            auto* slider = row->findChild<DialSlider*>();
            for (int stop = 0; stop <= slider->maximum(); ++stop) {
                slider->setValue(stop);
                const ControlValue chosen = control_value(bench.column->tuning(), row->spec());
                QCOMPARE(QString::fromStdString(std::get<std::string>(chosen)), row->stopNames()[stop]);
            }
            QVERIFY(!bench.moves.empty());
        }
    }

    void numberBoxAndSliderAgree() {
        Bench bench;
        bench.box(u"temperature"_s)->setValue(1.25);
        QCOMPARE(bench.moves.back().sequence.temperature, 1.25);
        QCOMPARE(bench.slider(u"temperature"_s)->value(), 25);
        bench.slider(u"temperature"_s)->setValue(10);
        QCOMPARE(bench.box(u"temperature"_s)->value(), 0.5);
        // A range of thousands keeps small values within reach of the slider.
        bench.box(u"max_tokens"_s)->setValue(256);
        QCOMPARE(bench.moves.back().sequence.max_tokens, 256);
        QVERIFY(bench.slider(u"max_tokens"_s)->value() > 200);
    }

    void aNumberOutsideTheRangeIsLimitedAndSaidSo() {
        Bench bench;
        for (const auto& [dial, typed, value, said] :
             {std::tuple{u"temperature"_s, "9.5", 2.0, u"2.00 is the most"_s},
              {u"top_p"_s, "-3", 0.0, u"0.00 is the least"_s},
              {u"max_tokens"_s, "0", 1.0, u"1 is the least"_s}}) {
            QDoubleSpinBox* box = bench.box(dial);
            box->setFocus();
            box->selectAll();
            QTest::keyClicks(box, QString::fromLatin1(typed));
            QTest::keyClick(box, Qt::Key_Return);
            QCOMPARE(box->value(), value);
            auto* note = bench.find<QLabel>(u"tune.%1.note"_s.arg(dial));
            QTRY_VERIFY2(note->isVisible() && note->text().contains(said), qPrintable(note->text()));
        }
        bench.slider(u"temperature"_s)->setValue(10); // the sentence is over with the next move
        QVERIFY(!bench.find<QLabel>(u"tune.temperature.note"_s)->isVisible());
    }

    void valuesWithAMeaningShowTheirWord() {
        Bench bench;
        bench.box(u"top_k"_s)->setValue(0);
        QCOMPARE(bench.box(u"top_k"_s)->text(), u"off"_s);
        QCOMPARE(bench.box(u"seed"_s)->text(), u"random"_s);
        bench.slider(u"top_p"_s)->setValue(bench.slider(u"top_p"_s)->maximum());
        QCOMPARE(bench.box(u"top_p"_s)->text(), u"off"_s);
        QDoubleSpinBox* penalty = bench.box(u"repetition_penalty"_s);
        penalty->selectAll();
        QTest::keyClicks(penalty, u"off"_s);
        QTest::keyClick(penalty, Qt::Key_Return);
        QCOMPARE(penalty->value(), 1.0);
        penalty->selectAll();
        QTest::keyClicks(penalty, u"1.2"_s);
        QTest::keyClick(penalty, Qt::Key_Return);
        QCOMPARE(bench.moves.back().sequence.repetition_penalty, 1.2);
    }

    void everyStopOfASliderIsARoundNumber() {
        Bench bench;
        for (const char* dial : {"temperature", "top_p", "min_p", "repetition_penalty"}) {
            DialSlider* slider = bench.slider(QString::fromLatin1(dial));
            for (int stop = slider->minimum(); stop <= slider->maximum(); ++stop) {
                slider->setValue(stop);
                const ControlSpec& spec = *find_control(dial);
                const std::string label = format_control(spec, bench.column->row(dial)->value());
                QVERIFY2(label.size() <= 4, label.c_str());
                QCOMPARE(std::get<double>(bench.column->row(dial)->value()), std::stod(label));
            }
        }
    }

    void nothingMovesWhileChoicesAreLookedAt() {
        Bench bench;
        QCoreApplication::processEvents();
        DialSlider* slider = bench.slider(u"quant"_s);
        const QRect below = bench.column->row("kv")->geometry();
        for (int stop = 0; stop <= slider->maximum(); ++stop) {
            Q_EMIT slider->stopHovered(stop);
            QCoreApplication::processEvents();
            QCOMPARE(bench.column->row("kv")->geometry(), below);
        }
        Q_EMIT slider->stopHovered(-1);
    }

    void theExpertDialSaysWhatItDoes() {
        Bench bench;
        auto* note = bench.find<QLabel>(u"tune.experts.note"_s);
        QVERIFY(note->isVisible());
        QVERIFY2(note->text().contains(u"Fewer experts answer quicker"_s), qPrintable(note->text()));
        bench.slider(u"experts"_s)->setValue(1);
        QVERIFY(note->text().contains(u"Fewer experts answer quicker"_s));
        bench.show(denseModel());
        QVERIFY(!note->isVisible());
    }

    void aSpeedIsARangeUntilItIsMeasured() {
        Bench bench;
        Capabilities machine = mixtureModel();
        for (ChoiceForecast& choice : machine.weights)
            choice.speed = {13, 36};
        bench.show(machine);
        auto* line = bench.find<QLabel>(u"tune.quant.forecast"_s);
        QVERIFY2(line->text().contains(u"13 to 36 tokens/s"_s), qPrintable(line->text()));
        for (ChoiceForecast& choice : machine.weights)
            choice.speed = {22, 25};
        bench.show(machine);
        QVERIFY2(line->text().contains(u"about 24 tokens/s"_s), qPrintable(line->text()));
    }

    // From the engine to the dial: what an answer took stands under the weights afterwards.
    void theAnswersSpeedReachesTheDial() {
        QTemporaryDir folder;
        const QString model = folder.filePath(u"tiny.gguf"_s);
        writeTinyModel(std::filesystem::path(model.toStdU16String()));
        WindowDesk<LocalServices> desk(folder.filePath(u"data"_s), 1);
        desk.window->loadModel(model);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        auto* line = desk.find<QLabel>(u"tune.quant.forecast"_s);
        const QString before = line->text();
        if (!before.contains(u"tokens/s"_s))
            QSKIP(qPrintable(u"no bandwidth was measured: "_s + before));
        QVERIFY2(before.contains(u" to "_s), qPrintable(before));
        desk.find<QDoubleSpinBox>(u"tune.max_tokens.box"_s)->setValue(64);
        QSignalSpy learnt(&desk.model, &CurrentModel::capabilitiesChanged);
        for (int i = 0; i < 5 && learnt.isEmpty(); ++i) { // one may end after a few tokens
            desk.controller.send(u"hello"_s);
            QTRY_VERIFY(!desk.controller.busy());
        }
        QCOMPARE(learnt.size(), 1);
        QVERIFY2(line->text().contains(u"about "_s), qPrintable(line->text()));
    }

    void seedHasABoxWithoutSlider() {
        Bench bench;
        QVERIFY(!bench.column->findChild<DialSlider*>(u"tune.seed.slider"_s));
        bench.box(u"seed"_s)->setValue(9007199254740991.0);
        QCOMPARE(bench.moves.back().sequence.seed, 9007199254740991ull);
    }

    void weightsAboveTheFileAreMarkedNoGain() {
        Bench bench;
        ControlRow* row = bench.column->row("quant");
        const QStringList stops = row->stopNames();
        DialSlider* slider = bench.slider(u"quant"_s);
        QVERIFY(stops.contains(u"file"_s));
        QVERIFY2(!stops.contains(u"Q8_0"_s), "the file's own precision is the stop 'file'");
        QVERIFY(slider->isNoGain(static_cast<int>(stops.indexOf(u"F16"_s))));
        QVERIFY(slider->isNoGain(static_cast<int>(stops.indexOf(u"BF16"_s))));
        QVERIFY(!slider->isNoGain(static_cast<int>(stops.indexOf(u"Q4_K"_s))));
        QVERIFY(!slider->isNoGain(static_cast<int>(stops.indexOf(u"file"_s))));
        // Smaller stands on the left.
        QVERIFY(stops.indexOf(u"Q4_0"_s) < stops.indexOf(u"Q6_K"_s));
        QVERIFY(stops.indexOf(u"Q6_K"_s) < stops.indexOf(u"file"_s));
        QVERIFY(stops.indexOf(u"file"_s) < stops.indexOf(u"F16"_s));
    }

    void eightBitsSayWhatTheyCost() {
        Bench bench;
        bench.show(denseModel());
        ControlRow* row = bench.column->row("activations");
        auto* line = bench.find<QLabel>(u"tune.activations.forecast"_s);
        QVERIFY2(line->text().isEmpty(), qPrintable(line->text()));
        row->setValue(ControlValue(std::string("8")));
        QVERIFY2(line->text().contains(u"NMSE"_s) && line->text().contains(u"perplexity"_s),
                 qPrintable(line->text()));
    }

    void hoveringShowsBytesAndSpeedBeforeTheChoice() {
        Bench bench;
        ControlRow* row = bench.column->row("quant");
        DialSlider* slider = bench.slider(u"quant"_s);
        auto* line = bench.find<QLabel>(u"tune.quant.forecast"_s);
        const QString own = line->text();
        const int stop = static_cast<int>(row->stopNames().indexOf(u"Q4_K"_s));
        const double x = 10 + (slider->width() - 20.0) * stop / slider->maximum();
        QTest::mouseMove(slider, QPoint(static_cast<int>(x), slider->height() / 2));
        QTRY_VERIFY2(line->text().contains(u"Q4_K"_s), qPrintable(line->text()));
        QVERIFY2(line->text().contains(u"GiB"_s), qPrintable(line->text()));
        QVERIFY2(line->text().contains(u"76"_s), qPrintable(line->text())); // tokens/s of the forecast
        QVERIFY2(line->text().contains(u"Q4_0 where rows"_s), qPrintable(line->text()));
        QVERIFY(bench.moves.empty());
        QEvent leave(QEvent::Leave);
        QApplication::sendEvent(slider, &leave);
        QCOMPARE(line->text(), own);
    }

    void choiceIsTakenWhenTheHandleIsLetGo() {
        Bench bench;
        DialSlider* slider = bench.slider(u"quant"_s);
        QTest::mousePress(slider, Qt::LeftButton, {}, QPoint(10, slider->height() / 2));
        QVERIFY(bench.moves.empty());
        QTest::mouseRelease(slider, Qt::LeftButton, {}, QPoint(10, slider->height() / 2));
        QCOMPARE(bench.moves.size(), std::size_t(1));
        QVERIFY(bench.moves[0].model.weights.has_value());
    }

    void doubleClickPutsThePresetBack() {
        Bench bench;
        const double preset = mixtureModel().defaults.sequence.temperature;
        bench.box(u"temperature"_s)->setValue(1.5);
        ControlRow* row = bench.column->row("temperature");
        QVERIFY(row->differsFromPreset());
        DialSlider* slider = bench.slider(u"temperature"_s);
        QVERIFY(slider->accessibleName().contains(u"differs"_s));
        QTest::mouseDClick(slider, Qt::LeftButton, {}, QPoint(slider->width() - 12, slider->height() / 2));
        QCOMPARE(bench.moves.back().sequence.temperature, preset);
        QVERIFY(!row->differsFromPreset());
    }

    void wheelActsOnlyWithFocus() {
        Bench bench;
        QVERIFY(QTest::qWaitForWindowActive(bench.column.get()));
        DialSlider* slider = bench.slider(u"temperature"_s);
        bench.box(u"top_p"_s)->setFocus();
        const int before = slider->value();
        test::wheel(slider, 120);
        QCOMPARE(slider->value(), before);
        test::wheel(bench.box(u"temperature"_s), 120);
        QCOMPARE(slider->value(), before);
        slider->setFocus();
        test::wheel(slider, 120);
        QVERIFY(slider->value() != before);
    }

    void expertsFollowTheModel() {
        Bench bench;
        DialSlider* slider = bench.slider(u"experts"_s);
        QVERIFY(slider->isEnabled());
        QCOMPARE(bench.box(u"experts"_s)->minimum(), 1.0);
        QCOMPARE(bench.box(u"experts"_s)->maximum(), 64.0);
        QCOMPARE(bench.box(u"experts"_s)->value(), 6.0);
        slider->setValue(1); // the second stop: 2 experts
        QCOMPARE(bench.moves.back().sequence.experts, 2);
    }

    void zeroExpertsIsTheModelsOwnNumber() {
        Bench bench;
        Tuning tuning = mixtureModel().defaults;
        tuning.sequence.experts = 0;
        bench.column->setTuning(tuning);
        QCOMPARE(bench.box(u"experts"_s)->value(), 6.0);
        QVERIFY(!bench.column->row("experts")->differsFromPreset());
    }

    void denseModelTurnsExpertsOffAndOffersCarving() {
        Bench bench;
        Capabilities dense = denseModel();
        dense.model_path = u"/models/dense.gguf"_s;
        bench.show(dense);
        QVERIFY(!bench.slider(u"experts"_s)->isEnabled());
        auto* carve = bench.find<QPushButton>(u"carve.start"_s);
        QVERIFY(carve->isVisible());
        QSignalSpy asked(bench.column.get(), &TuneColumn::carveRequested);
        carve->setFocus();
        carve->click();
        QCOMPARE(asked.size(), 1);
        Job job;
        job.task = CarveTask{u"/models/dense.gguf"_s, u"/models/carved.gguf"_s};
        bench.column->showCarving(job);
        QCOMPARE(bench.column->focusWidget(),
                 bench.find<QPushButton>(u"carve.cancel"_s)); // not the next dial
        job.state = JobState::Running;
        job.share = 0.4;
        job.stage = u"ranking neurons"_s;
        bench.column->showCarving(job);
        QVERIFY(!carve->isVisible());
        auto* bar = bench.find<QProgressBar>(u"carve.progress"_s);
        QVERIFY(bar->isVisible());
        QCOMPARE(bar->value(), 400);
        QSignalSpy cancelled(bench.column.get(), &TuneColumn::carveCancelled);
        bench.find<QPushButton>(u"carve.cancel"_s)->click();
        QCOMPARE(cancelled.size(), 1);

        job.state = JobState::Done;
        bench.column->showCarving(job);
        QSignalSpy opened(bench.column.get(), &TuneColumn::openModelRequested);
        bench.find<QPushButton>(u"carve.open"_s)->click();
        QCOMPARE(opened.value(0).value(0).toString(), u"/models/carved.gguf"_s);

        job.state = JobState::Failed;
        job.error = u"No space is left."_s;
        bench.column->showCarving(job);
        QCOMPARE(bench.find<QLabel>(u"carve.text"_s)->text(), u"No space is left."_s);
        QVERIFY(carve->isVisible());
        bench.show(mixtureModel());
        QVERIFY(!carve->isVisible());
        QVERIFY(bench.slider(u"experts"_s)->isEnabled());
    }

    void whatBecameOfACarvingStaysUnderItsModelOnly() {
        Bench bench;
        Capabilities one = denseModel(), two = denseModel();
        one.ready = two.ready = true;
        one.model_path = u"/models/one.gguf"_s;
        two.model_path = u"/models/two.gguf"_s;
        bench.show(one);
        auto* text = bench.find<QLabel>(u"carve.text"_s);
        auto* start = bench.find<QPushButton>(u"carve.start"_s);
        auto* opens = bench.find<QPushButton>(u"carve.open"_s);
        const QString why = text->text();
        Job job;
        job.task = CarveTask{one.model_path, u"/models/one-carved.gguf"_s};
        job.state = JobState::Done;
        bench.column->showCarving(job);
        const QString done = text->text();
        QVERIFY(done != why && opens->isVisible());
        one.weights.front().speed = {1, 2};
        bench.column->setExpectedSpeeds(one);
        QVERIFY(text->text() == done && opens->isVisible());
        bench.show(two);
        QCOMPARE(text->text(), why);
        QVERIFY(start->isVisible() && !opens->isVisible());
        job.state = JobState::Running; // the first one's, that ends while the second is there
        bench.column->showCarving(job);
        job.state = JobState::Failed;
        job.error = u"No space is left."_s;
        bench.column->showCarving(job);
        QCOMPARE(text->text(), why);
        QVERIFY(start->isVisible());
    }

    // Every dial is there with any model: what it cannot do is said under it.
    void whyADialIsOffIsSaidUnderIt() {
        Bench bench;
        Capabilities dense = denseModel();
        dense.can_carve = false;
        bench.show(dense);
        QVERIFY(bench.box(u"experts"_s)->isVisible() && !bench.box(u"experts"_s)->isEnabled());
        auto* note = bench.find<QLabel>(u"tune.experts.note"_s);
        QVERIFY(note->isVisible());
        QVERIFY2(note->text().contains(u"do not divide into some"_s), qPrintable(note->text()));
        QVERIFY(!bench.find<QPushButton>(u"carve.start"_s)->isVisible());
        for (const ControlSpec& spec : controls()) {
            const ControlRow* row = bench.column->row(spec.name);
            QVERIFY(row && row->isEnabled() == dialState(dense, spec).enabled);
            QVERIFY(!dialState({}, spec).enabled);
        }
    }

    void reEncodingShowsItsProgressOnTheControl() {
        Bench bench;
        auto* bar = bench.find<QProgressBar>(u"tune.quant.progress"_s);
        QVERIFY(!bar->isVisible());
        bench.column->setRecodeProgress(30, 120);
        QVERIFY(bar->isVisible());
        QCOMPARE(bar->value(), 30);
        QVERIFY(bench.find<QLabel>(u"tune.quant.acts"_s)->text().contains(u"25"_s));
        bench.column->setRecodeProgress(120, 120);
        QVERIFY(!bar->isVisible());
        QCOMPARE(bench.find<QLabel>(u"tune.quant.acts"_s)->text(), QString());
    }

    void presetsAreSavedRenamedAndDeleted() {
        Bench bench;
        auto* box = bench.find<QComboBox>(u"preset.box"_s);
        QCOMPARE(box->count(), 4); // the model's own, and the program's
        bench.box(u"temperature"_s)->setValue(1.1);
        bench.find<QAction>(u"preset.saveAs"_s)->trigger();
        auto* name = bench.find<QLineEdit>(u"preset.name"_s);
        QTest::keyClicks(name, u"Warm"_s);
        QTest::keyClick(name, Qt::Key_Return);
        QCOMPARE(box->currentText(), u"Warm"_s);
        QCOMPARE(bench.settings.get<Setting::Preset>(), u"Warm"_s);
        QVERIFY(!bench.column->row("temperature")->differsFromPreset());

        // The model's own again, and back.
        box->setCurrentIndex(0);
        Q_EMIT box->activated(0);
        QCOMPARE(bench.moves.back().sequence.temperature, 0.7);
        box->setCurrentIndex(box->findText(u"Warm"_s));
        Q_EMIT box->activated(box->currentIndex());
        QCOMPARE(bench.moves.back().sequence.temperature, 1.1);

        bench.find<QAction>(u"preset.rename"_s)->trigger();
        name->selectAll();
        QTest::keyClicks(name, u"Hot"_s);
        QTest::keyClick(name, Qt::Key_Return);
        QCOMPARE(box->currentText(), u"Hot"_s);
        QVERIFY(bench.presets.names().contains(u"Hot"_s));
        QVERIFY(!bench.presets.names().contains(u"Warm"_s));

        bench.find<QAction>(u"preset.delete"_s)->trigger();
        auto* question = bench.column->findChild<QDialog*>(u"preset.deleteQuestion"_s);
        QVERIFY(question);
        for (QPushButton* button : question->findChildren<QPushButton*>()) {
            if (button->text() == u"Delete"_s)
                button->click();
        }
        QTRY_VERIFY(!bench.presets.names().contains(u"Hot"_s));
        QCOMPARE(bench.settings.get<Setting::Preset>(), QString());
    }

    void threePresetsMoveSamplingAlone() {
        Bench bench;
        auto* box = bench.find<QComboBox>(u"preset.box"_s);
        const Tuning own = mixtureModel().defaults;
        bench.box(u"experts"_s)->setValue(3);
        bench.slider(u"kv"_s)->setValue(0);
        const Tuning moved = bench.moves.back();
        QVERIFY(moved.sequence.kv != own.sequence.kv);
        double before = -1;
        for (const QString& name : {u"Precise"_s, u"Balanced"_s, u"Creative"_s}) {
            box->setCurrentIndex(box->findText(name));
            Q_EMIT box->activated(box->currentIndex());
            const Tuning& chosen = bench.moves.back();
            QVERIFY(chosen.sequence.temperature > before);
            before = chosen.sequence.temperature;
            QCOMPARE(chosen.sequence.experts, 3);
            QVERIFY(chosen.sequence.kv == moved.sequence.kv);
            QVERIFY(chosen.model == moved.model);
            QVERIFY(!bench.column->row("temperature")->differsFromPreset());
            for (const auto& action : {u"preset.save"_s, u"preset.rename"_s, u"preset.delete"_s})
                QVERIFY(!bench.find<QAction>(action)->isEnabled());
        }
        bench.find<QAction>(u"preset.reset"_s)->trigger(); // all dials
        QCOMPARE(bench.moves.back().sequence.experts, own.sequence.experts);
        QCOMPARE(bench.moves.back().sequence.temperature, before);
    }

    void thinkingIsThereWhereTheTemplateHasIt() {
        Bench bench;
        QVERIFY(!bench.column->row("thinking")->isVisible());
        QVERIFY(!bench.column->row("thinking_effort")->isVisible());
        Capabilities thinks = mixtureModel();
        thinks.thinking = true;
        bench.show(thinks);
        QVERIFY(bench.column->row("thinking")->isVisible());
        QVERIFY(!bench.column->row("thinking_effort")->isVisible());
        auto* value = bench.find<QLabel>(u"tune.thinking.value"_s);
        QCOMPARE(value->text(), u"auto"_s);
        bench.slider(u"thinking"_s)->setValue(1);
        QCOMPARE(value->text(), u"off"_s);
        QVERIFY(bench.moves.back().sequence.thinking == Thinking::Off);
        thinks.thinking = false;
        thinks.thinking_effort = true;
        bench.show(thinks);
        QVERIFY(!bench.column->row("thinking")->isVisible());
        bench.slider(u"thinking_effort"_s)->setValue(3);
        QVERIFY(bench.moves.back().sequence.effort == ThinkingEffort::High);
    }

    void sharedPresetsAreTaken() {
        Bench bench;
        Tuning tuning = mixtureModel().defaults;
        tuning.sequence.top_k = 7;
        QVERIFY(bench.presets.save(u"Mine"_s, tuning));
        const QString file = bench.folder.filePath(u"shared.json"_s);
        QVERIFY(bench.presets.exportTo(u"Mine"_s, file));
        Bench other;
        auto* bar = other.column->findChild<PresetBar*>();
        bar->importFile(file);
        QVERIFY(!bar->current().isEmpty());
        QCOMPARE(other.moves.back().sequence.top_k, 7);
        bar->importFile(other.folder.filePath(u"none.json"_s));
        QVERIFY(other.find<QLabel>(u"preset.error"_s)->isVisible());
    }

    /// "8 to 3 experts: 21 to 34 t/s" stands beside the dial that moved, for as long as that answer is seen.
    void whatAMoveDidToTheSpeedStandsBesideTheDial() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        auto* aside = desk.find<QLabel>(u"tune.experts.acts"_s);
        QVERIFY(desk.controller.send(u"a long one"_s));
        QTRY_VERIFY(desk.controller.conversation().thread().last().tokenCount() > 10);
        QVERIFY(aside->text().isEmpty());
        desk.find<QDoubleSpinBox>(u"tune.experts.box"_s)->setValue(3);
        QTRY_VERIFY2(aside->text().contains(u" t/s"_s) && aside->text().contains(u'→'),
                     qPrintable(aside->text()));
        QVERIFY2(aside->toolTip().contains(u"with 3"_s), qPrintable(aside->toolTip()));
        QVERIFY(desk.find<QLabel>(u"tune.temperature.acts"_s)->text().isEmpty());
        desk.action(u"new"_s)->trigger();
        QTRY_VERIFY(aside->text().isEmpty());
    }

    void groupsFoldAndAreRemembered() {
        Bench bench;
        auto* dynamic = bench.find<QToolButton>(u"section.dynamic"_s);
        QVERIFY(bench.column->row("top_k")->isVisible());
        dynamic->click();
        QVERIFY(!bench.column->row("top_k")->isVisible());
        TuneColumn again(controls(), bench.presets, bench.settings);
        again.resize(320, 900);
        again.show();
        QVERIFY(!again.row("top_k")->isVisible());
        // The dials on top never fold away.
        QVERIFY(again.row("temperature")->isVisible());
        QVERIFY(again.row("quant")->isVisible());
    }
};

QTEST_MAIN(TestTune)
#include "tst_tune.moc"
