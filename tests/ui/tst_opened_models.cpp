// Models that were opened by their path, wherever they lie: they are listed from then on.
#include "app/services/library_places.h"
#include "tests/ui/real_desk.h"
#include "tiny_model.h"

#include <QMenu>
#include <QTableView>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

struct OpenedDesk : RealDesk {
    explicit OpenedDesk(const QString& folder) : RealDesk(folder) {}
    QStringList listed() const {
        QStringList names;
        for (const ModelEntry& model : library.models())
            names.append(model.source + u": "_s + model.path);
        return names;
    }
    bool lists(const QString& path) const {
        return QTest::qWaitFor([&] { return listed().contains(u"Opened by their files: "_s + path); },
                               10'000);
    }
    QAction* inPicker(const QString& path) const {
        for (QAction* action : find<QMenu>(u"picker.menu"_s)->actions()) {
            if (action->toolTip().contains(path))
                return action;
        }
        return nullptr;
    }
    LibraryPlaces places{library, model, settings, paths.models};
};

} // namespace

class OpenedModelsTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void oneIsListedFromThenOn() {
        QTemporaryDir folder, elsewhere;
        const QString path = elsewhere.filePath(u"mixture.gguf"_s);
        writeTinyModel(path.toStdString());
        {
            OpenedDesk desk(folder.path());
            QVERIFY(desk.load(path));
            QVERIFY2(desk.lists(path), qPrintable(desk.listed().join(u'\n')));
            QTRY_VERIFY(desk.inPicker(path) && desk.inPicker(path)->isChecked());
            desk.action(u"page_models"_s)->trigger();
            auto* table = desk.find<QTableView>(u"models.table"_s);
            QTRY_COMPARE(table->model()->rowCount(), 1);
            QVERIFY(table->model()->index(0, 0).data().toString().contains(u"mixture"_s));
        }
        OpenedDesk desk(folder.path());
        QVERIFY2(desk.lists(path), qPrintable(desk.listed().join(u'\n')));
        QVERIFY(QFile::remove(path));
        desk.library.rescan();
        QTRY_VERIFY(desk.library.models().isEmpty());
    }

    void oneThatLiesInAFolderIsListedThereAlone() {
        QTemporaryDir folder;
        QVERIFY(QDir(folder.path()).mkpath(u"models"_s));
        const QString path = folder.filePath(u"models/mixture.gguf"_s);
        writeTinyModel(path.toStdString());
        OpenedDesk desk(folder.path());
        QVERIFY(desk.load(path));
        QTRY_COMPARE(desk.listed(), QStringList{u"Your folders: "_s + path});
        QVERIFY(!desk.library.scanning());
        QVERIFY(desk.settings.get<Setting::OpenedModels>().isEmpty());
    }
};

QTEST_MAIN(OpenedModelsTest)
#include "tst_opened_models.moc"
