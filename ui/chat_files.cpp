#include "ui/chat_files.h"

#include "app/services/chat_controller.h"
#include "app/services/transfer/plain_file_name.h"
#include "ui/chat/chat_page.h"
#include "ui/plain_text.h"
#include "ui/window_actions.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QStandardPaths>

#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kShort = 8000, kLong = 15000; ///< ms that something said stands

struct FormRow {
    const char* filter;
    const char* suffix;
    ExportOptions options;
};

constexpr FormRow kForms[] = {
    {QT_TRANSLATE_NOOP("switchyard::ChatFiles", "Markdown (*.md)"), "md", {ExportForm::Markdown, false}},
    {QT_TRANSLATE_NOOP("switchyard::ChatFiles", "Markdown with all branches (*.md)"),
     "md",
     {ExportForm::Markdown, true}},
    {QT_TRANSLATE_NOOP("switchyard::ChatFiles", "Web page (*.html)"), "html", {ExportForm::Html, false}},
    {QT_TRANSLATE_NOOP("switchyard::ChatFiles", "Web page with all branches (*.html)"),
     "html",
     {ExportForm::Html, true}},
    {QT_TRANSLATE_NOOP("switchyard::ChatFiles", "Everything, to be imported again (*.json)"),
     "json",
     {ExportForm::Json, true}},
};

/// By the file's suffix, and where that does not say, or fits, by the filter.
const FormRow& formOf(const QString& file, const QString& filter) {
    const QString suffix = QFileInfo(file).suffix().toLower();
    const FormRow* chosen = &kForms[0];
    for (const FormRow& form : kForms) {
        if (ChatFiles::tr(form.filter) == filter)
            chosen = &form;
    }
    if (suffix == QLatin1String(chosen->suffix))
        return *chosen;
    for (const FormRow& form : kForms) {
        if (suffix == QLatin1String(form.suffix))
            return form;
    }
    return *chosen;
}

} // namespace

ChatFiles::ChatFiles(ChatTransfer& transfer, ChatController& controller, ChatPage& page,
                     WindowActions& actions, QWidget* parent)
    : QObject(parent), transfer_(transfer), controller_(controller), page_(page), actions_(actions),
      folder_(QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation)) {
    const auto on = [this](Act act, auto slot) { connect(&actions_[act], &QAction::triggered, this, slot); };
    on(Act::ExportChat, [this] {
        const ConversationSummary* chat = controller_.list().find(chosen());
        if (chat)
            askForFile({chat->id}, plainFileName(chat->title, tr("chat")));
    });
    on(Act::ExportChats, [this] { askForFile({}, tr("chats")); });
    on(Act::ImportChats, &ChatFiles::askWhatToImport);
    connect(page_.list(), &ChatList::filesDropped, this, &ChatFiles::importFiles);
    connect(&transfer_, &ChatTransfer::progress, this, &ChatFiles::showProgress);
    connect(&transfer_, &ChatTransfer::exported, this, &ChatFiles::showExported);
    connect(&transfer_, &ChatTransfer::imported, this, &ChatFiles::showImported);
    connect(&controller_.list(), &ChatListService::changed, this, &ChatFiles::showActions);
    connect(&controller_, &ChatController::threadChanged, this, &ChatFiles::showActions);
    connect(page_.list()->view()->selectionModel(), &QItemSelectionModel::currentChanged, this,
            &ChatFiles::showActions);
    showActions();
}

QWidget* ChatFiles::window() const { return static_cast<QWidget*>(parent())->window(); }

/// As for the list's other actions the chat that the keyboard is on, else the one that is shown.
ConversationId ChatFiles::chosen() const {
    const ConversationId in_list = page_.list()->isVisible() ? page_.list()->chosen() : 0;
    const ConversationId id = in_list != 0 ? in_list : controller_.current();
    return controller_.list().find(id) ? id : 0; // a temporary one is not listed
}

void ChatFiles::showActions() {
    actions_[Act::ExportChat].setEnabled(chosen() != 0);
    actions_[Act::ExportChats].setEnabled(!controller_.list().chats().isEmpty());
}

// ---- Export ----

