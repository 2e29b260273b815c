#include "ui/theme.h"

#include "ui/emoji_font.h"

#include <QFile>
#include <QIconEngine>
#include <QPainter>
#include <QPixmapCache>
#include <QStyle>
#include <QStyleFactory>
#include <QSvgRenderer>
#include <QWidget>

using namespace Qt::StringLiterals;

static void initialiseResources() {
    Q_INIT_RESOURCE(switchyard);
    Q_INIT_RESOURCE(translations);
}

namespace switchyard {

void initialiseUiResources() { initialiseResources(); }

namespace {

QPalette makePalette(const ThemeColours& c) {
    QPalette p;
    p.setColor(QPalette::Window, c.window);
    p.setColor(QPalette::WindowText, c.text);
    p.setColor(QPalette::Base, c.base);
    p.setColor(QPalette::AlternateBase, c.surface);
    p.setColor(QPalette::Text, c.text);
    p.setColor(QPalette::PlaceholderText, c.muted);
    p.setColor(QPalette::Button, c.surface);
    p.setColor(QPalette::ButtonText, c.text);
    p.setColor(QPalette::BrightText, c.danger);
    p.setColor(QPalette::ToolTipBase, c.dark ? c.hover : c.base);
    p.setColor(QPalette::ToolTipText, c.text);
    p.setColor(QPalette::Highlight, c.accent);
    p.setColor(QPalette::HighlightedText, c.accentText);
    p.setColor(QPalette::Link, c.accent);
    p.setColor(QPalette::LinkVisited, c.accent);
    p.setColor(QPalette::Light, c.dark ? c.hover : c.base);
    p.setColor(QPalette::Midlight, c.hover);
    p.setColor(QPalette::Mid, c.border);
    p.setColor(QPalette::Dark, c.dark ? c.border.lighter(120) : c.border.darker(115));
    p.setColor(QPalette::Shadow, c.dark ? QColor(0, 0, 0) : c.border.darker(160));
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        p.setColor(QPalette::Disabled, role, c.faint);
    p.setColor(QPalette::Disabled, QPalette::Highlight, c.border);
    p.setColor(QPalette::Disabled, QPalette::HighlightedText, c.muted);
    return p;
}

QString styleSheet(const ThemeColours& c, const QFont& font) {
    QFile file(u":/theme/window.qss"_s);
    if (!file.open(QIODevice::ReadOnly))
        return {};
    QString sheet = QString::fromUtf8(file.readAll());
    const std::pair<QString, QColor> names[] = {{u"@window"_s, c.window},
                                                {u"@surface"_s, c.surface},
                                                {u"@base"_s, c.base},
                                                {u"@text"_s, c.text},
                                                {u"@muted"_s, c.muted},
                                                {u"@border"_s, c.border},
                                                {u"@hover"_s, c.hover},
                                                {u"@accentText"_s, c.accentText},
                                                {u"@accentSoft"_s, c.accentSoft},
                                                {u"@accent"_s, c.accent},
                                                {u"@danger"_s, c.danger},
                                                {u"@warning"_s, c.warning},
                                                {u"@tip"_s, c.dark ? c.hover : c.base}};
    for (const auto& [name, colour] : names)
        sheet.replace(name, colour.name());
    const double points = font.pointSizeF() > 0 ? font.pointSizeF() : 10.0;
    sheet.replace(u"@small"_s, QString::number(points * 0.9, 'f', 1) + u"pt"_s);
    sheet.replace(u"@large"_s, QString::number(points * 1.2, 'f', 1) + u"pt"_s);
    return sheet;
}

/// Draws one SVG in a colour taken from the application's palette at the moment of painting.
class ThemedIconEngine : public QIconEngine {
  public:
    explicit ThemedIconEngine(QString name) : name_(std::move(name)) {}

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State state) override {
        const qreal ratio = painter->device() ? painter->device()->devicePixelRatioF() : 1.0;
        painter->drawPixmap(rect, scaledPixmap(rect.size(), mode, state, ratio));
    }
    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State state) override {
        return scaledPixmap(size, mode, state, 1.0);
    }
    QPixmap scaledPixmap(const QSize& size, QIcon::Mode mode, QIcon::State state, qreal scale) override {
        const QColor colour = colourFor(mode, state);
        const QSize pixels = size * scale;
        const QString key = u"themed/%1/%2/%3x%4@%5"_s.arg(name_, colour.name(QColor::HexArgb))
                                .arg(pixels.width())
                                .arg(pixels.height())
                                .arg(scale);
        QPixmap result;
        if (QPixmapCache::find(key, &result))
            return result;
        result = QPixmap(pixels);
        result.fill(Qt::transparent);
        QPainter painter(&result);
        QSvgRenderer renderer(u":/icons/%1.svg"_s.arg(name_));
        renderer.setAspectRatioMode(Qt::KeepAspectRatio);
        renderer.render(&painter, QRectF(QPointF(0, 0), pixels));
        painter.setCompositionMode(QPainter::CompositionMode_SourceIn);
        painter.fillRect(result.rect(), colour);
        painter.end();
        result.setDevicePixelRatio(scale);
        QPixmapCache::insert(key, result);
        return result;
    }
    QIconEngine* clone() const override { return new ThemedIconEngine(name_); }
    QString key() const override { return u"switchyard-themed"_s; }

