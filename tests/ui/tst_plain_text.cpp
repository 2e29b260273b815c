// Text from elsewhere is shown as it is: names of models, chats, presets, files and folders, and errors that
// look like HTML, hold menu keys, or turn the direction of reading.
#include "tests/ui/desk.h"
#include "ui/chat/chat_list_model.h"
#include "ui/insight/insight_panel.h"
#include "ui/models/anatomy_view.h"
#include "ui/models/model_picker.h"
#include "ui/models/model_table.h"
#include "ui/plain_text.h"

#include <QAbstractItemView>
#include <QDirIterator>
#include <QLabel>
#include <QMenu>
#include <QRegularExpression>
#include <QTemporaryDir>
#include <QToolButton>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// What a rich label would load.
const QString& hostile() {
    static const QString text = u"<img src=\"/nowhere/pixel.png\"><b>R&D[*]\u202Efdp</b>\n\tend"_s;
    return text;
}

bool isForeign(const QString& text) { return text.contains(u"pixel.png"_s); }

/// Whether a place that guesses, as tooltips do, would take it for HTML and find a tag of ours in it.
bool isLive(const QString& text) { return Qt::mightBeRichText(text) && text.contains(u"<img"_s); }

/// Everything wrong with the widgets that there are, one line each; `seen` counts foreign texts.
QStringList complaints(int& seen) {
    QStringList out;
    const auto tip = [&](const QString& text, const QString& where) {
        seen += isForeign(text);
        if (isLive(text))
            out += where + u": its tooltip is HTML: "_s + text.left(80);
    };
    for (QWidget* widget : QApplication::allWidgets()) {
        const QString where =
            QLatin1String(widget->metaObject()->className()) + u" "_s + widget->objectName();
        tip(widget->toolTip(), where);
        for (QAction* action : widget->actions()) {
            tip(action->toolTip(), where + u" action"_s);
            const QString text = action->text();
            seen += isForeign(text);
            if (isForeign(text) && !text.contains(u"R&&D"_s))
                out += where + u": a menu key in "_s + text;
        }
        if (const auto* label = qobject_cast<QLabel*>(widget)) {
            seen += isForeign(label->text());
            // Qt's own labels, of a form's rows, show the program's words.
            if (label->textFormat() == Qt::AutoText && (!label->buddy() || isForeign(label->text())) &&
                !label->text().isEmpty())
                out += where + u": guesses: "_s + label->text().left(80);
            if (label->textFormat() == Qt::RichText && label->text().contains(u"<img"_s))
                out += where + u": foreign HTML: "_s + label->text().left(80);
            if (label->text().contains(QChar(0x202E)))
                out += where + u": turns direction"_s;
        }
        if (const auto* button = qobject_cast<QAbstractButton*>(widget)) {
            seen += isForeign(button->text());
            if (isForeign(button->text()) && !button->text().contains(u"R&&D"_s))
                out += where + u": a key in "_s + button->text();
        }
        if (const auto* view = qobject_cast<QAbstractItemView*>(widget); view && view->model()) {
            std::function<void(const QModelIndex&)> walk = [&](const QModelIndex& parent) {
                for (int row = 0; row < view->model()->rowCount(parent); ++row) {
                    for (int column = 0; column < view->model()->columnCount(parent); ++column) {
                        const QModelIndex index = view->model()->index(row, column, parent);
                        tip(index.data(Qt::ToolTipRole).toString(), where);
                        seen += isForeign(index.data().toString());
                        walk(index);
                    }
                }
            };
            walk({});
        }
    }
    return out;
}

} // namespace

