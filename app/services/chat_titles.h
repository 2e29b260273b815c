// Titles that the model makes itself of chats that were answered, while nothing else runs. What it makes is
// asked of it once a chat, never instead of what a user wrote, and dropped where the gist is better.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/model_title.h"
#include "app/services/run_recorder.h"

#include <QTimer>

#include <deque>
#include <memory>

namespace switchyard {

class Settings;

class ChatTitles : public QObject {
    Q_OBJECT
  public:
    static constexpr int kQuietMs = 1500; ///< that nothing runs before a title is asked for

    /// All must outlive it. Nothing is asked while Setting::ModelTitles is off.
    ChatTitles(ChatController& controller, CurrentModel& model, RunService& runs, const Settings& settings,
               int quiet_ms = kQuietMs, QObject* parent = nullptr);
    /// Ends a run that is under way.
    ~ChatTitles() override;

  private:
    struct Wish {
        ConversationId chat = 0;
        TitleMaterial material;
        int attempts = 0;
    };
    void takeAnswer(const OpenChat& chat);
    void follow();
    bool mayAsk() const;
    bool isWanted(const Wish& wish) const;
    void ask();
    void giveWay();
    void take(RunId run, const std::vector<RunEvent>& events);
    void finish();

    ChatController& controller_;
    CurrentModel& model_;
    RunService& runs_;
    const Settings& settings_;
    QTimer quiet_;
    std::deque<Wish> wishes_;          ///< the first one is asked for, or next
    std::unique_ptr<RunRecorder> run_; ///< that is under way
    Message written_;                  ///< what it makes
    bool complete_ = false;            ///< it was ended, as that was enough
};

} // namespace switchyard
