// The window at all sizes: with fonts of one to three times the usual size, from 1000 x 600 to 4K, no word of
// a control is cut off.
#include "tests/ui/desk.h"
#include "ui/chat/chat_page.h"
#include "ui/language.h"

#include <QAbstractButton>
#include <QClipboard>
#include <QComboBox>
#include <QLabel>
#include <QMimeData>
#include <QScrollArea>
#include <QTabBar>
#include <QTemporaryDir>

using namespace Qt::StringLiterals;
using namespace switchyard;

class TestSizes : public QObject {
    Q_OBJECT

    QFont usual_;

    /// What is shown less than its words need.
    static QStringList cutOff(const QWidget& window) {
        QStringList found;
        for (const QWidget* widget : window.findChildren<QWidget*>()) {
            if (!widget->isVisible() || widget->objectName().startsWith(u"qt_"_s))
                continue;
            QSize need;
            if (const auto* label = qobject_cast<const QLabel*>(widget)) {
                if (label->text().isEmpty() || label->property("elides").toBool())
                    continue;
                const int height =
                    label->wordWrap() ? label->heightForWidth(label->width()) : label->sizeHint().height();
                need = QSize(label->wordWrap() ? 0 : label->sizeHint().width(), height);
            } else if (const auto* button = qobject_cast<const QAbstractButton*>(widget)) {
                if (button->text().isEmpty())
                    continue;
                need = QSize(button->fontMetrics().horizontalAdvance(button->text()),
                             button->fontMetrics().height());
            } else if (const auto* box = qobject_cast<const QComboBox*>(widget)) {
                need = QSize(box->fontMetrics().horizontalAdvance(box->currentText()),
                             box->fontMetrics().height());
            } else {
                continue;
            }
            if (widget->width() + 1 < need.width() || widget->height() + 1 < need.height())
                found << u"%1 %2: has %3x%4, needs %5x%6"_s
                             .arg(QLatin1String(widget->metaObject()->className()), widget->objectName())
                             .arg(widget->width())
                             .arg(widget->height())
                             .arg(need.width())
                             .arg(need.height());
        }
        return found;
    }

  private Q_SLOTS:
    void initTestCase() { usual_ = QApplication::font(); }
    void cleanup() {
        QApplication::setFont(usual_);
        installLanguage(*qApp, u"en"_s);
    }

    void noWordIsCutOff_data() {
        QTest::addColumn<QSize>("size");
        QTest::addColumn<double>("scale");
        QTest::addColumn<QString>("language");
        const std::tuple<const char*, QSize, double> rows[] = {
            {"smallest", {1000, 600}, 1.0}, {"usual", {1320, 860}, 1.0},    {"1.5 times", {1320, 860}, 1.5},
            {"2 times", {1920, 1080}, 2.0}, {"3 times", {3840, 2160}, 3.0}, {"4K", {3840, 2160}, 1.0}};
        for (const auto& [name, size, scale] : rows) {
            for (const QString& language : {u"en"_s, u"zh_CN"_s})
                QTest::addRow("%s, %s", name, qPrintable(language)) << size << scale << language;
        }
    }

    void noWordIsCutOff() {
        QFETCH(QSize, size);
        QFETCH(double, scale);
        QFETCH(QString, language);
        installLanguage(*qApp, language);
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.theme.setFontSize(static_cast<int>(usual_.pointSizeF() * scale));
        desk.window->resize(size);
        desk.load();
        QVERIFY(desk.controller.send(u"A question"_s));
        QTRY_VERIFY(!desk.controller.conversation().thread().last().text().isEmpty());
        desk.controller.chat().stop();
        QTRY_VERIFY(!desk.controller.busy());
        QStringList found;
        for (const char* page : {"page_chat", "page_models", "page_settings"}) {
            desk.action(QLatin1String(page))->trigger();
            // Layouts follow at the next turn of the event loop.
            (void)QTest::qWaitFor([&] { return cutOff(*desk.window).isEmpty(); }, 1000);
            for (const QString& one : cutOff(*desk.window))
                found << QLatin1String(page) + u" "_s + one;
        }
        QVERIFY2(found.isEmpty(), qPrintable(found.join(u'\n')));
    }

