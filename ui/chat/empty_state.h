// What an empty chat shows: a greeting, three prompts to try, and at a first start three words about the
// window.
#pragma once

#include <QLabel>
#include <QPushButton>
#include <QWidget>

class QVBoxLayout;

namespace switchyard {

class EmptyState : public QWidget {
    Q_OBJECT
  public:
    explicit EmptyState(QWidget* parent = nullptr);
    /// A line about the model: that it is small, that it is loading.
    void setHint(const QString& hint);
    /// Whether the window explains itself: nobody has chatted here yet.
    void setFirstStart(bool first);
    /// What stands under the greeting while it is not hidden: the way to a first model.
    void setOffer(QWidget* offer);
    /// After the offer came, went or has another height.
    void fit();
    /// Where there is little room, there are fewer prompts.
    QSize minimumSizeHint() const override { return {0, 0}; }

  Q_SIGNALS:
    void promptChosen(const QString& prompt);

  protected:
    void changeEvent(QEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void restyle();
    QLabel *heading_, *hint_;
    QVBoxLayout* column_;
    QWidget* offer_ = nullptr;
    QList<QPushButton*> prompts_;
    QList<QLabel*> tips_;
    bool first_start_ = false;
};

} // namespace switchyard
