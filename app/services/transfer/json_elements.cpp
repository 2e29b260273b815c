#include "app/services/transfer/json_elements.h"

#include "app/services/transfer/json_chats.h"
#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>

#include <string>
#include <vector>

namespace switchyard {

namespace {

using Json = nlohmann::json;

enum class Event { Begin, Value, ListEnd, ObjectEnd };

/// Builds the values that the parser tells of and takes out of them what is whole, each in constant time: a
/// list of a million elements is as fast as a million lists of one.
class Cutter {
  public:
    Cutter(JsonBytes& bytes, const JsonLimits& limits, ElementSink& sink)
        : bytes_(bytes), limits_(limits), sink_(sink) {}

    // What nlohmann's parser calls; false would end it, and nothing here does.
    bool null() { return leaf(nullptr); }
    bool boolean(bool is) { return leaf(is); }
    bool number_integer(Json::number_integer_t number) { return leaf(number); }
    bool number_unsigned(Json::number_unsigned_t number) { return leaf(number); }
    bool number_float(Json::number_float_t number, const std::string&) { return leaf(number); }
    bool string(std::string& text) { return leaf(std::move(text)); }
    bool binary(Json::binary_t&) { return true; } // not in texts
    bool start_object(std::size_t) { return begin(Json::object()); }
    bool start_array(std::size_t) { return begin(Json::array()); }
    bool end_object() { return end(Event::ObjectEnd); }
    bool end_array() { return end(Event::ListEnd); }
    bool key(std::string& name) {
        check(depth(), Event::Begin);
        if (open_.size() == 1)
            key_ = name;
        else if (open_.size() == 3)
            chat_key_ = name;
        open_.back().key = std::move(name);
        return true;
    }
    bool parse_error(std::size_t at, const std::string&, const Json::exception& error) {
        constexpr int kNumberBeyondAllBounds = 406;
        if (error.id == kNumberBeyondAllBounds)
            throw TransferError(QCoreApplication::translate("ChatTransfer", "it is damaged"));
        throw TransferError(QCoreApplication::translate("ChatTransfer",
                                                        "it is damaged or not whole: at byte %1 "
                                                        "it is not JSON")
                                .arg(at));
    }

  private:
    struct Open {
        Json value;
        std::string key; ///< of an object: of what comes next in it
    };

    int depth() const { return static_cast<int>(open_.size()); }

    bool begin(Json empty) {
        check(depth(), Event::Begin);
        if (open_.empty())
            list_ = empty.is_array();
        open_.push_back(Open{std::move(empty), {}});
        return true;
    }

    bool leaf(Json value) {
        check(depth(), Event::Value);
        if (!take(depth(), false, value))
            keep(std::move(value));
        return true;
    }

    bool end(Event event) {
        check(depth() - 1, event);
        Json whole = std::move(open_.back().value);
        open_.pop_back();
        if (!take(depth(), event == Event::ObjectEnd, whole))
            keep(std::move(whole));
        return true;
    }

    /// In what it stands in; what stands in nothing is not needed any more.
    void keep(Json value) {
        if (open_.empty())
            return;
        Open& around = open_.back();
        if (around.value.is_array())
            around.value.push_back(std::move(value));
        else
            around.value[around.key] = std::move(value);
    }

    bool inChats() const { return own_ && key_ == "chats"; }

    void check(int depth, Event event) {
        constexpr unsigned kPause = 4096; // events between two looks at whether to go on
        if (++events_ % kPause == 0)
            bytes_.look();
        if (depth > limits_.depth)
            throw TransferError(
                QCoreApplication::translate("ChatTransfer", "it is nested deeper than any file of chats"));
        if (event == Event::ListEnd || event == Event::ObjectEnd)
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

    JsonBytes& bytes_;
    const JsonLimits& limits_;
    ElementSink& sink_;
    std::vector<Open> open_;     ///< the outermost first
    std::string key_, chat_key_; ///< of the outermost object, of a chat's
    bool list_ = false, own_ = false;
    qint64 values_ = 0, message_values_ = 0;
    qint64 chat_begins_ = 0; ///< bytes, about
    unsigned events_ = 0;
};

} // namespace

void readElements(JsonBytes& bytes, const JsonLimits& limits, ElementSink& sink) {
    Cutter cutter(bytes, limits, sink);
    try {
        Json::sax_parse(bytes.begin(), JsonBytes::end(), &cutter);
    } catch (const Json::exception&) {
        throw TransferError(QCoreApplication::translate("ChatTransfer", "it is damaged"));
    }
}

} // namespace switchyard
