#include "app/services/transfer/own_chats.h"

#include "app/services/chat_title.h"
#include "app/services/conversation_store.h"
#include "app/services/transfer/chat_names.h"
#include "app/services/transfer/foreign_chats.h"
#include "app/services/transfer/foreign_text.h"
#include "app/services/transfer/json_read.h"
#include "app/services/transfer/token_columns.h"
#include "app/services/transfer/transfer_error.h"
#include "engine/base/error.h"

#include <QCoreApplication>

#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

using json::Json;

constexpr qsizetype kMostMessages = 200'000;
constexpr std::size_t kMostParts = 10'000;
constexpr qsizetype kLongestTitle = 10'000, kLongestModelName = 4096;

/// A whole number from 1 on; 0: it is none.
qint64 numberOf(const Json& value) {
    constexpr double kMost = 9e15;
    const double real = value.is_number() ? json::number(value) : 0;
    return real >= 1 && real <= kMost ? static_cast<qint64>(real) : 0;
}

QList<MessagePart> partsOf(const Json& list) {
    QList<MessagePart> parts;
    for (std::size_t i = 0; list.is_array() && i < std::min(list.size(), kMostParts); ++i) {
        const auto kind = named<PartKind>(kKindNames, json::bytes(list[i], "kind"));
        if (!kind && json::text(list[i], "text").isEmpty())
            parts.append(unknownWords(json::text(list[i], "kind")));
        else // a kind of a newer program's is its words
            parts.append({kind.value_or(PartKind::Text), json::text(list[i], "text"),
                          json::text(list[i], "name"), numberOf(json::member(list[i], "milliseconds"))});
    }
    return parts;
}

/// Numbers that a reader could not turn into whole ones.
bool hasWildNumbers(const Json& value) {
    constexpr double kMost = 2e9;
    if (value.is_number_float() && !(std::abs(value.get<double>()) <= kMost))
        return true;
    if (value.is_structured()) {
        for (const Json& inside : value) {
            if (hasWildNumbers(inside)) // as deep as the file may be
                return true;
        }
    }
    return false;
}

/// Throws Error where no run of this program's can be so.
void check(const RunRecord& record) {
    const auto refuse = [](bool wrong, const char* what) {
        if (wrong)
            throw Error(std::string("a record has ") + what);
    };
    constexpr int kMostTokens = 1 << 24, kMostExperts = 65536;
    std::int64_t context = 0;
    for (const ContextSpan& span : record.context) {
        context += span.tokens;
        const bool cache = span.kv == BlockType::F32 || span.kv == BlockType::F16 ||
                           span.kv == BlockType::Q8_0 || span.kv == BlockType::Q4_0;
        refuse(!cache || context > kMostTokens || span.experts_active < 0 ||
                   span.experts_active > kMostExperts,
               "a context that cannot be");
    }
    for (const DialMove& move : record.moves)
        refuse(move.token < 0 || move.token > kMostTokens, "a dial moved nowhere");
    const RunTimings& t = record.timings;
    for (const int count : {t.drafted, t.drafts_right, t.prompt_tokens, t.prompt_tokens_reused,
                            t.generated_tokens, t.continued})
        refuse(count < 0 || count > kMostTokens, "counts that cannot be");
    for (const double ms : {t.prefill_ms, t.time_to_first_token_ms, t.decode_ms})
        refuse(!(ms >= 0), "times that cannot be");
    refuse(record.tokens.size() > static_cast<std::size_t>(kMostTokens), "too many tokens");
}

RunRecord recordFrom(const Json& run) {
    nlohmann::ordered_json summary = nlohmann::ordered_json::object();
    for (const auto& [key, value] : run.items()) {
        if (key == "tokens")
            continue; // checked by themselves
        if (hasWildNumbers(value))
            throw Error("a record has numbers that cannot be");
        summary[key] = nlohmann::ordered_json(value);
    }
    summary["tokens"] = nlohmann::ordered_json::array();
    RunRecord record = run_record_from_json(summary);
    record.tokens = tokensFromColumns(nlohmann::ordered_json(json::member(run, "tokens")));
    check(record);
    return record;
}

} // namespace

OwnChat::OwnChat() { begin(); }

void OwnChat::begin() {
    chat_ = {};
    chat_.summary.id = ConversationStore::newId();
    ids_.clear();
    shown_.clear();
}

