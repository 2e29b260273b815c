// Opening GGUF files: one, or the parts of a split one.
#include "engine/files/gguf.h"

#include "engine/base/error.h"
#include "engine/files/gguf_parse.h"
#include "engine/files/mapped_file.h"
#include "engine/files/tensor_table.h"

#include <cstdio>

namespace switchyard {

namespace {

constexpr std::uint64_t kMaxParts = 9999;

class GgufModelFile final : public ModelFile {
  public:
    explicit GgufModelFile(std::filesystem::path path) : path_(std::move(path)) {
        try {
            open_parts(map(path_));
            check_whole();
        } catch (const Error& error) {
            check_whole(); // the better reason
            // Metadata look-ups do not know the file.
            const std::string message = error.what();
            throw Error(message.starts_with("metadata key") ? path_.string() + ": " + message : message);
        }
        for (const char* key : {"split.no", "split.count", "split.tensors.count"}) {
            metadata_.erase(key); // this object is the whole model
        }
    }

    const Metadata& metadata() const override { return metadata_; }
    std::span<const TensorView> tensors() const override { return tensors_.all(); }
    const TensorView* find(std::string_view name) const override { return tensors_.find(name); }
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
    GgufHeader map(const std::filesystem::path& path) {
        files_.push_back(std::make_unique<MappedFile>(path));
        return parse_gguf(files_.back()->bytes(), path.string());
    }

    void add(const GgufHeader& header, const std::filesystem::path& path) {
        for (const std::string& name : header.empty) {
            notes_.push_back("The tensor " + in_quotes(name) + " is empty and is left out.");
        }
        for (const TensorView& t : header.tensors) {
            if (!tensors_.add(t)) {
                throw Error(path.string() + ": tensor " + in_quotes(t.name) + " is also in an earlier part");
            }
        }
    }

    void open_parts(GgufHeader first) {
        metadata_ = std::move(first.metadata);
        add(first, path_);
        const std::uint64_t parts = metadata_.uint("split.count").value_or(1);
        const std::uint64_t number = metadata_.uint("split.no").value_or(0);
        if (number != 0) {
            throw Error(path_.string() + ": is part " + std::to_string(number + 1) +
                        " of a split model; open its first part");
        }
        if (parts > kMaxParts) {
            throw Error(path_.string() + ": split.count claims " + std::to_string(parts) + " parts");
        }
        for (std::uint64_t i = 1; i < parts; ++i) {
            open_part(i, parts);
        }
        if (const auto claimed = metadata_.uint("split.tensors.count"); claimed && parts > 1) {
            if (*claimed != tensors_.all().size() + notes_.size()) {
                throw Error(path_.string() + ": split.tensors.count is " + std::to_string(*claimed) +
                            ", but the parts hold " + std::to_string(tensors_.all().size()) + " tensors");
            }
        }
    }

    void open_part(std::uint64_t index, std::uint64_t parts) {
        const std::filesystem::path path = part_path(index, parts);
        if (std::error_code error; !std::filesystem::exists(path, error) && !error) {
            throw Error(path.string() + ": cannot be read: part " + std::to_string(index + 1) + " of " +
                        std::to_string(parts) + " is missing; put it beside the first one");
        }
        GgufHeader part = map(path);
        if (part.metadata.uint("split.no") != index || part.metadata.uint("split.count") != parts) {
            throw Error(path.string() + ": is not part " + std::to_string(index + 1) + " of " +
                        std::to_string(parts) + " by its own split keys");
        }
        add(part, path);
    }

    /// Parts are named NAME-00001-of-00003.gguf.
    std::filesystem::path part_path(std::uint64_t index, std::uint64_t parts) const {
        const auto suffix = [&](std::uint64_t i) {
            char text[40];
            std::snprintf(text, sizeof text, "-%05u-of-%05u.gguf", static_cast<unsigned>(i + 1),
                          static_cast<unsigned>(parts));
            return std::string(text);
        };
        const std::string name = path_.filename().string();
        if (!name.ends_with(suffix(0))) {
            throw Error(path_.string() + ": is the first of " + std::to_string(parts) +
                        " parts, so its name must end in " + suffix(0));
        }
        return path_.parent_path() / (name.substr(0, name.size() - suffix(0).size()) + suffix(index));
    }

    std::filesystem::path path_;
    std::vector<std::unique_ptr<MappedFile>> files_;
    Metadata metadata_;
    TensorTable tensors_;
    std::vector<std::string> notes_; ///< one an empty tensor
};

} // namespace

std::shared_ptr<const ModelFile> open_gguf(const std::filesystem::path& path) {
    return std::make_shared<GgufModelFile>(path);
}

} // namespace switchyard