class TestPlainText : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void textsAreShownAsTheyAre() {
        QCOMPARE(oneLine(u"a\nb\tc\u202Ed\x07"_s), u"a b cd "_s);
        QCOMPARE(oneLine(QString(1000, u'x'), 10), QString(10, u'x') + u'…');
        QCOMPARE(oneLine(QString(u"😀"_s).repeated(4), 3), u"😀…"_s); // no half of a pair
        QCOMPARE(oneParagraph({u"One."_s, {}, u"Two."_s, u"一。"_s, u"二。"_s}), u"One. Two. 一。二。"_s);
        QCOMPARE(fewLines(u"a\r\nb"_s), u"a\nb"_s);
        QCOMPARE(menuText(u"R&D"_s), u"R&&D"_s);
        QCOMPARE(titleText(u"a[*]"_s), u"a[*][*]"_s);
        QCOMPARE(plainTip(u"a < b\nc"_s), u"a < b\nc"_s); // nothing that would be guessed wrong
        QVERIFY(isLive(u"<img src=x>"_s));
        QVERIFY(!plainTip(u"<img src=x>"_s).contains(u"<img"_s));
        QVERIFY(plainTip(QString(u"<b>"_s).repeated(100'000)).size() < 20'000);
        QWidget window;
        window.setWindowTitle(titleText(u"a[*]"_s));
        window.show();
        QCOMPARE(window.windowHandle()->title(), u"a[*]"_s);
        std::unique_ptr<QMessageBox> box(plainBox(QMessageBox::Warning, hostile(), hostile(), hostile()));
        box->show();
        int seen = 0;
        QCOMPARE(complaints(seen), QStringList());
        QVERIFY(seen >= 2);
    }

    void theWholeWindowShowsForeignTextPlainly() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        Capabilities model = mixtureModel();
        model.model_path = u"/models/"_s + hostile() + u".gguf"_s;
        model.model_name = model.architecture = model.device = model.file_precision = hostile();
        desk.load(model);
        QString error;
        desk.presets.save(u"<img src='x'> pixel.png R&D"_s, {}, &error);
        desk.settings.set<Setting::ModelFolders>({u"/"_s + hostile()});
        desk.controller.newChat();
        desk.controller.send(hostile());
        QTRY_VERIFY(!desk.controller.busy());
        desk.controller.list().rename(desk.controller.current(), hostile());
        Q_EMIT desk.window->findChild<InsightPanel*>()->problem(hostile());
        ModelEntry entry;
        entry.path = entry.name = entry.architecture = entry.precision = hostile();
        ModelEntry bad = entry;
        bad.error = hostile();
        auto* picker = desk.window->findChild<ModelPicker*>();
        picker->setModels({entry, bad});
        auto* table = desk.window->findChild<ModelTable*>();
        table->setModels({entry, bad});
        auto* anatomy = desk.window->findChild<AnatomyView*>();
        AnatomyReport report;
        report.source = hostile();
        report.config.name = report.config.architecture = hostile().toStdString();
        report.file_precision = hostile();
        report.is_file = true;
        AnatomyReport::Precision precision;
        precision.name = precision.note = hostile();
        report.precisions.push_back(precision);
        int seen = 0;
        const auto check = [&] {
            QTest::qWait(30);
            const QStringList wrong = complaints(seen);
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(u'\n')));
        };
        for (const char* action : {"page_models", "page_settings", "page_chat", "keys", "about"}) {
            desk.action(QLatin1String(action))->trigger();
            check();
        }
        anatomy->setReport(report);
        check();
        report.error = hostile();
        anatomy->setReport(report);
        check();
        auto* menu = test::find<QMenu>(*desk.window, u"picker.menu"_s);
        menu->popup({});
        check();
        menu->hide();
        FakeScript script;
        script.capabilities = model;
        script.error = script.load_error = script.carve_error = hostile();
        script.fail_at = 2;
        desk.answers.setScript(script);
        desk.controller.send(hostile());
        QTRY_VERIFY(!desk.controller.busy());
        check();
        desk.answers.jobs.add(CarveTask{u"/"_s + hostile(), u"/"_s + hostile()});
        QTest::qWait(700);
        check();
        desk.window->loadModel(u"/models/"_s + hostile());
        QTRY_COMPARE(desk.model.state(), ModelState::Failed);
        check();
        QVERIFY2(seen > 60, qPrintable(QString::number(seen)));
        QVERIFY(desk.window->windowHandle()->title().contains(u"R&D[*]"_s));
    }

    /// The helper is the only place where a label, a tooltip or a message box is made: a new one elsewhere
    /// is found here, before someone's file name is.
    void sourcesMakeThemByTheHelperOnly() {
        const QString root = QLatin1String(SWITCHYARD_TEST_DATA) + u"/../../ui"_s;
        QVERIFY2(QDir(root).exists(), qPrintable(root));
        const QRegularExpression labels(
            u"new QLabel\\b|public QLabel\\b|make_unique<QLabel>|new QMessageBox|QMessageBox::(about|warning|"
            "information|critical|question)\\(|new QErrorMessage|new QProgressDialog|setWhatsThis|"
            "setStatusTip|setHtml\\(|insertHtml|fromHtml|Qt::(RichText|AutoText|MarkdownText)|QTextBrowser"_s);
        const QRegularExpression tips(u"(setToolTip|QToolTip::showText)\\((.*?)\\);"_s,
                                      QRegularExpression::DotMatchesEverythingOption);
        QStringList wrong;
        int files = 0;
        for (const QString& folder : {root, root + u"/../app/desktop"_s}) {
            QDirIterator it(folder, {u"*.cpp"_s, u"*.h"_s}, QDir::Files, QDirIterator::Subdirectories);
            while (it.hasNext()) {
                QFile file(it.next());
                QVERIFY(file.open(QIODevice::ReadOnly));
                ++files;
                if (file.fileName().contains(u"plain_text"_s))
                    continue;
                const QString text = QString::fromUtf8(file.readAll());
                for (auto match = labels.globalMatch(text); match.hasNext();)
                    wrong += file.fileName() + u": "_s + match.next().captured();
                for (auto match = tips.globalMatch(text); match.hasNext();) {
                    const QString call = match.next().captured(2);
                    const bool own_words =
                        call.contains(u"tr("_s) && !call.contains(u".arg("_s) &&
                        !call.contains(QRegularExpression(u"\\b\\w+(_|\\.path|name)\\b\\s*:"_s));
                    if (!call.contains(u"plainTip("_s) && !call.contains(u"wrappedTip("_s) && !own_words)
                        wrong += file.fileName() + u": "_s + call;
                }
                if (text.contains(u"case Qt::ToolTipRole"_s) && !text.contains(u"plainTip("_s))
                    wrong += file.fileName() + u": ToolTipRole"_s;
            }
        }
        QVERIFY(files > 100);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong.join(u'\n')));
    }
};

QTEST_MAIN(TestPlainText)
#include "tst_plain_text.moc"
