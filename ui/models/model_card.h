// What can be done with the chosen model of the list: its licence and hash, how it is loaded, and its way to
// the trash, which is asked for where it stands.
#pragma once

#include "app/services/background.h"
#include "app/services/model_files.h"
#include "app/services/model_setup.h"

#include <QWidget>

#include <functional>
#include <optional>

class QCheckBox;
class QLabel;
class QLineEdit;
class QPushButton;
class QSpinBox;
class QToolButton;

namespace switchyard {

class ModelCard : public QWidget {
    Q_OBJECT
  public:
    /// Must outlive it.
    explicit ModelCard(Settings& settings, QWidget* parent = nullptr);
    /// nullptr: none is chosen. `in_use`: it is loaded, and stays where it is.
    void setModel(const ModelEntry* model, bool in_use);
    /// Says whether the file at a path is needed now, loaded or not yet.
    void setNeeded(std::function<bool(const QString& path)> needed) { needed_ = std::move(needed); }
    /// Asks whether the model may go to the trash.
    void askDelete();
    /// Why it cannot be deleted here, as a sentence; "": it can.
    QString deleteRefusal() const;

  Q_SIGNALS:
    void opened(bool open); ///< it needs more room, or no more
    void deleted();         ///< the library is to be looked through again

  private:
    QWidget* buildSetup();
    QWidget* buildQuestion();
    QSpinBox* addBox(const QString& name, const QString& title, const QString& none, int step, int most);
    void showFacts();
    void showParts(bool setup, bool question);
    void showSetup();
    void keep();
    void computeHash();
    void forgetHash();
    void remove();

    Settings& settings_;
    std::optional<ModelEntry> model_;
    std::function<bool(const QString& path)> needed_;
    bool in_use_ = false, showing_ = false;
    QLabel *facts_, *question_text_, *error_, *setup_note_;
    QToolButton *hash_, *setup_button_;
    QWidget *question_, *setup_;
    QSpinBox *context_, *threads_, *idle_;
    QCheckBox* lock_;
    QLineEdit* sum_field_;
    QString sum_; ///< of the model, where it was computed
    int hash_serial_ = 0;
    bool hashing_ = false;
    Background background_; ///< last: its jobs use everything above
};

} // namespace switchyard
