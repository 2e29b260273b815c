// A page of the window. The rail, the menus and the status line are made of what the pages say of themselves;
// the window knows no page by its number.
#pragma once

#include <QKeySequence>
#include <QString>
#include <QWidget>

namespace switchyard {

/// How a page is called and reached.
struct PageSign {
    QString name;  ///< of objects: "rail.NAME", "action.page_NAME"
    QString icon;  ///< a themed one
    QString title; ///< under the icon
    QString text;  ///< in the View menu
    QString tip;
    QKeySequence key;
    bool about_program = false; ///< at the end of the rail, and in the File menu, too
};

class Page : public QWidget {
    Q_OBJECT
  public:
    using QWidget::QWidget;

    virtual PageSign sign() const = 0;
    /// What the page has to say in the status line while it is shown; nullptr: nothing. The line owns it.
    virtual QWidget* statusPart() { return nullptr; }
    /// Where the keyboard begins when the page is shown for the first time.
    virtual QWidget* firstFocus() = 0;
    /// It came to be, or ceased to be, the page that is shown: for actions that can act there only.
    virtual void setShown(bool shown) { Q_UNUSED(shown) }

  Q_SIGNALS:
    void wanted(); ///< an action needs the page to be seen
};

} // namespace switchyard
