// The shape calculator: a known model's sizes, or other ones typed over them, and what comes of them.
#pragma once

#include "app/services/anatomy_reader.h"
#include "app/services/cards.h"

#include <QTimer>
#include <QWidget>

class QCheckBox;
class QComboBox;
class QFormLayout;
class QSpinBox;

namespace switchyard {

class AnatomyView;

class ShapeCalculator : public QWidget {
    Q_OBJECT
  public:
    explicit ShapeCalculator(QWidget* parent = nullptr);
    /// The shape as its fields say.
    Shape shape() const;
    void setCards(const Cards& cards); ///< that it may fit

  protected:
    void showEvent(QShowEvent* event) override;

  private:
    void chooseKnown(int index);
    void fieldChanged();
    void limitActive();
    void recompute();
    QSpinBox* addField(QFormLayout* form, const QString& name, const QString& title, int ModelConfig::*size,
                       int least, int most);

    struct Field {
        QSpinBox* box;
        int ModelConfig::*size;
    };
    AnatomyReader reader_;
    Shape base_; ///< the known shape whose other traits stay
    std::vector<Field> fields_;
    QComboBox* known_;
    QSpinBox *experts_, *active_;
    QCheckBox* tied_;
    AnatomyView* view_;
    QTimer pause_; ///< a number typed digit by digit is computed once
    bool filling_ = false, computed_ = false;
    int wanted_active_ = 0; ///< as it was typed or chosen, while there are fewer experts
    bool limiting_ = false; ///< the field follows the number of experts
};

} // namespace switchyard
