// Opening Hugging Face model folders.
#include "engine/files/safetensors.h"

#include "engine/base/error.h"
#include "engine/files/json_file.h"
#include "engine/files/mapped_file.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

namespace switchyard {

namespace {

constexpr std::size_t kMaxConfig = 16u << 20, kMaxIndex = 64u << 20;
constexpr std::size_t kMaxShards = 9999;
constexpr const char* kWhole = "model.safetensors";

/// A plain file name: an index must not lead out of its folder.
bool is_plain_name(const std::string& name) {
    return !name.empty() && name.find_first_of(std::string("/\\\0", 3)) == name.npos && name != "." &&
           name != "..";
}

/// Which file each tensor is in, by an index.
std::map<std::string, std::string> weight_map(const std::filesystem::path& index) {
    const nlohmann::json json = read_json(index, kMaxIndex);
    const auto map = json.is_object() ? json.find("weight_map") : json.end();
    if (map == json.end() || !map->is_object()) {
        throw Error(index.string() + ": has no weight_map");
    }
    std::map<std::string, std::string> files;
    for (const auto& [tensor, file] : map->items()) {
        if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
            throw Error(index.string() + ": weight_map gives no file name for " + in_quotes(tensor));
        }
        files.emplace(tensor, file.get<std::string>());
    }
    return files;
}

class Folder final : public SafetensorsFolder {
  public:
    explicit Folder(std::filesystem::path path)
        : path_(std::move(path)),
          config_(std::make_unique<nlohmann::json>(read_json(path_ / "config.json", kMaxConfig))) {
        if (!config_->is_object()) {
            throw Error((path_ / "config.json").string() + ": is not a JSON object");
        }
        for (const std::string& name : file_names()) {
            add(path_ / name);
        }
        check_whole();
    }

    const nlohmann::json& config() const override { return *config_; }
    std::span<const FolderTensor> tensors() const override { return tensors_; }
    const FolderTensor* find(std::string_view name) const override {
        const auto it = by_name_.find(name);
        return it == by_name_.end() ? nullptr : &tensors_[it->second];
    }
    const std::filesystem::path& path() const override { return path_; }
    std::size_t bytes() const override {
        std::size_t total = 0;
        for (const auto& file : files_) {
            total += file->bytes().size();
        }
        return total;
    }
    void check_whole() const override {
        for (const auto& file : files_) {
            file->check();
        }
    }

    std::vector<std::string> notes() const override { return notes_; }

  private:
    std::set<std::string> file_names() {
        const std::filesystem::path index = path_ / "model.safetensors.index.json";
        const bool whole = std::filesystem::exists(path_ / kWhole);
        if (std::filesystem::exists(index) && !(whole && stale(index))) {
            const auto map = weight_map(index);
            std::set<std::string> shards;
            for (const auto& [tensor, file] : map) {
                shards.insert(file);
            }
            if (shards.size() > kMaxShards) {
                throw Error(index.string() + ": names " + std::to_string(shards.size()) + " files");
            }
            return shards;
        }
        if (whole) {
            return {kWhole};
        }
        if (std::filesystem::exists(path_ / "pytorch_model.bin") ||
            std::filesystem::exists(path_ / "pytorch_model.bin.index.json")) {
            throw Error(path_.string() + ": holds its weights as pytorch_model.bin, which can run code when "
                                         "opened and is not read; convert it to safetensors");
        }
        throw Error(path_.string() + ": holds no model.safetensors");
    }

    /// Whether the index is of other files than the whole one beside it, which loaders prefer: it cannot be
    /// read, names shards that are not there, or nothing that the whole file lacks.
    bool stale(const std::filesystem::path& index) {
        std::set<std::string> names;
        try {
            const MappedFile file(path_ / kWhole);
            for (FolderTensor& t : parse_safetensors(file.bytes(), kWhole)) {
                names.insert(std::move(t.name));
            }
        } catch (const Error&) {
            return false; // it is not whole
        }
        if (index_goes_first(index, names)) {
            return false;
        }
        notes_.push_back("model.safetensors.index.json does not belong to model.safetensors, which is whole "
                         "and is read instead.");
        return true;
    }

    bool index_goes_first(const std::filesystem::path& index, const std::set<std::string>& whole) const {
        std::map<std::string, std::string> map;
        try {
            map = weight_map(index);
        } catch (const Error&) {
            return false; // what is wrong with an index that is not needed is not said
        }
        bool lacking = false, named = false;
        for (const auto& [tensor, file] : map) {
            if (!std::filesystem::exists(path_ / file)) {
                return false;
            }
            lacking |= !whole.contains(tensor);
            named |= file == kWhole;
        }
        return lacking || named;
    }

    static std::vector<FolderTensor> parse(const MappedFile& file, const std::string& name) {
        try {
            return parse_safetensors(file.bytes(), name);
        } catch (const Error&) {
            file.check(); // the better reason
            throw;
        }
    }

    void add(const std::filesystem::path& path) {
        files_.push_back(std::make_unique<MappedFile>(path));
        for (FolderTensor& t : parse(*files_.back(), path.string())) {
            if (!by_name_.emplace(t.name, tensors_.size()).second) {
                throw Error(path.string() + ": tensor " + in_quotes(t.name) + " is also in an earlier file");
            }
            tensors_.push_back(std::move(t));
        }
    }

    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    std::filesystem::path path_;
    std::unique_ptr<nlohmann::json> config_;
    std::vector<std::unique_ptr<MappedFile>> files_;
    std::vector<FolderTensor> tensors_;
    std::vector<std::string> notes_;
    std::unordered_map<std::string, std::size_t, TextHash, std::equal_to<>> by_name_;
};

} // namespace

std::shared_ptr<const SafetensorsFolder> open_safetensors(const std::filesystem::path& folder) {
    if (!std::filesystem::is_directory(folder)) {
        throw Error(folder.string() + ": is not a folder");
    }
    return std::make_shared<Folder>(folder);
}

} // namespace switchyard