  private:
    static QColor colourFor(QIcon::Mode mode, QIcon::State state) {
        const ThemeColours& c = coloursOf(QApplication::palette());
        if (mode == QIcon::Disabled) {
            QColor faint = c.muted;
            faint.setAlpha(110);
            return faint;
        }
        if (state == QIcon::On)
            return c.accent;
        return mode == QIcon::Active || mode == QIcon::Selected ? c.text : c.muted;
    }

    QString name_;
};

} // namespace

QIcon themedIcon(const QString& name) {
    initialiseUiResources();
    return QIcon(new ThemedIconEngine(name));
}

ThemeManager::ThemeManager(QApplication& application, QObject* parent)
    : QObject(parent), application_(application), system_font_(withEmoji(application.font())) {
    initialiseUiResources();
    application_.setFont(system_font_);
    application_.setStyle(QStyleFactory::create(u"Fusion"_s));
    system_dark_ = application_.palette().color(QPalette::Window).lightness() < 128;
    apply();
}

void ThemeManager::setChoice(Theme choice) {
    choice_ = choice;
    apply();
}

void ThemeManager::setSystemDark(bool dark) {
    system_dark_ = dark;
    apply();
}

bool ThemeManager::dark() const {
    return choice_ == Theme::Dark || (choice_ == Theme::System && system_dark_);
}

void ThemeManager::setFontSize(int points) {
    QFont font = system_font_;
    if (points > 0)
        font.setPointSize(points);
    if (font == application_.font())
        return;
    application_.setFont(font);
    applied_ = nullptr; // the style sheet has sizes of its own
    apply();
}

void ThemeManager::setContrast(Contrast contrast) {
    contrast_ = contrast;
    apply();
}

void ThemeManager::setSystemContrast(bool high) {
    system_contrast_ = high;
    apply();
}

const ThemeColours& ThemeManager::wanted() const {
    const bool high = contrast_ == Contrast::High || (contrast_ == Contrast::System && system_contrast_);
    if (high)
        return dark() ? darkContrastColours() : lightContrastColours();
    return dark() ? darkColours() : lightColours();
}

void ThemeManager::apply() {
    const ThemeColours& colours = wanted();
    if (&colours == applied_)
        return;
    applied_ = &colours;
    application_.setPalette(makePalette(colours));
    application_.setStyleSheet(styleSheet(colours, application_.font()));
    Q_EMIT changed(colours.dark);
}

ThemeManager::Contrast contrastOf(const QString& word) {
    if (word.isEmpty())
        return ThemeManager::Contrast::System;
    return word == "high"_L1 ? ThemeManager::Contrast::High : ThemeManager::Contrast::Normal;
}

void setLook(QWidget* widget, const char* property, bool on) {
    if (widget->property(property).toBool() == on)
        return;
    widget->setProperty(property, on);
    widget->style()->unpolish(widget);
    widget->style()->polish(widget);
}

} // namespace switchyard
