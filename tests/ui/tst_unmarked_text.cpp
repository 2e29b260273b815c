// Every word that the window shows can be translated: a translation that marks what passes it leaves nothing
// unmarked but names, numbers and what the user or a model wrote.
#include "tests/ui/desk.h"

#include <QAbstractButton>
#include <QAction>
#include <QComboBox>
#include <QGroupBox>
#include <QLabel>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QRegularExpression>
#include <QSpinBox>
#include <QTabBar>
#include <QTemporaryDir>
#include <QTranslator>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// Puts every text that it is asked for between marks.
class MarkingTranslator : public QTranslator {
  public:
    using QTranslator::QTranslator;
    QString translate(const char* context, const char* source, const char*, int) const override {
        // Of ours only; and what takes a number has to keep its place for it.
        return QByteArray(context).startsWith("Q") ? QString() : u'⟦' + QString::fromUtf8(source) + u'⟧';
    }
    bool isEmpty() const override { return false; }
};

/// What is left of a text without what was marked and what is the same in every language.
QString unmarked(QString text) {
    static const QRegularExpression marked(u"⟦[^⟦⟧]*(⟦[^⟦⟧]*⟧[^⟦⟧]*)*⟧"_s);
    for (qsizetype before = -1; before != text.size();) {
        before = text.size();
        text.remove(marked);
    }
    static const QRegularExpression same_everywhere(
        u"\\b(Switchyard|English|简体中文|Example(\\.gguf)?|Qt|SQLite|GPL-3\\.0-or-later|CPU|GPU|RAM|VRAM|KV|"
        "GiB|MiB|kB|ms|t/s|W|MHz|F32|F16|BF16|FP8|MXFP4|I?Q\\d\\w*|TQ\\d\\w*|KV|GB/s|"
        "Ctrl|Alt|Shift|Esc|Del|Return|Enter|Left|Right|F\\d+|[A-Z])\\b|https?://\\S+|/[\\w./-]+|[\\w-]+\\.gguf|deepseek[\\w-]*"_s,
        QRegularExpression::UseUnicodePropertiesOption);
    text.remove(same_everywhere);
    static const QRegularExpression word(u"\\p{L}{2,}"_s);
    return word.match(text).hasMatch() ? text : QString();
}

} // namespace

class UnmarkedText : public QObject {
    Q_OBJECT

    MarkingTranslator translator_;
    QStringList found_;

    void look(const QString& where, const QString& text) {
        if (const QString left = unmarked(text); !left.isEmpty())
            found_ << u"%1: \"%2\""_s.arg(where, left.simplified());
    }

    void lookAt(const QWidget& widget) {
        const QString where =
            u"%1 %2"_s.arg(QLatin1String(widget.metaObject()->className()), widget.objectName());
        look(where + u" tip"_s, widget.toolTip());
        look(where + u" name"_s, widget.accessibleName());
        look(where + u" description"_s, widget.accessibleDescription());
        if (const auto* label = qobject_cast<const QLabel*>(&widget))
            look(where, label->text());
        if (const auto* button = qobject_cast<const QAbstractButton*>(&widget))
            look(where, button->text());
        if (const auto* group = qobject_cast<const QGroupBox*>(&widget))
            look(where, group->title());
        if (const auto* line = qobject_cast<const QLineEdit*>(&widget))
            look(where, line->placeholderText());
        if (const auto* edit = qobject_cast<const QPlainTextEdit*>(&widget))
            look(where, edit->placeholderText());
        if (const auto* box = qobject_cast<const QComboBox*>(&widget))
            for (int i = 0; i < box->count(); ++i)
                look(where, box->itemText(i));
        if (const auto* box = qobject_cast<const QAbstractSpinBox*>(&widget))
            look(where, box->specialValueText());
        if (const auto* tabs = qobject_cast<const QTabBar*>(&widget))
            for (int i = 0; i < tabs->count(); ++i)
                look(where, tabs->tabText(i));
    }

    void lookAtAll(const QWidget& window) {
        for (const QWidget* widget : window.findChildren<QWidget*>()) {
            const bool of_qt = widget->objectName().startsWith(u"Scroll"_s);
            const bool names = widget->objectName() == u"calculator.known"_s; // of published models
            if (!of_qt && !names)
                lookAt(*widget);
        }
        for (const QAction* action : window.findChildren<QAction*>()) {
            const QString where = u"action "_s + action->objectName();
            look(where, action->text());
            look(where + u" tip"_s, action->toolTip());
        }
    }

  private Q_SLOTS:
    void initTestCase() {
        initialiseUiResources();
        QVERIFY(QCoreApplication::installTranslator(&translator_));
    }
    void cleanup() { found_.clear(); }

    void isSeen() {
        QCOMPARE(unmarked(u"⟦Size⟧: 3.2 GiB, Q4_K"_s), QString());
        QCOMPARE(unmarked(u"⟦Use ⟦that⟧ one⟧"_s), QString());
        QVERIFY(!unmarked(u"⟦Size⟧ of it"_s).isEmpty());
        QVERIFY(!unmarked(u"大小"_s).isEmpty());
    }

    void anEmptyWindowHasNone() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        lookAtAll(*desk.window);
        QVERIFY2(found_.isEmpty(), qPrintable(found_.join(u'\n')));
    }

    void aWindowWithAnAnswerHasNone() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        Capabilities model = mixtureModel();
        model.device = u"CPU"_s; // the script's is no sentence of the program's
        desk.load(model);
        QVERIFY(desk.controller.send(u"1 + 1 = ?"_s));
        QTRY_VERIFY(!desk.controller.busy());
        for (const char* page : {"page_models", "page_settings", "page_chat"}) {
            desk.action(QLatin1String(page))->trigger();
            QCoreApplication::processEvents();
            lookAtAll(*desk.window);
        }
        QVERIFY2(found_.isEmpty(), qPrintable(found_.join(u'\n')));
    }
};

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    UnmarkedText test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_unmarked_text.moc"
