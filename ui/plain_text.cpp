#include "ui/plain_text.h"

#include <QTextDocument>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr qsizetype longest_tip = 1200; ///< UTF-16 units: a tooltip is not scrolled

/// Characters that change how their neighbours are read: overrides, embeddings and isolates of direction.
bool turnsDirection(QChar c) {
    const char16_t unit = c.unicode();
    return unit == 0x061C || unit == 0x200E || unit == 0x200F || (unit >= 0x202A && unit <= 0x202E) ||
           (unit >= 0x2066 && unit <= 0x2069);
}

bool isControl(QChar c) { return c.category() == QChar::Other_Control; }

bool breaksLine(QChar c) {
    return c == u'\n' || c == u'\r' || c == QChar::LineSeparator || c == QChar::ParagraphSeparator;
}

QString cleaned(const QString& text, qsizetype longest, bool lines) {
    QString out;
    out.reserve(std::min(text.size(), longest + 1));
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text[i];
        if (out.size() >= longest) {
            if (!out.isEmpty() && out.back().isHighSurrogate())
                out.chop(1);
            return out + u'…';
        }
        if (turnsDirection(c) || c == u'\r')
            continue;
        if (breaksLine(c))
            out += lines ? u'\n' : u' ';
        else
            out += isControl(c) ? u' ' : c;
    }
    return out;
}

} // namespace

QString oneLine(const QString& text, qsizetype longest) { return cleaned(text, longest, false); }

QString fewLines(const QString& text, qsizetype longest) { return cleaned(text, longest, true); }

QString oneParagraph(const QStringList& sentences) {
    QString all;
    for (const QString& sentence : sentences) {
        if (!all.isEmpty() && !sentence.isEmpty() && all.back() != u'。')
            all += u' ';
        all += sentence;
    }
    return all;
}

QString plainTip(const QString& text) {
    const QString shown = fewLines(text, longest_tip);
    if (!Qt::mightBeRichText(shown))
        return shown;
    return wrappedTip(shown);
}

QString wrappedTip(const QString& text) {
    const QString shown = fewLines(text, longest_tip);
    return u"<p>"_s + shown.toHtmlEscaped().replace(u'\n', u"<br>"_s) + u"</p>"_s;
}

QString menuText(const QString& text) { return oneLine(text).replace(u'&', u"&&"_s); }

QString titleText(const QString& text) { return oneLine(text).replace(u"[*]"_s, u"[*][*]"_s); }

QMessageBox* plainBox(QMessageBox::Icon icon, const QString& title, const QString& text, const QString& more,
                      QWidget* parent) {
    auto* box = new QMessageBox(icon, titleText(title), {}, QMessageBox::NoButton, parent);
    box->setAttribute(Qt::WA_DeleteOnClose);
    box->setTextFormat(Qt::PlainText);
    box->setText(fewLines(text));
    if (!more.isEmpty())
        box->setInformativeText(fewLines(more));
    for (QLabel* label : box->findChildren<QLabel*>())
        label->setTextFormat(Qt::PlainText);
    return box;
}

} // namespace switchyard
