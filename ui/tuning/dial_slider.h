// The slider of a dial: continuous, or stepped with one stop a choice. The wheel turns it only while it has
// the focus; a double-click asks for the preset's value.
#pragma once

#include <QSlider>
#include <QVector>

namespace switchyard {

class DialSlider : public QSlider {
    Q_OBJECT
  public:
    explicit DialSlider(QWidget* parent = nullptr);

    /// Stepped: one stop each; true marks a stop that brings no gain. Empty: continuous.
    void setStops(const QVector<bool>& no_gain);
    bool isStepped() const { return !stops_.isEmpty(); }
    bool isNoGain(int stop) const { return stop >= 0 && stop < stops_.size() && stops_[stop]; }
    /// Where the preset's value lies; -1 hides the mark.
    void setPresetPosition(int position);
    int presetPosition() const { return preset_; }
    /// The stop or value under the pointer, -1 where it is not over the slider.
    int hovered() const { return hovered_; }

    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

  Q_SIGNALS:
    void resetRequested();
    /// While the pointer is over a stop, or drags to one; -1 when it left.
    void stopHovered(int stop);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    qreal xOf(int position) const;
    int positionAt(qreal x) const;
    void setHovered(int stop);

    QVector<bool> stops_;
    int preset_ = -1;
    int hovered_ = -1;
};

} // namespace switchyard
