// Keys of a file's metadata, each within its bounds, and the parts of a model's shape that they make.
#pragma once

#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/model/architecture.h"
#include "engine/model/model_config.h"
#include "engine/model/size_limits.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace switchyard {

// Reads "<architecture>.<key>", with bounds that keep every later product of sizes within 64 bits.
class ConfigReader {
  public:
    ConfigReader(const ModelFile& file, std::string architecture)
        : file_(file), prefix_(std::move(architecture) + ".") {}

    int count(std::string_view key, int fallback, int least, int most) const {
        const auto value = file_.metadata().uint(prefix_ + std::string(key));
        if (!value)
            return fallback;
        if (*value < static_cast<std::uint64_t>(least) || *value > static_cast<std::uint64_t>(most))
            fail(key, "is " + std::to_string(*value) + ", expected " + std::to_string(least) + " to " +
                          std::to_string(most));
        return static_cast<int>(*value);
    }
    int required(std::string_view key, int least, int most) const {
        if (!file_.metadata().has(prefix_ + std::string(key)))
            fail(key, "is missing");
        return count(key, 0, least, most);
    }
    bool has(std::string_view key) const { return file_.metadata().has(prefix_ + std::string(key)); }
    bool has_number(std::string_view key) const {
        const MetadataValue* value = file_.metadata().find(prefix_ + std::string(key));
        return value && (std::holds_alternative<std::uint64_t>(*value) ||
                         std::holds_alternative<std::int64_t>(*value));
    }
    float real(std::string_view key, float fallback) const {
        return static_cast<float>(file_.metadata().real(prefix_ + std::string(key)).value_or(fallback));
    }
    bool flag(std::string_view key, bool fallback) const {
        return file_.metadata().boolean(prefix_ + std::string(key)).value_or(fallback);
    }
    /// nullptr where the key is absent.
    const std::vector<bool>* flags(std::string_view key) const {
        const MetadataValue* value = file_.metadata().find(prefix_ + std::string(key));
        const auto* array = value ? std::get_if<std::vector<bool>>(value) : nullptr;
        if (value && !array)
            fail(key, "is not an array of true and false");
        return array;
    }
    /// An array of numbers, at least one a layer; empty where the key is absent.
    std::vector<float> reals(std::string_view key, int layers) const {
        const auto given = file_.metadata().reals(prefix_ + std::string(key));
        if (given && given->size() < static_cast<std::size_t>(layers))
            fail(key, "does not say it of each layer");
        return given ? std::vector<float>(given->begin(), given->end()) : std::vector<float>();
    }
    /// An array of counts, one a layer; empty where the key is absent or one number.
    std::vector<int> counts(std::string_view key, int most) const {
        const MetadataValue* value = file_.metadata().find(prefix_ + std::string(key));
        const bool array = value && std::visit(
                                        [](const auto& v) {
                                            using V = std::remove_cvref_t<decltype(v)>;
                                            return requires { typename V::value_type; }
                                            &&!std::is_same_v<V, std::string>;
                                        },
                                        *value);
        const auto given = array ? file_.metadata().reals(prefix_ + std::string(key)) : std::nullopt;
        std::vector<int> all;
        for (std::size_t i = 0; given && i < given->size(); ++i) {
            const double one = (*given)[i];
            if (!(one >= 0 && one <= most) || one != std::floor(one))
                fail(key, "has a layer's number that is not 0 to " + std::to_string(most));
            all.push_back(static_cast<int>(one));
        }
        return all;
    }
    /// A width of each layer, or one of all, then `by_layer` stays empty. Returns the widest.
    int width(std::string_view key, int fallback, int layers, std::vector<int>& by_layer) const {
        const std::vector<int> widths = counts(key, kMostWidth);
        if (widths.empty())
            return count(key, fallback, 0, kMostWidth);
        if (widths.size() < static_cast<std::size_t>(layers))
            fail(key, "does not say it of each layer");
        const int most = *std::ranges::max_element(widths);
        if (std::ranges::any_of(widths, [&](int width) { return width != most; }))
            by_layer = widths;
        return most;
    }
    std::string text(std::string_view key) const {
        return file_.metadata().text(prefix_ + std::string(key)).value_or("");
    }
    [[noreturn]] void fail(std::string_view key, const std::string& what) const {
        throw Error(file_.path().string() + ": the key " + prefix_ + std::string(key) + " " + what);
    }

  private:
    const ModelFile& file_;
    std::string prefix_;
};

void read_attention(const ConfigReader& keys, ModelConfig& c);
void read_indexer(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c);
void read_windows(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c);
/// The widths of heads with a window, after read_windows().
void read_window_heads(const ConfigReader& keys, ModelConfig& c);
/// Llama 4's chunks and what comes with them, after read_rotated().
void read_chunks(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                 ModelConfig& c);
void read_rotated(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                  ModelConfig& c);
/// After read_attention().
void read_linear(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                 ModelConfig& c);
/// DeepSeek-V4's keys.
void read_compressed(const ConfigReader& keys, ModelConfig& c);
/// After read_windows() and read_rotated().
void read_rope(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
               ModelConfig& c);
void read_experts(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                  ModelConfig& c);

} // namespace switchyard
