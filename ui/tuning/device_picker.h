// On which device the model is opened: the CPU, a card, or the program's own choice with its reason.
#pragma once

#include "app/services/cards.h"

#include <QWidget>

class QCheckBox;
class QComboBox;
class QLabel;
class QMenu;

namespace switchyard {

class DevicePicker : public QWidget {
    Q_OBJECT
  public:
    explicit DevicePicker(QWidget* parent = nullptr);

    void setCards(const Cards& cards);
    /// `own`: for this model alone; `all`: that of the others. Emits nothing.
    void setChoice(const DeviceChoice& choice, bool own, const DeviceChoice& all);
    /// Under it: why this device, or why not the one that was chosen.
    void setSentence(const QString& sentence);
    /// False: there is no model that could have its own choice.
    void setHasModel(bool has);
    /// The same list, for the menu beside the model's name. Of the picker.
    QMenu* menu() const { return menu_; }

  Q_SIGNALS:
    void chosen(const switchyard::DeviceChoice& choice, bool own);
    void lookedAt(); ///< the cards there are may be others now

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    void fill();
    void add(const QString& text, const DeviceChoice& choice, const QString& why_not = {});
    void showChoice();
    void addWayBack();
    DeviceChoice shownChoice() const;
    bool takesBack() const;
    void tell();
    void showSentence();
    void keepListInside();
    void fillMenu();
    void addToMenu(int row);

    Cards cards_;
    DeviceChoice choice_, all_;
    QString sentence_;
    bool showing_ = false;
    QComboBox* list_;
    QLabel* why_;
    QCheckBox* own_;
    QMenu* menu_;
};

} // namespace switchyard
