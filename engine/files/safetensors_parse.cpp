// The header of a safetensors file: a length, then JSON that says where each tensor lies. Read event by
// event, so that a header of any content costs no more memory than the tensors it names.
#include "engine/base/error.h"
#include "engine/files/mapped_file.h"
#include "engine/files/safetensors.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_set>

namespace switchyard {

namespace {

constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000; // the format's own limit
constexpr std::size_t kMaxSafetensors = 1 << 20;
constexpr std::size_t kMaxDimensions = 8;

struct ElementType {
    std::string_view name;
    std::size_t bytes;
    std::optional<FolderType> type; ///< of those that are read
};

constexpr ElementType kElementTypes[] = {
    {"F32", 4, FolderType::F32},
    {"F16", 2, FolderType::F16},
    {"BF16", 2, FolderType::BF16},
    {"F8_E4M3", 1, FolderType::F8_E4M3},
    {"U8", 1, FolderType::U8},
    {"I64", 8, FolderType::I64},
    {"F64", 8, {}},
    {"F8_E5M2", 1, {}},
    {"F8_E8M0", 1, FolderType::U8},
    {"I8", 1, FolderType::U8},
    {"I16", 2, {}},
    {"U16", 2, {}},
    {"I32", 4, {}},
    {"U32", 4, {}},
    {"U64", 8, {}},
    {"BOOL", 1, {}},
};

/// A tensor as the header tells of it.
struct Entry {
    std::string name;
    const ElementType* element = nullptr;
    std::vector<std::uint64_t> shape;
    bool has_shape = false;
    std::vector<std::uint64_t> offsets; ///< begin and end in the data
};

/// Takes {"tensor": {"dtype": text, "shape": [...], "data_offsets": [begin, end]}, "__metadata__": {...}} and
/// refuses anything else by throwing.
class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
  public:
    explicit HeaderEvents(const std::string& name) : name_(name) {}

    std::vector<Entry> take() { return std::move(entries_); }
    [[noreturn]] void fail(const std::string& why) const { throw Error(name_ + ": " + why); }

    bool null() override { unexpected(); }
    bool boolean(bool) override { unexpected(); }
    bool number_integer(number_integer_t) override { unexpected(); }
    bool number_float(number_float_t, const string_t&) override { unexpected(); }
    bool binary(binary_t&) override { unexpected(); }

    bool number_unsigned(number_unsigned_t value) override {
        std::vector<std::uint64_t>* list = current_list();
        if (list == nullptr) {
            unexpected();
        }
        if (list->size() == kMaxDimensions) {
            fail(what() + " has more than " + std::to_string(kMaxDimensions) + " dimensions");
        }
        list->push_back(value);
        return true;
    }

    bool string(string_t& value) override {
        if (depth_ == 2 && in_metadata_) {
            return true;
        }
        if (depth_ != 2 || field_ != "dtype" || entries_.back().element != nullptr) {
            unexpected();
        }
        const auto* type = std::ranges::find(kElementTypes, std::string_view(value), &ElementType::name);
        if (type == std::end(kElementTypes)) {
            fail(what() + " has the unknown type " + in_quotes(value));
        }
        entries_.back().element = type;
        return true;
    }

    bool start_object(std::size_t) override {
        if (++depth_ > 2 || in_list_) {
            unexpected();
        }
        return true;
    }

    bool end_object() override {
        --depth_;
        in_metadata_ = in_metadata_ && depth_ > 1;
        return true;
    }

    bool start_array(std::size_t) override {
        if (depth_ != 2 || in_list_ || in_metadata_ || (field_ != "shape" && field_ != "data_offsets")) {
            unexpected();
        }
        in_list_ = true;
        if (!current_list()->empty() || (field_ == "shape" && entries_.back().has_shape)) {
            unexpected();
        }
        entries_.back().has_shape |= field_ == "shape";
        return true;
    }

    bool end_array() override {
        in_list_ = false;
        return true;
    }

    bool key(string_t& value) override {
        if (depth_ == 1) {
            in_metadata_ = value == "__metadata__";
            if (!in_metadata_) {
                start_tensor(value);
            }
        } else {
            field_ = value;
        }
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        fail("its header is not JSON (byte " + std::to_string(position) + ")");
    }

  private:
    std::string what() const {
        return entries_.empty() || in_metadata_ ? "the header" : "tensor " + in_quotes(entries_.back().name);
    }
    [[noreturn]] void unexpected() const { fail(what() + " is not as the safetensors format says"); }

