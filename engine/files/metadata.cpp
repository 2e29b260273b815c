// Look-ups in a model's metadata, with exact numeric conversions.
#include "engine/base/error.h"
#include "engine/files/gguf.h"
#include "engine/files/mapped_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

namespace switchyard {

namespace {

[[noreturn]] void wrong_type(std::string_view key, const char* wanted) {
    throw Error("metadata key " + in_quotes(key) + " is not " + wanted);
}

/// `value` as To where To holds it exactly.
template <typename To, typename From>
std::optional<To> exactly(From value) {
    if constexpr (std::is_floating_point_v<From> && std::is_floating_point_v<To>) {
        return static_cast<To>(value);
    } else if constexpr (std::is_floating_point_v<From>) {
        // 2^63 and 2^64 are exact as doubles; the maxima are not.
        const double limit = std::ldexp(1.0, std::numeric_limits<To>::digits);
        const double lowest = std::is_signed_v<To> ? -limit : 0.0;
        if (!(value >= lowest && value < limit) || value != std::trunc(value)) {
            return std::nullopt;
        }
        return static_cast<To>(value);
    } else if constexpr (std::is_floating_point_v<To>) {
        constexpr auto kLargest = std::int64_t{1} << std::numeric_limits<To>::digits;
        if (std::cmp_greater(value, kLargest) || std::cmp_less(value, -kLargest)) {
            return std::nullopt;
        }
        return static_cast<To>(value);
    } else {
        return std::in_range<To>(value) ? std::optional<To>(static_cast<To>(value)) : std::nullopt;
    }
}

/// The scalar under `key` as To; nullopt where the key is absent.
template <typename To>
std::optional<To> number(const MetadataValue* value, std::string_view key, const char* wanted) {
    if (value == nullptr) {
        return std::nullopt;
    }
    return std::visit(
        [&](const auto& v) -> std::optional<To> {
            using V = std::remove_cvref_t<decltype(v)>;
            if constexpr (std::is_arithmetic_v<V> && !std::is_same_v<V, bool>) {
                if (const std::optional<To> result = exactly<To>(v)) {
                    return result;
                }
            }
            wrong_type(key, wanted);
        },
        *value);
}

/// The array under `key` as To; nullopt where the key is absent. Booleans count as 0 and 1.
template <typename To>
std::optional<std::vector<To>> numbers(const MetadataValue* value, std::string_view key, const char* wanted) {
    if (value == nullptr) {
        return std::nullopt;
    }
    return std::visit(
        [&](const auto& v) -> std::optional<std::vector<To>> {
            using V = std::remove_cvref_t<decltype(v)>;
            if constexpr (std::is_same_v<V, std::vector<bool>>) {
                return std::vector<To>(v.begin(), v.end());
            } else if constexpr (requires { typename V::value_type; } && !std::is_same_v<V, std::string>) {
                if constexpr (std::is_arithmetic_v<typename V::value_type>) {
                    std::vector<To> out;
                    out.reserve(v.size());
                    for (const auto element : v) {
                        const std::optional<To> converted = exactly<To>(element);
                        if (!converted) {
                            wrong_type(key, wanted);
                        }
                        out.push_back(*converted);
                    }
                    return out;
                }
            }
            wrong_type(key, wanted);
        },
        *value);
}

} // namespace

const MetadataValue* Metadata::find(std::string_view key) const {
    const auto it =
        std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.first == key; });
    return it == entries_.end() ? nullptr : &it->second;
}

std::optional<std::uint64_t> Metadata::uint(std::string_view key) const {
    return number<std::uint64_t>(find(key), key, "a whole number of zero or more");
}

std::optional<double> Metadata::real(std::string_view key) const {
    return number<double>(find(key), key, "a number");
}

std::optional<bool> Metadata::boolean(std::string_view key) const {
    const MetadataValue* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (const bool* b = std::get_if<bool>(value)) {
        return *b;
    }
    wrong_type(key, "true or false");
}

std::optional<std::string> Metadata::text(std::string_view key) const {
    const MetadataValue* value = find(key);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (const auto* s = std::get_if<std::string>(value)) {
        return *s;
    }
    wrong_type(key, "a text");
}

const std::vector<std::string>* Metadata::texts(std::string_view key) const {
    const MetadataValue* value = find(key);
    if (value == nullptr) {
        return nullptr;
    }
    if (const auto* v = std::get_if<std::vector<std::string>>(value)) {
        return v;
    }
    wrong_type(key, "an array of texts");
}

std::optional<std::vector<double>> Metadata::reals(std::string_view key) const {
    return numbers<double>(find(key), key, "an array of numbers");
}

std::optional<std::vector<std::int64_t>> Metadata::integers(std::string_view key) const {
    return numbers<std::int64_t>(find(key), key, "an array of whole numbers");
}

void Metadata::set(std::string key, MetadataValue value) {
    set_stored(std::move(key), std::move(value), GgufType::Unset);
}

void Metadata::set_stored(std::string key, MetadataValue value, GgufType stored) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].first == key) {
            entries_[i].second = std::move(value);
            stored_[i] = stored;
            return;
        }
    }
    entries_.emplace_back(std::move(key), std::move(value));
    stored_.push_back(stored);
}

void Metadata::erase(std::string_view key) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (entries_[i].first == key) {
            entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(i));
            stored_.erase(stored_.begin() + static_cast<std::ptrdiff_t>(i));
            return;
        }
    }
}

} // namespace switchyard
