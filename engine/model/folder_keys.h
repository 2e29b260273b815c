// Reading keys of a config.json, and writing them as GGUF metadata.
#pragma once

#include "engine/base/error.h"
#include "engine/files/gguf.h"
#include "engine/model/size_limits.h"

#include <nlohmann/json.hpp>

#include <initializer_list>
#include <optional>
#include <string>

namespace switchyard {

/// Look-ups in an object that name the key when its value is of the wrong kind. null counts as absent.
class Keys {
  public:
    static constexpr std::uint64_t kMostValue = 1u << 30;

    Keys(const nlohmann::json& object, std::string name) : object_(object), name_(std::move(name)) {}

    const nlohmann::json* find(const char* key) const {
        const auto it = object_.find(key);
        return it == object_.end() || it->is_null() ? nullptr : &*it;
    }
    bool has(const char* key) const { return find(key) != nullptr; }
    /// Whether the key is there, be it null.
    bool said(const char* key) const { return object_.contains(key); }

    std::optional<std::uint64_t> count(const char* key, std::uint64_t most = kMostValue) const {
        const nlohmann::json* value = find(key);
        if (value == nullptr) {
            return std::nullopt;
        }
        if (!value->is_number_unsigned()) {
            fail(key, "is not a count");
        }
        if (value->get<std::uint64_t>() > most) {
            fail(key, "is " + value->dump() + ", expected " + std::to_string(most) + " at most");
        }
        return value->get<std::uint64_t>();
    }
    std::uint64_t required(const char* key, std::uint64_t most = kMostValue) const {
        const auto value = count(key, most);
        if (!value) {
            fail(key, "is missing");
        }
        return *value;
    }
    /// A finite number.
    std::optional<double> real(const char* key) const {
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_number()) {
            fail(key, "is not a number");
        }
        return value == nullptr ? std::nullopt : std::optional(value->get<double>());
    }
    std::optional<bool> flag(const char* key) const {
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_boolean()) {
            fail(key, "is not true or false");
        }
        return value == nullptr ? std::nullopt : std::optional(value->get<bool>());
    }
    std::string text(const char* key) const {
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_string()) {
            fail(key, "is not a text");
        }
        return value == nullptr ? "" : value->get<std::string>();
    }
    /// The object under `key`; an empty one where it is absent.
    Keys object(const char* key) const {
        static const nlohmann::json kNone = nlohmann::json::object();
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_object()) {
            fail(key, "is not an object");
        }
        return {value == nullptr ? kNone : *value, name_};
    }
    const std::string& name() const { return name_; } ///< the file's
    [[noreturn]] void fail(const char* key, const std::string& what) const {
        throw Error(name_ + ": the key " + key + " " + what);
    }

  private:
    const nlohmann::json& object_;
    std::string name_;
};

/// A count under the first of some keys that is there; of an array, which has one a layer, the one that all
/// have. Throws Error where layers differ.
inline std::optional<std::uint64_t> first_count(const Keys& keys, std::initializer_list<const char*> names,
                                                std::uint64_t most) {
    for (const char* name : names) {
        const nlohmann::json* value = keys.find(name);
        if (value == nullptr) {
            continue;
        }
        if (!value->is_array()) {
            return keys.count(name, most);
        }
        if (value->empty() || !(*value)[0].is_number_unsigned() || (*value)[0].get<std::uint64_t>() > most) {
            keys.fail(name, "is not a count a layer");
        }
        for (const nlohmann::json& one : *value) {
            if (one != (*value)[0]) {
                keys.fail(name, "differs from layer to layer, which is not known here");
            }
        }
        return (*value)[0].get<std::uint64_t>();
    }
    return std::nullopt;
}

/// A count under the first of some keys that is there. Throws Error where none is.
inline std::uint64_t required_count(const Keys& keys, std::initializer_list<const char*> names,
                                    std::uint64_t most) {
    const auto value = first_count(keys, names, most);
    if (!value) {
        keys.fail(*names.begin(), "is missing");
    }
    return *value;
}

/// Sets "<architecture>.<key>".
class Target {
  public:
    Target(Metadata& metadata, std::string architecture)
        : metadata_(metadata), prefix_(std::move(architecture) + ".") {}
    void set(const char* key, MetadataValue value) { metadata_.set(prefix_ + key, std::move(value)); }
    void erase(const char* key) { metadata_.erase(prefix_ + key); }
    void copy(const char* key, const std::optional<std::uint64_t>& value) {
        if (value) {
            set(key, *value);
        }
    }

  private:
    Metadata& metadata_;
    std::string prefix_;
};

} // namespace switchyard
