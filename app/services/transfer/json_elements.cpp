#include "app/services/transfer/json_elements.h"

#include "app/services/transfer/json_chats.h"
#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>

#include <vector>

namespace switchyard {

namespace {

using Json = nlohmann::json;

/// Builds what is being read, and takes out of it what is whole. (The library's own way to do so looks
/// through all that an object has at the end of each of its members.)
class Cutter : public nlohmann::json_sax<Json> {
  public:
    Cutter(const JsonBytes& bytes, const JsonLimits& limits, ElementSink& sink)
        : bytes_(bytes), limits_(limits), sink_(sink) {}

    bool null() override { return scalar(nullptr); }
    bool boolean(bool value) override { return scalar(value); }
    bool number_integer(number_integer_t value) override { return scalar(value); }
    bool number_unsigned(number_unsigned_t value) override { return scalar(value); }
    bool number_float(number_float_t value, const string_t&) override { return scalar(value); }
    bool string(string_t& value) override { return scalar(std::move(value)); }
    bool binary(binary_t&) override { return false; } // not of a text
    bool start_object(std::size_t) override { return start(Json::object()); }
    bool start_array(std::size_t) override { return start(Json::array()); }
    bool end_object() override { return end(true); }
    bool end_array() override { return end(false); }

    bool key(string_t& name) override {
        if (open_.size() == 1)
            key_ = name;
        else if (open_.size() == 3)
            chat_key_ = name;
        member_ = &(*open_.back())[std::move(name)];
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
        throw TransferError(QCoreApplication::translate("ChatTransfer",
                                                        "it is damaged or not whole: at byte %1 "
                                                        "it is not JSON")
                                .arg(position));
    }

  private:
    /// Where the next value belongs.
    Json& put(Json value) {
        check();
        if (open_.empty())
            return whole_ = std::move(value);
        if (open_.back()->is_array())
            return open_.back()->emplace_back(std::move(value));
        return *member_ = std::move(value);
    }

    bool scalar(Json value) {
        finish(put(std::move(value)), false);
        return true;
    }

    bool start(Json container) {
        if (open_.empty())
            list_ = container.is_array();
        open_.push_back(&put(std::move(container)));
        return true;
    }

    bool end(bool object) {
        Json& done = *open_.back();
        open_.pop_back();
        finish(done, object);
        return true;
    }

    void finish(Json& value, bool object) {
        if (!take(open_.size(), object, value))
            return;
        if (!open_.empty() && open_.back()->is_array())
            open_.back()->get_ref<Json::array_t&>().pop_back();
        else
            value = nullptr;
    }

    bool inChats() const { return own_ && key_ == "chats"; }

    void check() {
        if (open_.size() > static_cast<std::size_t>(limits_.depth))
            throw TransferError(
                QCoreApplication::translate("ChatTransfer", "it is nested deeper than any file of chats"));
        const bool in_message = inChats() && open_.size() >= 4 && chat_key_ == "messages";
        const bool many = ++(in_message ? message_values_ : values_) > limits_.values;
        if (many || bytes_.bytesRead() - chat_begins_ > limits_.chat)
            throw TransferError(QCoreApplication::translate("ChatTransfer", "a chat in it is too large"));
    }

    /// Of a value within so many others. Whether it was taken.
    bool take(std::size_t depth, bool object, Json& value) {
        if (depth == 0) {
            if (!list_ && !own_)
                sink_.takeElement(std::move(value));
            return true;
        }
        if (depth == 1 && list_) {
            sink_.takeElement(std::move(value));
            beginChat();
            return true;
        }
        if (depth == 1 && key_ == "format" && value == kChatsFormat)
            own_ = true;
        if (!own_)
            return false;
        if (depth == 1 && key_ != "chats")
            sink_.takeHead(key_, value);
        if (!inChats())
            return false;
        if (depth == 4 && chat_key_ == "messages") {
            if (object)
                sink_.takeMessage(value);
            message_values_ = 0;
            return true;
        }
        if (depth == 2) {
            if (object)
                sink_.takeChat(value);
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
    Json whole_;
    std::vector<Json*> open_;    ///< containers, the outermost first
    Json* member_ = nullptr;     ///< of the last of them, where it is an object
    std::string key_, chat_key_; ///< of the outermost object, of a chat's
    bool list_ = false, own_ = false;
    qint64 values_ = 0, message_values_ = 0;
    qint64 chat_begins_ = 0; ///< bytes, about
};

} // namespace

void readElements(JsonBytes& bytes, const JsonLimits& limits, ElementSink& sink) {
    Cutter cutter(bytes, limits, sink);
    try {
        Json::sax_parse(bytes.begin(), JsonBytes::end(), &cutter);
    } catch (const Json::exception&) { // what a reader did not foresee
        throw TransferError(QCoreApplication::translate("ChatTransfer", "it is damaged"));
    }
}

} // namespace switchyard
