// The Models page's anatomy of a file and its shape calculator.
#include "app/services/anatomy_reader.h"
#include "engine/run/backend.h"
#include "tests/app/tiny_model.h"
#include "tests/ui/stall_meter.h"
#include "tests/ui/widgets.h"
#include "ui/models/anatomy_text.h"
#include "ui/models/anatomy_view.h"
#include "ui/models/model_table.h"
#include "ui/models/model_text.h"
#include "ui/models/models_page.h"
#include "ui/models/part_bar.h"
#include "ui/models/shape_calculator.h"
#include "ui/theme.h"

#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTabBar>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// The page over a folder with one model and one file that is none.
struct ModelsDesk {
    ModelsDesk() : settings(folder.filePath(u"switchyard.ini"_s)), library({}), theme(*qApp) {
        writeTinyModel(std::filesystem::path(model().toStdU16String()));
        QFile broken(folder.filePath(u"broken.gguf"_s));
        if (!broken.open(QIODevice::WriteOnly) || broken.write("no model") < 0)
            qFatal("cannot write a test file");
        broken.close();
        page = std::make_unique<ModelsPage>(library, settings, open_file, folder.path());
        page->resize(936, 540); // what a window of 1000 x 600 leaves
        page->show();
        QSignalSpy changed(&library, &ModelLibrary::changed);
        library.setProviders({std::make_shared<FolderModels>(QStringList{folder.path()})});
        if (!changed.wait())
            qFatal("the folder was not scanned");
    }
    QString model() const { return folder.filePath(u"tiny.gguf"_s); }
    void choose(const QString& name) {
        auto* table = find<QTableView>(u"models.table"_s);
        for (int row = 0; row < table->model()->rowCount(); ++row)
            if (table->model()->index(row, 0).data().toString() == name)
                table->selectRow(row);
    }
    template <typename T>
    T* find(const QString& name) const {
        return test::find<T>(*page, name);
    }
    QString text(const QString& name) const { return find<QLabel>(name)->text(); }

    QTemporaryDir folder;
    Settings settings;
    ModelLibrary library;
    ThemeManager theme;
    QAction open_file;
    std::unique_ptr<ModelsPage> page;
};

} // namespace

