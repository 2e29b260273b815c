// How the window looks and what it is called: colours, icons, text sizes, names for screen readers, Chinese.
#include "tests/ui/desk.h"
#include "ui/chat/message_content.h"
#include "ui/language.h"
#include "ui/tuning/control_strings.h"
#include "ui/tuning/dial_slider.h"

#include <QAbstractItemView>
#include <QAbstractSpinBox>
#include <QComboBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QTemporaryDir>
#include <QToolButton>

#include <set>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

bool hasChinese(const QString& text) {
    return std::any_of(text.begin(), text.end(), [](QChar c) { return c.script() == QChar::Script_Han; });
}

/// As the WCAG counts it.
double luminance(const QColor& c) {
    const auto part = [](double v) { return v <= 0.03928 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
    return 0.2126 * part(c.redF()) + 0.7152 * part(c.greenF()) + 0.0722 * part(c.blueF());
}

double contrast(const QColor& a, const QColor& b) {
    const double x = luminance(a), y = luminance(b);
    return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

} // namespace

class TestShellLook : public QObject {
    Q_OBJECT

  private Q_SLOTS:
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

    void themesHaveReadableColours() {
        for (const ThemeColours* c : {&lightColours(), &darkColours()}) {
            for (const QColor& ground : {c->window, c->surface, c->base, c->hover, c->accentSoft}) {
                QVERIFY(contrast(c->text, ground) >= 7);
                QVERIFY(contrast(c->muted, ground) >= 4.5);
                QVERIFY(contrast(c->faint, ground) >= 3); // what is off is read all the same
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

    /// The figures of WCAG 2.1 AAA and more, where somebody asks for it.
    void highContrastIsHigh() {
        for (const ThemeColours* c : {&lightContrastColours(), &darkContrastColours()}) {
            QVERIFY(c->high_contrast);
            for (const QColor& ground : {c->window, c->surface, c->base}) {
                QVERIFY(contrast(c->text, ground) >= 15);
                QVERIFY(contrast(c->muted, ground) >= 10);
                QVERIFY(contrast(c->border, ground) >= 4.5);
                for (const QColor& colour : {c->faint, c->accent, c->danger, c->warning, c->good})
                    QVERIFY(contrast(colour, ground) >= 7);
                for (const QColor& line : c->series)
                    QVERIFY(contrast(line, ground) >= 7);
            }
            for (const QColor& ground : {c->hover, c->accentSoft})
                QVERIFY(contrast(c->text, ground) >= 7);
            QVERIFY(contrast(c->accentText, c->accent) >= 7);
        }
    }

    void contrastFollowsTheSystemUntilOneIsChosen() {
        ThemeManager theme(*qApp);
        theme.setChoice(Theme::Light);
        const auto high = [] { return coloursOf(QApplication::palette()).high_contrast; };
        QVERIFY(!high());
        theme.setSystemContrast(true);
        QVERIFY(high());
        QVERIFY(!coloursOf(QApplication::palette()).dark);
        theme.setChoice(Theme::Dark);
        QVERIFY(high() && coloursOf(QApplication::palette()).dark);
        theme.setContrast(contrastOf(u"normal"_s));
        QVERIFY(!high());
        theme.setSystemContrast(false);
        theme.setContrast(contrastOf(u"high"_s));
        QVERIFY(high());
        theme.setContrast(contrastOf(QString()));
        QVERIFY(!high());
    }

    /// Dials that a model does not have are named, and said why: the words are there to be read.
    void whatIsOffCanBeRead_data() {
        QTest::addColumn<bool>("dark");
        QTest::newRow("light") << false;
        QTest::newRow("dark") << true;
    }
    void whatIsOffCanBeRead() {
        QFETCH(bool, dark);
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.theme.setChoice(dark ? Theme::Dark : Theme::Light);
        desk.load(denseModel());
        int seen = 0;
        for (QLabel* label : desk.window->findChildren<QLabel*>()) {
            if (label->isEnabled() || !label->isVisible() || label->text().isEmpty())
                continue;
            // As it is painted: the strongest of its pixels against the ground.
            const QImage image = label->grab().toImage();
            const QColor ground = image.pixelColor(image.width() - 1, 0);
            double strongest = 1;
            for (int y = 0; y < image.height(); ++y) {
                for (int x = 0; x < image.width(); ++x)
                    strongest = std::max(strongest, contrast(image.pixelColor(x, y), ground));
            }
            QVERIFY2(strongest >= 3, qPrintable(u"%1: %2"_s.arg(label->text()).arg(strongest)));
            ++seen;
        }
        QVERIFY(seen > 0);
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
        desk.load(denseModel());
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
            std::vector<std::string_view> texts = {spec.label, spec.help, spec.unit};
            texts.insert(texts.end(), spec.costs.begin(), spec.costs.end());
            for (const std::string_view text : texts)
                QVERIFY2(text.empty() || listed.contains(std::string(text)), std::string(text).c_str());
        }
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
    TestShellLook test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_shell_look.moc"
