// What is being worked on and fetched beside the chats: a button in the status line that says what runs, or
// what failed and was not seen yet, and the list behind it, with progress, cancel and errors.
#pragma once

#include "app/services/hub/downloads.h"
#include "app/services/job_queue.h"

#include <QFrame>
#include <QPointer>
#include <QToolButton>

#include <map>

class QLabel;
class QProgressBar;
class QVBoxLayout;

namespace switchyard {

/// "Carving NAME", in the language of the window.
QString jobTitle(const JobTask& task);
/// What a job is at, or how it ended; its error whole.
QString jobStateText(const Job& job);

/// Opens beside its button and closes by Esc or a click elsewhere.
class JobsPanel : public QFrame {
    Q_OBJECT
  public:
    JobsPanel(JobQueue& jobs, Downloads& downloads, QWidget* parent = nullptr);
    void showAt(const QWidget& button);

  protected:
    bool event(QEvent* event) override;         ///< as high as its rows, whatever they say by now
    void hideEvent(QHideEvent* event) override; ///< what was shown counts as read

  private:
    struct Row {
        QWidget* widget = nullptr;
        QLabel *title = nullptr, *state = nullptr;
        QProgressBar* bar = nullptr;
        QToolButton* cancel = nullptr;
    };
    void show(JobId id);
    Row makeRow(const Job& job);
    void place(const QWidget& button);

    JobQueue& jobs_;
    Downloads& downloads_;
    QPointer<const QWidget> button_; ///< that it was opened by
    QVBoxLayout* rows_layout_;
    std::map<JobId, Row> rows_;
};

/// Hidden while there is nothing to say.
class JobsButton : public QToolButton {
    Q_OBJECT
  public:
    /// Both must outlive it.
    JobsButton(JobQueue& jobs, Downloads& downloads, QWidget* parent = nullptr);

  private:
    void showState();
    QString downloadsText() const;

    JobQueue& jobs_;
    Downloads& downloads_;
    JobsPanel* panel_;
};

} // namespace switchyard
