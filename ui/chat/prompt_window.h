// A window with the prompt that a model got for an answer: read only, special tokens marked, to be copied.
#pragma once

#include "app/services/run_service.h"

#include <QDialog>
#include <QLabel>

class QPushButton;

namespace switchyard {

class PagedEdit;

class PromptWindow : public QDialog {
    Q_OBJECT
  public:
    /// Deletes itself when closed.
    explicit PromptWindow(QWidget* parent);

    /// `sent`: the hash of the prompt that the answer's record has; 0: it has none.
    void show(const ShownPrompt& prompt, quint64 sent, const QString& model);
    using QDialog::show;

  private:
    void markSpecial();

    ShownPrompt prompt_;
    QLabel *said_, *place_;
    PagedEdit* text_;
    QPushButton *earlier_, *later_, *copy_;
    QWidget* pages_;
};

} // namespace switchyard