    void start_tensor(const std::string& name) {
        if (!seen_.insert(name).second) {
            fail("tensor " + in_quotes(name) + " occurs twice");
        }
        if (entries_.size() == kMaxSafetensors) {
            fail("it names more than " + std::to_string(kMaxSafetensors) + " tensors");
        }
        entries_.emplace_back().name = name;
    }

    std::vector<std::uint64_t>* current_list() {
        if (!in_list_) {
            return nullptr;
        }
        return field_ == "shape" ? &entries_.back().shape : &entries_.back().offsets;
    }

    const std::string& name_;
    std::vector<Entry> entries_;
    std::unordered_set<std::string> seen_;
    std::string field_;
    int depth_ = 0;
    bool in_list_ = false, in_metadata_ = false;
};

/// Bytes of the tensor by its shape and type. Throws Error where they exceed `limit`.
std::uint64_t entry_bytes(const Entry& entry, std::uint64_t limit, const HeaderEvents& header) {
    std::uint64_t bytes = entry.element->bytes;
    if (std::ranges::find(entry.shape, 0u) != entry.shape.end()) {
        return 0;
    }
    for (const std::uint64_t extent : entry.shape) {
        if (extent > limit / bytes) {
            header.fail("tensor " + in_quotes(entry.name) + " is larger than the file");
        }
        bytes *= extent;
    }
    return bytes;
}

/// The JSON between the length and the data.
std::string_view header_text(std::span<const std::byte> bytes, const std::string& name) {
    std::uint64_t length = 0;
    if (bytes.size() < sizeof length) {
        throw Error(name + ": is not a safetensors file");
    }
    std::memcpy(&length, bytes.data(), sizeof length);
    if (length > kMaxSafetensorsHeader || length > bytes.size() - sizeof length) {
        throw Error(name + ": claims a header of " + std::to_string(length) + " bytes (cut short?)");
    }
    return {reinterpret_cast<const char*>(bytes.data()) + sizeof length, length};
}

/// Checks that an entry is whole and its data where it says.
void check(const Entry& entry, std::uint64_t data_size, std::uint64_t& covered, const HeaderEvents& header) {
    const std::string what = "tensor " + in_quotes(entry.name);
    if (entry.element == nullptr || !entry.has_shape || entry.offsets.size() != 2) {
        header.fail(what + " lacks its dtype, shape or data_offsets");
    }
    const std::uint64_t begin = entry.offsets[0], end = entry.offsets[1];
    if (begin > end || end > data_size) {
        header.fail(what + " lies beyond the end of the file (cut short?)");
    }
    if (end - begin != entry_bytes(entry, data_size, header)) {
        header.fail(what + " has " + std::to_string(end - begin) +
                    " bytes, which its shape and type do not fill");
    }
    // The format has neither gaps nor overlaps; entries come ordered by their data.
    if (begin != covered) {
        header.fail(what + " does not start where the tensor before it ends");
    }
    covered = end;
}

} // namespace

std::string_view folder_type_name(FolderType type) { return kElementTypes[static_cast<int>(type)].name; }

std::size_t folder_type_bytes(FolderType type) { return kElementTypes[static_cast<int>(type)].bytes; }

std::int64_t FolderTensor::values() const {
    return static_cast<std::int64_t>(bytes / folder_type_bytes(type));
}

std::vector<FolderTensor> parse_safetensors(std::span<const std::byte> bytes, const std::string& name) {
    const std::string_view text = header_text(bytes, name);
    if (text.empty() || text.front() != '{') {
        throw Error(name + ": is not a safetensors file");
    }
    HeaderEvents header(name);
    nlohmann::json::sax_parse(text, &header);
    std::vector<Entry> entries = header.take();
    std::ranges::stable_sort(entries, {}, [](const Entry& e) { return e.offsets; });

    const std::span<const std::byte> data = bytes.subspan(sizeof(std::uint64_t) + text.size());
    std::vector<FolderTensor> tensors;
    std::uint64_t covered = 0;
    for (Entry& entry : entries) {
        check(entry, data.size(), covered, header);
        if (!entry.element->type) {
            continue;
        }
        FolderTensor& t = tensors.emplace_back();
        t.name = std::move(entry.name);
        t.type = *entry.element->type;
        t.shape.assign(entry.shape.begin(), entry.shape.end());
        t.data = data.data() + entry.offsets[0];
        t.bytes = entry.offsets[1] - entry.offsets[0];
    }
    if (covered != data.size()) {
        throw Error(name + ": holds " + std::to_string(data.size() - covered) +
                    " bytes that belong to no tensor");
    }
    return tensors;
}

} // namespace switchyard
