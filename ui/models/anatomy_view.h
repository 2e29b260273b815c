// What one model is made of and what it will take: a chosen file's, or a shape's.
#pragma once

#include "app/services/anatomy_reader.h"
#include "app/services/cards.h"

#include <QWidget>

class QComboBox;
class QGridLayout;
class QLabel;
class QSpinBox;

namespace switchyard {

class PartBar;

class AnatomyView : public QWidget {
    Q_OBJECT
  public:
    /// `name` begins the names of its controls, so that two views stay apart.
    explicit AnatomyView(const QString& name, QWidget* parent = nullptr);

    void setReport(const AnatomyReport& report);
    /// Nothing is chosen, or it is being read: a sentence instead.
    void setSentence(const QString& sentence);
    /// The weights of the model in use as they were measured, and where its file is; 0: none is loaded.
    /// `card`: that has them; "": they are in RAM.
    void setMeasured(const QString& path, quint64 weights_bytes, const QString& card);
    /// What is forecast is held against their memory, too.
    void setCards(const Cards& cards);
    const AnatomyReport& report() const { return report_; }

  private:
    void build(const QString& name);
    QWidget* buildMemory(const QString& name);
    void showParts();
    void showFacts();
    void showPrecisions();
    void showChoices();
    void showMemory();
    void showMeasured();

    AnatomyReport report_;
    QString cardVerdict(const Card& card, const ReportedMemory& memory) const;

    QString measured_path_, measured_card_;
    std::vector<Card> cards_; ///< that can be used
    quint64 measured_weights_ = 0;
    QLabel *sentence_, *title_, *kind_, *parameters_;
    QWidget* content_;
    PartBar* bar_;
    QGridLayout* parts_;
    QLabel *facts_, *use_, *precisions_;
    QSpinBox* context_;
    QComboBox *precision_, *cache_;
    QLabel *verdict_, *measured_;
};

} // namespace switchyard
