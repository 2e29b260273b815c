// A flat icon button that can fade in: the buttons under messages appear when they are wanted.
#pragma once

#include <QToolButton>

namespace switchyard {

class CalmButton : public QToolButton {
    Q_OBJECT
  public:
    /// `icon`: name of a themed icon; `name` is both tooltip and accessible name.
    CalmButton(const QString& icon, const QString& name, QWidget* parent = nullptr);
    void setIconName(const QString& icon);
    void setName(const QString& name);
    /// 0: not drawn, unless it has the focus; 1: drawn.
    void setReveal(qreal reveal);
    enum class Look { Flat, Raised /* floats over the text */, Accent /* the one that matters most */ };
    void setLook(Look look);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    qreal reveal_ = 1;
    Look look_ = Look::Flat;
};

} // namespace switchyard
