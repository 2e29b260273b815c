// Offers to carve a dense model into experts, shows how far it is, and opens the result.
#pragma once

#include <QWidget>

class QLabel;
class QProgressBar;
class QPushButton;

namespace switchyard {

class CarvePanel : public QWidget {
    Q_OBJECT
  public:
    explicit CarvePanel(QWidget* parent = nullptr);

    /// `possible` is false where this model cannot be carved; `why` says so.
    void setPossible(bool possible, const QString& why = {});
    void setProgress(double share, const QString& stage);
    /// Carving ended; `error` is empty where `path` can be opened.
    void setFinished(const QString& path, const QString& error);
    bool isRunning() const { return running_; }

  Q_SIGNALS:
    void carveRequested();
    void cancelRequested();
    void openRequested(const QString& path);

  private:
    void setRunning(bool running);

    bool running_ = false;
    bool cancelled_ = false; ///< by the user
    QString result_;
    QLabel* text_;
    QPushButton *carve_, *cancel_, *open_;
    QProgressBar* bar_;
};

} // namespace switchyard
