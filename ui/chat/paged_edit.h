// A text field for text of any length: it holds a page of it, which can be edited, and keeps what comes
// before and after as it is.
#pragma once

#include <QPlainTextEdit>

#include <vector>

namespace switchyard {

class PagedEdit : public QPlainTextEdit {
    Q_OBJECT
  public:
    explicit PagedEdit(QWidget* parent);

    /// Shows the text's end where it fits into one page, else its first page.
    void setWholeText(const QString& text);
    QString wholeText() const { return before_ + page() + after_; }
    bool paged() const { return !before_.isEmpty() || !after_.isEmpty(); }
    /// UTF-16 units before the page, on it, and after it.
    qsizetype before() const { return before_.size(); }
    qsizetype after() const { return after_.size(); }
    void showPage(int step); ///< +1: the next, -1: the one before

  Q_SIGNALS:
    void pageChanged();

  protected:
    void keyPressEvent(QKeyEvent* event) override;
    void inputMethodEvent(QInputMethodEvent* event) override;
    void insertFromMimeData(const QMimeData* source) override;

  private:
    struct Pages {
        QString before, page, after;
        int cursor = 0; ///< in the page
    };
    QString page() const;
    bool takeLong(const QString& text);
    void display(const Pages& pages);

    QString before_, after_;
    QString untouched_; ///< the page's text, in force as long as the document is of `revision_`
    int revision_ = -1;
    bool displaying_ = false;
    std::vector<Pages> earlier_; ///< what long pastes changed, last at the end: for undo
};

} // namespace switchyard
