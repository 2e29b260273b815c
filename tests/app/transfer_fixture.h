// Exporting from a store and importing into one, waited for; and chats that have everything a chat can have.
#pragma once

#include "store_fixture.h"

#include "app/services/transfer/chat_transfer.h"
#include "app/services/transfer/transfer_error.h"
#include "engine/run/controls.h"

#include <QFile>

#include <random>

namespace switchyard {

inline QByteArray contentOf(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

inline void putFile(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        qFatal("%s cannot be written", qPrintable(path));
}

/// Waits for the result of what `begin` starts.
template <typename Result>
Result transferred(ChatTransfer& transfer, void (ChatTransfer::*ended)(const Result&),
                   const std::function<void()>& begin) {
    std::optional<Result> result;
    QEventLoop loop;
    const auto connection = QObject::connect(&transfer, ended, &loop, [&](const Result& given) {
        result = given;
        loop.quit();
    });
    QTimer::singleShot(60000, &loop, &QEventLoop::quit);
    begin();
    if (!result)
        loop.exec();
    QObject::disconnect(connection);
    if (!result)
        qFatal("it did not end");
    return *result;
}

inline ExportResult exportOf(ConversationStore& store, const ExportRequest& request) {
    ChatTransfer transfer(store);
    return transferred<ExportResult>(transfer, &ChatTransfer::exported,
                                     [&] { transfer.exportChats(request); });
}

inline ExportResult exportAll(ConversationStore& store, const QString& file,
                              ExportForm form = ExportForm::Json) {
    return exportOf(store, {file, {}, {form, true}, 0});
}

inline ImportResult importOf(ConversationStore& store, const QStringList& files) {
    ChatTransfer transfer(store);
    return transferred<ImportResult>(transfer, &ChatTransfer::imported, [&] { transfer.importFiles(files); });
}

/// What is read of a file, into no store.
struct ReadChats {
    explicit ReadChats(const QByteArray& file, const JsonLimits& limits = {}) {
        MemoryBytes bytes(file);
        ImportHooks hooks;
        hooks.progress = [](double) {};
        hooks.store = [this](const std::shared_ptr<const ChatBatch>& batch) {
            QList<ConversationId> ids;
            for (const WholeChat& chat : batch->chats) {
                chats.push_back(chat);
                ids << chat.summary.id;
            }
            return ids;
        };
        try {
            importChats(bytes, file.size(), hooks, limits, result);
        } catch (const TransferError& refused) {
            error = refused.sentence();
        }
    }
    std::vector<WholeChat> chats;
    ImportResult result;
    QString error;
};

/// Texts that files have trouble with.
inline const QStringList& awkwardTexts() {
    static const QStringList texts{
        QStringLiteral("plain words"),
        QStringLiteral("\u7B80\u4F53\u4E2D\u6587\uFF0C\u4E24\u884C\n\u7B2C\u4E8C\u884C"),
        QStringLiteral("\u05E9\u05DC\u05D5\u05DD \u0645\u0631\u062D\u0628\u0627 and back"),
        QStringLiteral("\U0001F469\u200D\U0001F4BB and \U0001F1E8\U0001F1ED"),
        QStringLiteral("tab\t, bell\a, escape\x1B, line\r\nend, \u2028 and \uFEFF"),
        QStringLiteral("```cpp\nint main() {}\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"),
        QStringLiteral("</script><script>alert(1)</script> <img src=x onerror=alert(2)> & \" '"),
        QStringLiteral(
            "[link](javascript:alert(3)) ![picture](http://evil.example/p.png) <https://ok.example/>"),
        QStringLiteral("C:\\path\\u0041 \"quoted\" {\"json\": [1, 2]}"),
        QString(3000, QChar(0x4E2D)),
    };
    return texts;
}

inline RunRecord awkwardRecord(std::mt19937& random, int tokens) {
    const auto real = [&] { return std::uniform_real_distribution<>(0, 1)(random); };
    RunRecord record;
    record.settings.sequence.temperature = 0.1 + real();
    record.settings.sequence.seed = 9007199254740991u;
    record.computed_by.backend = "cpu";
    record.computed_by.draw = kDrawVersion;
    record.computed_by.prompt_hash = 0xfedcba9876543210u;
    record.computed_by.file_precision = "Q4_K";
    record.moves = {{3, "temperature", 0.25}, {5, "quant", std::string("Q4_K")}};
    record.context = {{17, 6, BlockType::Q8_0, {{BlockType::Q4_K, 12}}, true, true, false, 8},
                      {5, 6, BlockType::F16, {}, false, false, false, 16}};
    record.reading.marks = {{"<think>", "</think>", {}, {}}};
    record.timings = {0, 0, 22, 5, 101.5 + real(), 55.25, tokens, 1000.125 * real(), {}, 1};
    record.finish = FinishReason::MaxTokens;
    for (int i = 0; i < tokens; ++i) {
        TokenRecord token;
        token.id = static_cast<int>(random() % 150000);
        token.text = i % 7 == 0 ? "\u4E2D\u6587 " : "word ";
        token.latency_ms = 20 * real();
        token.probability = real();
        token.temperature = i < 3 ? 0.7 : 0.25;
        token.experts_active = i < 10 ? 6 : 2;
        token.kv = BlockType::Q8_0;
        token.quant = i < 5 ? "file" : "Q4_K";
        token.recoded_slices = i < 5 ? 0 : static_cast<unsigned>(std::min(i, 12));
        token.recode_total = i < 5 ? 0 : 12;
        token.weights_version = i < 5 ? 1 : 2;
        token.weights_bytes = 1ull << 33;
        token.kv_bytes = static_cast<std::uint64_t>(4096 * (i / 256 + 1));
        token.scratch_bytes = 777;
        token.drafted = i % 11 == 4;
        if (i == 0 || i == 5)
            token.weights = i == 0 ? WeightsState() : WeightsState{{BlockType::Q4_K, 5}};
        if (i == tokens - 1) {
            token.control = "<|im_end|>";
            token.text.clear();
        }
        record.tokens.push_back(token);
    }
    return record;
}

/// A chat with branches, every kind of part and state, and records.
inline WholeChat awkwardChat(std::mt19937& random, int messages, int tokens) {
    const auto upTo = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    const auto text = [&] { return awkwardTexts()[upTo(static_cast<int>(awkwardTexts().size()))]; };
    WholeChat chat;
    chat.summary.id = ConversationStore::newId();
    chat.summary.title = text().left(200);
    chat.summary.created = QDateTime::fromMSecsSinceEpoch(1'700'000'000'123 + upTo(1 << 30));
    chat.summary.changed = chat.summary.created.addMSecs(12345 + upTo(1 << 30));
    chat.summary.pinned = upTo(3) == 0;
    chat.system_prompt = upTo(2) == 0 ? text() : QString();
    chat.summary.title_by = static_cast<TitleBy>(upTo(3));
    if (upTo(2) == 0)
        chat.model = {text(), text()};
    chat.tuning.sequence.temperature = 0.35;
    chat.tuning.sequence.experts = 3;
    chat.tuning.model.weights = BlockType::Q4_K;
    for (int i = 0; i < messages; ++i) {
        Message message;
        message.id = ConversationStore::newId();
        message.conversation = chat.summary.id;
        const int above = chat.messages.isEmpty() || upTo(9) == 0
                              ? -1
                              : std::max(0, static_cast<int>(chat.messages.size()) - 1 - upTo(3));
        if (above >= 0) {
            message.parent = chat.messages[above].id;
            message.author = chat.messages[above].author == Author::User ? Author::Assistant : Author::User;
        }
        message.created = chat.summary.created.addMSecs(1000 * i + 7);
        if (message.author == Author::User) {
            message.parts = {{PartKind::File, text(), QStringLiteral("notes & more.txt"), 0},
                             {PartKind::Text, text(), {}, 0}};
        } else {
            const MessageState states[] = {MessageState::Complete, MessageState::Stopped,
                                           MessageState::Interrupted, MessageState::Failed};
            message.state = states[upTo(4)];
            message.error = message.state == MessageState::Failed ? text() : QString();
            message.model = QStringLiteral("Model \u4E2D.gguf");
            message.model_fingerprint = QStringLiteral("0123abcd");
            message.parts = {{PartKind::Thinking, text(), {}, 1234},
                             {PartKind::ToolCall, QStringLiteral("{\"a\": 1}"), QStringLiteral("search"), 0},
                             {PartKind::ToolResult, text(), QStringLiteral("search"), 0},
                             {PartKind::Text, text(), {}, 0}};
            const RunRecord record = awkwardRecord(random, tokens);
            static_cast<RunSummary&>(message.run) = record;
            message.digest.take(record.tokens);
            TokenLog log(record.tokens);
            chat.tokens.insert(message.id, log.chunks(0, log.size()));
            message.has_run = true;
        }
        if (upTo(2) == 0)
            chat.shown.insert(message.parent, message.id);
        chat.messages.append(message);
    }
    chat.unsent = {text(), {{PartKind::File, text(), QStringLiteral("draft.txt"), 0}}, {}};
    chat.unsent.edits.insert(chat.messages.first().id, QStringLiteral("edited"));
    return chat;
}

inline QList<ConversationId> added(ConversationStore& store, ChatBatch batch) {
    const auto whole = std::make_shared<const ChatBatch>(std::move(batch));
    return wait<QList<ConversationId>>(
        [&](auto* context, auto answer) { store.addChats(whole, context, answer); });
}

} // namespace switchyard
