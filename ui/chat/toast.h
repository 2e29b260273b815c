// A line that says what happened and offers to take it back: over the window, or in a row of its own. Never
// in the way.
#pragma once

#include "ui/chat/calm_button.h"

#include <QFrame>
#include <QLabel>
#include <QPushButton>
#include <QTimer>

namespace switchyard {

class Toast : public QFrame {
    Q_OBJECT
  public:
    enum class Place {
        Row, ///< where a layout puts it
        Foot,
        Top ///< under what stands at the top of a page
    };
    /// Stays at that place of `parent`, also when it is resized.
    explicit Toast(QWidget* parent, const QString& name = QStringLiteral("toast"), Place place = Place::Foot);

    /// Shows the sentence with an action ("Undo"; empty: none) for a while; a new one takes its place. The
    /// time stands still under the pointer and with the focus.
    void show(const QString& sentence, const QString& action, int milliseconds = 8000);
    /// Says it otherwise, while it is shown.
    void setSentence(const QString& sentence);
    void withdraw() { finish(); }                        ///< as if its time had passed
    bool offers() const { return action_->isVisible(); } ///< an action can be clicked
    QString sentence() const { return text_->text(); }

  Q_SIGNALS:
    void actionTriggered();
    void expired(); ///< the chance to undo has passed

  protected:
    bool eventFilter(QObject* object, QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;

  private:
    void place();
    void finish();

    Place place_;
    QLabel* text_;
    QPushButton* action_;
    CalmButton* close_;
    QTimer timer_;
};

} // namespace switchyard
