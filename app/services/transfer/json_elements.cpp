#include "app/services/transfer/json_elements.h"

#include "app/services/transfer/json_chats.h"
#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>

namespace switchyard {

namespace {

using Json = nlohmann::json;
using Event = Json::parse_event_t;

/// Follows the parser and takes out of its document what is whole.
class Cutter {
  public:
    Cutter(const JsonBytes& bytes, const JsonLimits& limits, ElementSink& sink)
        : bytes_(bytes), limits_(limits), sink_(sink) {}

    /// Whether the value stays in the document.
    bool operator()(int depth, Event event, Json& parsed) {
        check(depth, event);
        switch (event) {
        case Event::object_start:
        case Event::array_start:
            list_ = depth == 0 ? event == Event::array_start : list_;
            return true;
        case Event::key:
            if (depth == 1)
                key_ = parsed.get_ref<const std::string&>();
            else if (depth == 3)
                chat_key_ = parsed.get_ref<const std::string&>();
            return true;
        case Event::value:
        case Event::array_end:
        case Event::object_end:
            return !take(depth, event == Event::object_end, parsed);
        }
        return true;
    }

  private:
    bool inChats() const { return own_ && key_ == "chats"; }

    void check(int depth, Event event) {
        if (depth > limits_.depth)
            throw TransferError(
                QCoreApplication::translate("ChatTransfer", "it is nested deeper than any file of chats"));
        if (event == Event::array_end || event == Event::object_end)
            return;
        const bool in_message = inChats() && depth >= 4 && chat_key_ == "messages";
        const bool many = ++(in_message ? message_values_ : values_) > limits_.values;
        if (many || bytes_.bytesRead() - chat_begins_ > limits_.chat)
            throw TransferError(QCoreApplication::translate("ChatTransfer", "a chat in it is too large"));
    }

    /// Whether it was taken.
    bool take(int depth, bool object, Json& parsed) {
        if (depth == 0) {
            if (!list_ && !own_)
                sink_.takeElement(std::move(parsed));
            return true;
        }
        if (depth == 1 && list_) {
            sink_.takeElement(std::move(parsed));
            beginChat();
            return true;
        }
        if (depth == 1 && key_ == "format" && parsed == kChatsFormat)
            own_ = true;
        if (!own_)
            return false;
        if (depth == 1 && key_ != "chats")
            sink_.takeHead(key_, parsed);
        if (!inChats())
            return false;
        if (depth == 4 && chat_key_ == "messages") {
            if (object)
                sink_.takeMessage(parsed);
            message_values_ = 0;
            return true;
        }
        if (depth == 2) {
            if (object)
                sink_.takeChat(parsed);
            beginChat();
            return true;
        }
        return false;
    }

    void beginChat() {
        values_ = 0;
        chat_begins_ = bytes_.bytesRead();
    }

    const JsonBytes& bytes_;
    const JsonLimits& limits_;
    ElementSink& sink_;
    std::string key_, chat_key_; ///< of the outermost object, of a chat's
    bool list_ = false, own_ = false;
    qint64 values_ = 0, message_values_ = 0;
    qint64 chat_begins_ = 0; ///< bytes, about
};

} // namespace

void readElements(JsonBytes& bytes, const JsonLimits& limits, ElementSink& sink) {
    Cutter cutter(bytes, limits, sink);
    try {
        // All that is of use was taken out of it.
        [[maybe_unused]] const Json rest =
            Json::parse(bytes.begin(), JsonBytes::end(), [&cutter](int depth, Event event, Json& parsed) {
                return cutter(depth, event, parsed);
            });
    } catch (const Json::parse_error& error) {
        throw TransferError(QCoreApplication::translate("ChatTransfer",
                                                        "it is damaged or not whole: at byte %1 "
                                                        "it is not JSON")
                                .arg(error.byte));
    } catch (const Json::exception&) { // a number beyond all bounds
        throw TransferError(QCoreApplication::translate("ChatTransfer", "it is damaged"));
    }
}

} // namespace switchyard