    /// With a notice, many files and many lines the message still can be read, and so can the thread.
    void aFullComposerKeepsWithinTheSmallestWindow() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.window->resize(1000, 600);
        desk.load();
        if (!desk.action(u"insight"_s)->isChecked())
            desk.action(u"insight"_s)->trigger();
        auto* composer = desk.window->findChild<Composer*>();
        QList<QUrl> urls;
        for (int i = 0; i < 6; ++i) {
            QFile file(folder.filePath(u"file %1.txt"_s.arg(i)));
            QVERIFY(file.open(QIODevice::WriteOnly) && file.write("some words") > 0);
            urls << QUrl::fromLocalFile(file.fileName());
        }
        auto* data = new QMimeData;
        data->setUrls(urls);
        QGuiApplication::clipboard()->setMimeData(data);
        QTest::keyClick(composer->edit(), Qt::Key_V, Qt::ControlModifier);
        QTRY_COMPARE(composer->files().size(), 6);
        composer->edit()->setPlainText(u"a line\n"_s.repeated(20));
        composer->say(
            u"Something that has to be said of them, in so many words that it takes more than a single "
            "line, as some of the sentences do that say what is wrong with a file."_s);
        const auto* files = desk.find<QWidget>(u"fileLabel-0"_s)->parentWidget()->parentWidget();
        const auto* area = files->parentWidget()->parentWidget();
        const auto* notice = desk.find<QLabel>(u"composerNotice"_s);
        const auto* thread = desk.window->findChild<ChatPage*>()->thread()->parentWidget();
        const auto whole = [&] {
            return notice->geometry().bottom() <= area->geometry().top() &&
                   area->geometry().bottom() <= composer->edit()->geometry().top() &&
                   composer->edit()->geometry().bottom() <=
                       desk.find<QWidget>(u"tokenCounter"_s)->geometry().top() &&
                   notice->height() >= notice->heightForWidth(notice->width()) &&
                   thread->height() >= 2 * thread->fontMetrics().lineSpacing();
        };
        QTRY_VERIFY2(whole(), qPrintable(u"notice to %1, files %2 to %3, lines %4 to %5, thread %6"_s
                                             .arg(notice->geometry().bottom())
                                             .arg(area->geometry().top())
                                             .arg(area->geometry().bottom())
                                             .arg(composer->edit()->geometry().top())
                                             .arg(composer->edit()->geometry().bottom())
                                             .arg(thread->height())));
        QVERIFY(composer->edit()->height() >= 2 * composer->edit()->fontMetrics().lineSpacing());
        // Without the files there are more lines in the same room, until they come back.
        const QList<MessagePart> attached = composer->files();
        const int few = composer->edit()->height();
        composer->clear();
        composer->edit()->setPlainText(u"a line\n"_s.repeated(20));
        QTRY_VERIFY(composer->edit()->height() > few);
        composer->prepend({{}, attached, {}});
        composer->say(u"Not all of them could be read."_s);
        QTRY_VERIFY(whole());
        desk.window->resize(1400, 1000); // there is room again
        QTRY_VERIFY(composer->edit()->height() >= 8 * composer->edit()->fontMetrics().lineSpacing());
    }

    /// Side columns and plots stand in place of the thread, one at a time, and give it back.
    void theLargestLettersInTheSmallestWindowLeaveRoomForTheThread() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.theme.setFontSize(kLargestFont);
        desk.window->resize(1000, 600);
        desk.load();
        QVERIFY(desk.controller.send(u"A question"_s));
        QTRY_VERIFY(!desk.controller.conversation().thread().last().text().isEmpty());
        desk.controller.chat().stop();
        auto* page = desk.find<QWidget>(u"chatPage"_s);
        const auto seen = [&](const QString& action) { return desk.action(action)->isChecked(); };
        QTRY_VERIFY(page->isVisible() && page->width() > 700);
        QVERIFY(!seen(u"list"_s) && !seen(u"tune"_s) && !seen(u"insight"_s));
        QTRY_VERIFY2(cutOff(*page).isEmpty(), qPrintable(cutOff(*page).join(u'\n')));
        const auto* counter = desk.find<QLabel>(u"tokenCounter"_s);
        const auto* edit = desk.find<QWidget>(u"composerEdit"_s);
        QVERIFY(counter->geometry().top() > edit->geometry().bottom());
        for (const QString& side : {u"tune"_s, u"list"_s, u"insight"_s}) {
            desk.action(side)->trigger();
            QVERIFY2(seen(side) && !page->isVisible(), qPrintable(side));
            desk.action(u"composer"_s)->trigger();
            QVERIFY2(!seen(side) && page->isVisible(), qPrintable(side));
        }
        desk.action(u"list"_s)->trigger();
        desk.action(u"new"_s)->trigger();
        QTRY_VERIFY(page->isVisible());
        desk.theme.setFontSize(static_cast<int>(usual_.pointSizeF()));
        QTRY_VERIFY(seen(u"insight"_s) && (seen(u"tune"_s) || seen(u"list"_s)));
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    TestSizes test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_sizes.moc"