class TestAnatomy : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    // At the size of a window of 1000 x 600 too: all words of the reason, and no path, in view.
    void whyAFileCannotBeUsedIsReadWhole() {
        ModelsDesk p;
        auto* table = p.find<QTableView>(u"models.table"_s);
        auto* models = qobject_cast<ModelTable*>(table->model());
        QVERIFY(models);
        ModelEntry good, bad;
        good.name = u"good.gguf"_s;
        good.architecture = u"llama"_s;
        bad.path = u"/a/rather/long/way/to/the/folder/of/models/bad.gguf"_s;
        bad.name = u"bad-model-with-a-name-as-long-as-they-often-are.gguf"_s;
        const QString reason =
            u"Tensor \"blk.11.ffn_up.weight\" lies beyond the end of the file (cut short?)"_s;
        bad.error = reason + u" ("_s + bad.path + u')';
        ModelEntry chinese = bad;
        const QString other =
            u"张量 “blk.11.ffn_up.weight” 超出了文件末尾（文件不完整？），请重新下载该文件"_s;
        chinese.error = other + u" ("_s + bad.path + u')';
        models->setModels({bad, good, chinese});
        for (const int width : {936, 1252, 936}) {
            p.page->resize(width, 540);
            QTest::qWait(50);
            for (const auto& [row, words] : {std::pair{0, reason}, {2, other}}) {
                const QModelIndex index = models->index(row, ModelTable::Reason);
                QCOMPARE(index.data().toString(), words);
                const QRect cell = table->visualRect(index);
                QVERIFY2(table->viewport()->rect().contains(cell), qPrintable(QString::number(width)));
                const QRect needed =
                    table->fontMetrics().boundingRect(cell.adjusted(6, 0, -6, 0), Qt::TextWordWrap, words);
                QVERIFY2(needed.width() <= cell.width() && needed.height() <= cell.height(),
                         qPrintable(u"%1 x %2 in %3 x %4"_s.arg(needed.width())
                                        .arg(needed.height())
                                        .arg(cell.width())
                                        .arg(cell.height())));
                QVERIFY(index.data(Qt::ToolTipRole).toString().contains(bad.path));
            }
            QVERIFY(table->visualRect(models->index(1, ModelTable::Name)).height() < 40);
        }
    }

    void aChosenFileShowsWhatItIsMadeOf() {
        ModelsDesk p;
        p.choose(u"tiny.gguf"_s);
        auto* title = p.find<QLabel>(u"models.anatomy.title"_s);
        QTRY_VERIFY(title->isVisible() && !title->text().isEmpty());
        const AnatomyReport report = readAnatomy(p.model());
        QVERIFY2(report.error.isEmpty(), qPrintable(report.error));
        QVERIFY(p.text(u"models.anatomy.parameters"_s).contains(countText(report.anatomy.parameters)));
        QVERIFY(p.find<QLabel>(u"models.anatomy.verdict"_s)->text().startsWith(u"Fits"_s));
        auto* bar = p.find<PartBar>(u"models.anatomy.bar"_s);
        QVERIFY(bar->accessibleDescription().contains(AnatomyText::partName(WeightRole::RoutedExpert)));
        const QString routing = AnatomyText::routing(report.config);
        const QList<QLabel*> labels = p.page->findChildren<QLabel*>();
        QVERIFY(std::ranges::any_of(labels, [&](QLabel* l) { return l->text().contains(routing); }));
    }

    void memoryFollowsContextAndPrecision() {
        ModelsDesk p;
        const AnatomyReport report = readAnatomy(p.model());
        const int coarse = static_cast<int>(
            std::ranges::find(report.precisions, u"Q4_0"_s, &AnatomyReport::Precision::name) -
            report.precisions.begin());
        const ReportedMemory whole = memoryOf(report, 0, 0, 1024), less = memoryOf(report, coarse, 1, 1024);
        QVERIFY(less.weights < whole.weights);
        QVERIFY(less.kv < whole.kv);
        QCOMPARE(memoryOf(report, 0, 0, 2048).kv, 2 * whole.kv);
        QCOMPARE(memoryOf(report, 0, 0, 1).kv, memoryOf(report, 0, 0, kKvBlockTokens).kv); // whole blocks
        p.choose(u"tiny.gguf"_s);
        auto* context = p.find<QSpinBox>(u"models.anatomy.context"_s);
        QTRY_COMPARE(context->maximum(), report.config.context);
        const auto shows = [&](quint64 bytes) {
            const QList<QLabel*> labels = p.page->findChildren<QLabel*>();
            return std::ranges::any_of(labels,
                                       [&](QLabel* l) { return l->text().contains(sizeText(bytes)); });
        };
        context->setValue(1024);
        QVERIFY(shows(whole.total()));
        auto* precision = p.find<QComboBox>(u"models.anatomy.precision"_s);
        precision->setCurrentIndex(precision->findData(u"Q4_0"_s));
        p.find<QComboBox>(u"models.anatomy.cache"_s)->setCurrentIndex(1);
        QVERIFY(shows(less.total()));
    }

    void theWheelScrollsThePageAndChangesNoChoice() {
        ModelsDesk p;
        p.choose(u"tiny.gguf"_s);
        auto* precision = p.find<QComboBox>(u"models.anatomy.precision"_s);
        QTRY_VERIFY(precision->count() > 2);
        p.page->setFocus();
        test::wheel(precision, -120);
        QCOMPARE(precision->currentIndex(), 0);
        precision->setFocus();
        QTRY_VERIFY(precision->hasFocus());
        test::wheel(precision, -120);
        QCOMPARE(precision->currentIndex(), 1);
    }

    void theModelInUseShowsForecastAgainstMeasured() {
        ModelsDesk p;
        p.page->setLoaded(p.model(), 123456);
        auto* measured = p.find<QLabel>(u"models.anatomy.measured"_s);
        QTRY_VERIFY(measured->isVisible()); // the model in use is chosen by itself
        QVERIFY2(measured->text().contains(sizeText(123456)), qPrintable(measured->text()));
        p.page->setLoaded({}, 0);
        QTRY_VERIFY(!measured->isVisible());
    }

    void aFileThatIsNoModelSaysWhy() {
        ModelsDesk p;
        p.choose(u"tiny.gguf"_s);
        QTRY_VERIFY(p.find<QLabel>(u"models.anatomy.title"_s)->isVisible());
        p.choose(u"broken.gguf"_s);
        QVERIFY(p.text(u"models.detail"_s).contains(u"broken.gguf"_s));
        QTRY_VERIFY(p.find<QLabel>(u"models.anatomy.sentence"_s)->isVisible());
        const AnatomyReport gone = readAnatomy(p.folder.filePath(u"gone.gguf"_s));
        QVERIFY2(gone.error.contains(u"gone.gguf"_s), qPrintable(gone.error));
    }

    void knownShapesComeOutAsPublished() {
        ModelsDesk p;
        p.find<QTabBar>(u"models.tabs"_s)->setCurrentIndex(1);
        auto* known = p.find<QComboBox>(u"calculator.known"_s);
        known->setCurrentIndex(known->findData(u"deepseek-v3"_s));
        auto* title = p.find<QLabel>(u"calculator.anatomy.title"_s);
        QTRY_COMPARE(title->text(), u"DeepSeek-V3"_s);
        QVERIFY(p.text(u"calculator.anatomy.parameters"_s).contains(u"671.0 B"_s));
        QVERIFY(p.text(u"calculator.anatomy.parameters"_s).contains(u"36.6 B"_s));
        QCOMPARE(p.find<QSpinBox>(u"calculator.layers"_s)->value(), 61);
        QCOMPARE(p.find<QSpinBox>(u"calculator.experts"_s)->value(), 256);
    }

    void typedSizesAreComputed() {
        ModelsDesk p;
        p.find<QTabBar>(u"models.tabs"_s)->setCurrentIndex(1);
        auto* known = p.find<QComboBox>(u"calculator.known"_s);
        known->setCurrentIndex(known->findData(u"olmoe-1b-7b"_s));
        auto* parameters = p.find<QLabel>(u"calculator.anatomy.parameters"_s);
        QTRY_VERIFY(parameters->text().contains(u"6.9 B"_s));
        p.find<QSpinBox>(u"calculator.experts"_s)->setValue(128);
        QTRY_VERIFY2(parameters->text().contains(u"13.4 B"_s), qPrintable(parameters->text()));
        QVERIFY(p.text(u"calculator.anatomy.title"_s).contains(u"OLMoE"_s));
        p.find<QSpinBox>(u"calculator.kvHeads"_s)->setValue(5);
        auto* sentence = p.find<QLabel>(u"calculator.anatomy.sentence"_s);
        QTRY_VERIFY(sentence->isVisible() && sentence->text().contains(u"does not divide"_s));
    }

    void noMoreExpertsAreActiveThanThereAre() {
        ModelsDesk p;
        p.find<QTabBar>(u"models.tabs"_s)->setCurrentIndex(1);
        auto* experts = p.find<QSpinBox>(u"calculator.experts"_s);
        auto* active = p.find<QSpinBox>(u"calculator.active"_s);
        QCOMPARE(active->value(), 6);
        experts->setFocus();
        experts->selectAll();
        QTest::keyClicks(experts, u"3"_s);
        QCOMPARE(active->value(), 3);
        QTest::keyClicks(experts, u"2"_s); // 32: what was asked for is there again
        QCOMPARE(active->value(), 6);
        experts->setValue(3);
        active->setFocus();
        active->selectAll();
        QTest::keyClicks(active, u"5"_s);
        QVERIFY(active->value() <= 3);
        experts->setValue(0);
        QCOMPARE(active->value(), 0);
    }

    void everyKnownShapeSurvivesTheCalculator() {
        ShapeCalculator calculator;
        auto* known = calculator.findChild<QComboBox*>(u"calculator.known"_s);
        for (int i = 0; i < known->count(); ++i) {
            known->setCurrentIndex(i);
            const Shape& shape = known_shapes()[static_cast<std::size_t>(i)];
            const AnatomyReport typed = readAnatomy(calculator.shape()), own = readAnatomy(shape);
            QVERIFY2(typed.error.isEmpty(), qPrintable(typed.error));
            QCOMPARE(typed.anatomy.parameters, own.anatomy.parameters);
            QCOMPARE(typed.config.name, own.config.name);
            // Any of them can be made dense, or given experts.
            calculator.findChild<QSpinBox*>(u"calculator.experts"_s)->setValue(shape.config.dense() ? 6 : 0);
            calculator.findChild<QSpinBox*>(u"calculator.expertWidth"_s)->setValue(512);
            calculator.findChild<QSpinBox*>(u"calculator.feedForward"_s)->setValue(1024);
            const AnatomyReport other = readAnatomy(calculator.shape());
            QVERIFY2(other.error.isEmpty(), qPrintable(other.error));
            QVERIFY(other.anatomy.parameters != own.anatomy.parameters);
            // And deeper: whatever its layers take turns in.
            auto* layers = calculator.findChild<QSpinBox*>(u"calculator.layers"_s);
            layers->setValue(2 * shape.config.layers + 1);
            const AnatomyReport deeper = readAnatomy(calculator.shape());
            QVERIFY2(deeper.error.isEmpty(), qPrintable(deeper.error));
            QVERIFY(deeper.anatomy.parameters > other.anatomy.parameters);
        }
    }

    void everythingHasANameAndFits() {
        ModelsDesk p;
        p.choose(u"tiny.gguf"_s);
        QTRY_VERIFY(p.find<QLabel>(u"models.anatomy.title"_s)->isVisible());
        for (int tab = 0; tab < 2; ++tab) {
            p.find<QTabBar>(u"models.tabs"_s)->setCurrentIndex(tab);
            QVERIFY2(p.page->minimumSizeHint().width() <= 936,
                     qPrintable(QString::number(p.page->minimumSizeHint().width())));
            QVERIFY2(p.page->minimumSizeHint().height() <= 540,
                     qPrintable(QString::number(p.page->minimumSizeHint().height())));
        }
        for (const QWidget* widget : p.page->findChildren<QWidget*>()) {
            const bool control = qobject_cast<const QComboBox*>(widget) ||
                                 qobject_cast<const QSpinBox*>(widget) ||
                                 qobject_cast<const QTabBar*>(widget) || qobject_cast<const PartBar*>(widget);
            if (control)
                QVERIFY2(!widget->accessibleName().isEmpty(), qPrintable(widget->objectName()));
        }
    }

    void theWindowDoesNotWaitForTheReading() {
        AnatomyReader reader;
        int answers = 0;
        connect(&reader, &AnatomyReader::read, this, [&](const AnatomyReport& report) {
            ++answers;
            QCOMPARE(report.source, u"qwen3-235b-a22b"_s);
        });
        const Shape &first = find_shape("deepseek-v3"), &last = find_shape("qwen3-235b-a22b");
        const double before = threadTime();
        for (int i = 0; i < 20; ++i)
            reader.readShape(first);
        reader.readShape(last);
        QVERIFY2(threadTime() - before < 16, qPrintable(QString::number(threadTime() - before)));
        QTRY_COMPARE(answers, 1); // what was overtaken is not answered
        QTest::qWait(100);
        QCOMPARE(answers, 1);
    }
};

QTEST_MAIN(TestAnatomy)
#include "tst_anatomy.moc"
