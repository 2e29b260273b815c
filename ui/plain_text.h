// Text from elsewhere (names of models, files, folders, chats and presets, errors, answers) on widgets that
// guess: labels, tooltips and message boxes take what looks like HTML for HTML and load what it names, menus
// and buttons take "&" for a key, and a title bar takes "[*]" for a mark. Every one is made or filled here.
#pragma once

#include <QLabel>
#include <QMessageBox>
#include <QString>
#include <QStringList>

namespace switchyard {

/// A label that shows its text as it is.
class PlainLabel : public QLabel {
  public:
    explicit PlainLabel(QWidget* parent = nullptr) : PlainLabel(QString(), parent) {}
    explicit PlainLabel(const QString& text, QWidget* parent = nullptr) : QLabel(parent) {
        setTextFormat(Qt::PlainText);
        setText(text);
    }
};

/// A label for HTML that the program wrote itself; whatever of it comes from elsewhere has been escaped.
class OwnHtmlLabel : public QLabel {
  public:
    explicit OwnHtmlLabel(QWidget* parent = nullptr) : QLabel(parent) { setTextFormat(Qt::RichText); }
};

/// One line of a foreign text: line breaks, tabs, control and direction characters become spaces or go, and
/// what is longer than `longest` UTF-16 units is cut, with an ellipsis.
QString oneLine(const QString& text, qsizetype longest = 400);

/// A foreign text of several lines, without control characters other than line breaks, cut after `longest`.
QString fewLines(const QString& text, qsizetype longest = 4000);

/// Sentences behind one another: there is no space behind a Chinese full stop. Empty ones are left out.
QString oneParagraph(const QStringList& sentences);

/// A tooltip that shows `text` as it is.
QString plainTip(const QString& text);

/// The same, for a sentence that is to break its lines.
QString wrappedTip(const QString& text);

/// The text of a menu's entry, a button or a tab: one line, "&" shown and not a key.
QString menuText(const QString& text);

/// The title of a window.
QString titleText(const QString& text);

/// A message box whose texts are shown as they are. Not shown yet; deletes itself when closed.
QMessageBox* plainBox(QMessageBox::Icon icon, const QString& title, const QString& text,
                      const QString& more = {}, QWidget* parent = nullptr);

} // namespace switchyard
