// The Chat page as a whole: the list of chats, the thread under the model in use, Insight and Tune, and what
// joins them with the model and the chat that is shown.
#pragma once

#include "app/services/dial_effects.h"
#include "ui/chat_model_offer.h"
#include "ui/page.h"
#include "ui/window_services.h"

class QLabel;

namespace switchyard {

class AnswerElsewhere;
class ChatColumns;
class ChatFiles;
class ChatPage;
class FirstModel;
class InsightPanel;
class ModelLoading;
class ModelPicker;
class TuneColumn;
class WindowActions;

class ChatsPage : public Page {
    Q_OBJECT
  public:
    ChatsPage(const WindowServices& services, WindowActions& actions, ModelLoading& loading,
              QWidget* parent = nullptr);
    ~ChatsPage() override;

    PageSign sign() const override;
    QWidget* statusPart() override;
    QWidget* firstFocus() override;
    void setShown(bool shown) override;

    /// Under the models that can be chosen: what leads to others.
    void setOtherModels(const QList<QAction*>& actions);
    /// Sends the prompt in a new chat; without a model it waits in the composer.
    void ask(const QString& prompt);
    /// Puts the prompt into the composer of a new chat.
    void propose(const QString& prompt);
    void openChat(ConversationId id); ///< and is shown
    void keepUnsent();                ///< stores what is written and not sent
    void rememberLayout();            ///< the widths of the columns

  Q_SIGNALS:
    /// To be read over all pages.
    void problem(const QString& sentence);

  protected:
    bool event(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    void connectModel();
    void connectTuning();
    void connectChat();
    void connectInsight();
    void connectDevice();
    void showDevice();
    void carve();
    void showJob(JobId id);
    void showModel();
    void showModelOffer();
    void showHint();
    void showRun();
    void showThread();
    void showContext();
    void showTuning();
    void addEffects(const std::vector<RunEvent>& events);
    void showEffects();

    WindowServices services_;
    WindowActions& actions_;
    ModelLoading& loading_;
    ModelPicker* picker_;
    ChatPage* chat_;
    AnswerElsewhere* elsewhere_;
    FirstModel* first_;            ///< shown where there is no model
    ConversationId chat_seen_ = 0; ///< the one that is shown
    PlaceOfModel place_;           ///< of the model that the chat was answered by
    QString offered_;              ///< the model that the chat's line offers
    ChatFiles* files_;
    InsightPanel* insight_;
    bool answer_shown_ = true; ///< the one that grows is of the branch that is shown
    TuneColumn* tune_;
    DialEffects effects_;
    MessageId effects_of_ = 0; ///< the answer that they were measured of
    ChatColumns* columns_;
    QWidget* status_; ///< what the page has in the status line
    QLabel* context_;
    JobId carving_ = 0; ///< what the Tune column shows
};

} // namespace switchyard