void ChatFiles::askForFile(const QList<ConversationId>& chats, const QString& name) {
    auto* dialog =
        new QFileDialog(window(), chats.isEmpty() ? tr("Export all chats") : tr("Export the chat"));
    dialog->setObjectName(u"dialog.exportChats"_s);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setAcceptMode(QFileDialog::AcceptSave);
    dialog->setDirectory(folder_);
    QStringList filters;
    for (const FormRow& form : kForms)
        filters << tr(form.filter);
    dialog->setNameFilters(filters);
    // A desktop's own dialog leaves the name as it is when another form is chosen.
    const auto take_filter = [dialog](const QString& base, const QString& filter) {
        const QString suffix = QLatin1String(formOf({}, filter).suffix);
        dialog->setDefaultSuffix(suffix);
        dialog->selectFile(base + u'.' + suffix);
    };
    connect(dialog, &QFileDialog::filterSelected, dialog, [dialog, take_filter](const QString& filter) {
        take_filter(QFileInfo(dialog->selectedFiles().value(0)).completeBaseName(), filter);
    });
    const QString first = chats.isEmpty() ? filters.last() : filters.first(); // all: to keep them
    dialog->selectNameFilter(first);
    take_filter(name, first);
    connect(dialog, &QFileDialog::fileSelected, this, [this, dialog, chats](const QString& file) {
        exportTo(file, dialog->selectedNameFilter(), chats);
    });
    dialog->open();
}

void ChatFiles::exportTo(const QString& file, const QString& filter, const QList<ConversationId>& chats) {
    folder_ = QFileInfo(file).path();
    page_.keepUnsent();
    controller_.saveRuns(); // what is being written is part of it
    ExportRequest request;
    request.file = file;
    request.chats = chats;
    request.options = formOf(file, filter).options;
    request.expected = static_cast<int>(chats.isEmpty() ? controller_.list().chats().size() : chats.size());
    since_.start();
    transfer_.exportChats(request);
}

void ChatFiles::showExported(const ExportResult& result) {
    endProgress();
    if (!result.error.isEmpty())
        return Q_EMIT problem(result.error);
    Q_EMIT wanted();
    if (result.cancelled)
        page_.announce(tr("The export was cancelled; nothing was written."), kShort);
    else
        page_.announce(tr("%n chat(s) were written to %1.", nullptr, result.chats)
                           .arg(QFileInfo(result.file).fileName()),
                       kShort);
}

// ---- Import ----

void ChatFiles::askWhatToImport() {
    auto* dialog = new QFileDialog(window(), tr("Import chats"), folder_,
                                   tr("Exports of chats (*.json *.zip)") + u";;"_s + tr("All files (*)"));
    dialog->setObjectName(u"dialog.importChats"_s);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFiles);
    connect(dialog, &QFileDialog::filesSelected, this, &ChatFiles::importFiles);
    dialog->open();
}

void ChatFiles::importFiles(const QStringList& files) {
    if (files.isEmpty())
        return;
    folder_ = QFileInfo(files.first()).path();
    since_.start();
    transfer_.importFiles(files);
}

void ChatFiles::showImported(const ImportResult& result) {
    endProgress();
    QStringList said;
    if (result.added > 0)
        said << tr("%n chat(s) were imported.", nullptr, result.added);
    if (result.known > 0)
        said << tr("%n chat(s) were here already.", nullptr, result.known);
    if (result.empty > 0)
        said << tr("%n chat(s) without messages were left out.", nullptr, result.empty);
    if (result.unknown > 0)
        said << tr("%n entry(s) that cannot be read as chats were left out.", nullptr, result.unknown);
    if (result.left_out > 0)
        said << tr("%n record(s) or dial(s) could not be taken over.", nullptr, result.left_out);
    if (result.cancelled)
        said << tr("The import was cancelled.");
    said << result.error;
    const QString sentence = oneParagraph(said);
    if (!result.error.isEmpty())
        return Q_EMIT problem(sentence);
    Q_EMIT wanted();
    page_.announce(sentence, said.size() > 2 ? kLong : kShort);
    if (result.added == 1)
        controller_.openChat(result.last);
}

// ---- Meanwhile ----

/// Nothing is said of what is done at once, and nothing more often than can be read.
void ChatFiles::showProgress(double share, bool exporting) {
    constexpr int kAtOnce = 500, kPause = 700; // ms
    if (!transfer_.busy() || since_.elapsed() < kAtOnce || (said_.isValid() && said_.elapsed() < kPause))
        return;
    said_.start();
    const int percent = static_cast<int>(100 * share);
    progress_ =
        exporting ? tr("Exporting chats: %1 %").arg(percent) : tr("Importing chats: %1 %").arg(percent);
    page_.announce(progress_, kShort, tr("Cancel"), [this] { transfer_.cancel(); });
}

/// What went wrong stands elsewhere: nothing is under way any more.
void ChatFiles::endProgress() {
    if (const QString said = std::exchange(progress_, {}); !said.isEmpty())
        page_.withdraw(said);
}

} // namespace switchyard
