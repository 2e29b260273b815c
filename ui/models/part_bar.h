// A model's parameters as one bar: a stretch a part, in proportion.
#pragma once

#include "engine/model/anatomy.h"

#include <QWidget>

namespace switchyard {

class PartBar : public QWidget {
    Q_OBJECT
  public:
    explicit PartBar(QWidget* parent = nullptr);
    void setAnatomy(const Anatomy& anatomy);
    QSize sizeHint() const override { return {240, kHeight}; }
    QSize minimumSizeHint() const override { return {80, kHeight}; }

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override; ///< says which part is under the pointer

  private:
    static constexpr int kHeight = 20; ///< pixels
    struct Stretch {
        WeightRole role;
        QRectF area;
    };
    std::vector<Stretch> stretches() const;

    Anatomy anatomy_;
};

/// The key to a bar: a small square in a part's colour.
class PartSwatch : public QWidget {
    Q_OBJECT
  public:
    explicit PartSwatch(WeightRole role, QWidget* parent = nullptr);

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    WeightRole role_;
};

} // namespace switchyard