void OwnChat::addMessage(const Json& stored) {
    if (chat_.messages.size() >= kMostMessages)
        throw TransferError(QCoreApplication::translate("ChatTransfer", "a chat in it is too large"));
    Message message;
    message.id = ConversationStore::newId();
    message.conversation = chat_.summary.id;
    // One that comes before its parent, or has none, is a beginning: so there are no circles.
    message.parent = ids_.value(numberOf(json::member(stored, "parent")));
    message.author = named<Author>(kAuthorNames, json::bytes(stored, "author")).value_or(Author::User);
    message.state =
        named<MessageState>(kStateNames, json::bytes(stored, "state")).value_or(MessageState::Complete);
    if (message.state == MessageState::Streaming)
        message.state = MessageState::Interrupted;
    message.created = json::time(json::member(stored, "created"));
    message.model = json::text(stored, "model");
    message.model_fingerprint = json::text(stored, "model_fingerprint");
    message.error = json::text(stored, "error");
    message.parts = partsOf(json::member(stored, "parts"));
    if (const Json& run = json::member(stored, "run"); run.is_object())
        addRun(message, run);
    if (const qint64 number = numberOf(json::member(stored, "number")); number > 0 && !ids_.contains(number))
        ids_.insert(number, message.id);
    if (const qint64 shown = numberOf(json::member(stored, "shown")); shown > 0)
        shown_.insert(message.id, shown);
    chat_.messages.append(std::move(message));
}

void OwnChat::addRun(Message& message, const Json& run) {
    try {
        const RunRecord record = recordFrom(run);
        static_cast<RunSummary&>(message.run) = record;
        message.digest.take(record.tokens);
        TokenLog log(record.tokens);
        chat_.tokens.insert(message.id, log.chunks(0, log.size()));
        message.has_run = true;
    } catch (const Error&) {
        ++left_out_;
    } catch (const Json::exception&) {
        ++left_out_;
    }
}

Tuning OwnChat::tuningOf(const Json& stored) {
    Tuning tuning;
    for (const ControlSpec& spec : controls()) {
        const Json& value = json::member(stored, std::string(spec.name).c_str());
        try {
            if (value.is_string())
                tuning = with_control(tuning, spec, value.get<std::string>());
            else if (value.is_number())
                tuning = with_control(tuning, spec, value.get<double>());
            else
                left_out_ += value.is_null() ? 0 : 1;
        } catch (const std::exception&) { // out of its range, or of the other kind
            ++left_out_;
        }
    }
    return tuning;
}

Draft OwnChat::draftOf(const Json& stored) const {
    Draft draft;
    draft.text = json::text(stored, "text");
    draft.files = partsOf(json::list(stored, "files"));
    for (const Json& edit : json::list(stored, "edits")) {
        if (const MessageId message = ids_.value(numberOf(json::member(edit, "message"))); message != 0)
            draft.edits.insert(message, json::text(edit, "text"));
    }
    return draft;
}

WholeChat OwnChat::finish(const Json& stored) {
    chat_.first_id = numberOf(json::member(stored, "id"));
    chat_.summary.title = json::text(stored, "title").left(kLongestTitle);
    chat_.summary.created = json::time(json::member(stored, "created"));
    chat_.summary.changed = json::time(json::member(stored, "changed"));
    chat_.summary.pinned = json::truth(stored, "pinned");
    if (chat_.summary.title.trimmed().isEmpty() && !chat_.messages.isEmpty())
        chat_.summary.title = titleFrom(chat_.messages.first().text());
    if (chat_.summary.title.trimmed().isEmpty())
        chat_.summary.title = QCoreApplication::translate("ChatTransfer", "Imported chat");
    const QString titled = json::text(stored, "titled");
    chat_.summary.title_by = titled == "model"_L1  ? TitleBy::Model
                             : titled == "gist"_L1 ? TitleBy::Gist
                                                   : TitleBy::User;
    chat_.system_prompt = json::text(stored, "system_prompt");
    const Json& model = json::member(stored, "model");
    chat_.model = {json::text(model, "key").left(kLongestModelName),
                   json::text(model, "fingerprint").left(kLongestModelName)};
    chat_.own_dials = json::member(stored, "tuning").is_object();
    chat_.tuning = tuningOf(json::member(stored, "tuning"));
    chat_.unsent = draftOf(json::member(stored, "draft"));
    if (const Json& folder = json::member(stored, "folder"); folder.is_number_unsigned())
        chat_.folder = folder.get<std::size_t>();
    if (const MessageId first = ids_.value(numberOf(json::member(stored, "shown"))); first != 0)
        chat_.shown.insert(0, first);
    for (auto shown = shown_.cbegin(); shown != shown_.cend(); ++shown) {
        if (const MessageId child = ids_.value(shown.value()); child != 0)
            chat_.shown.insert(shown.key(), child);
    }
    chat_.has_id = chat_.first_id != 0;
    chat_.source = sourceOf(chat_, "Switchyard/" + QByteArray::number(chat_.first_id));
    WholeChat whole = std::move(chat_);
    begin();
    return whole;
}

} // namespace switchyard
