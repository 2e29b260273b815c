// Edits a message where it stands.
#pragma once

#include "ui/chat/paged_edit.h"

#include <QLabel>
#include <QPushButton>
#include <QWidget>

namespace switchyard {

class MessageEditor : public QWidget {
    Q_OBJECT
  public:
    /// Without a text yet: set in a field that has its width, it is laid out once. A question's edit asks
    /// again as a branch; an answer's is a branch that may go on from there.
    MessageEditor(bool question, const QFont& font, QWidget* parent);
    int wantedHeight() const;
    PagedEdit* edit() const { return edit_; }

  Q_SIGNALS:
    void accepted(const QString& text, bool go_on);
    void cancelled(); ///< the button: the change is not wanted
    void left();      ///< Esc: it may be gone on with later
    void heightChanged();

  protected:
    bool eventFilter(QObject* object, QEvent* event) override;

  private:
    void accept(bool go_on);

    void showPages();

    PagedEdit* edit_;
    QWidget* pages_; ///< shown where the text has more than one page
    QLabel* place_;
    QPushButton *earlier_, *later_, *save_;
};

} // namespace switchyard
